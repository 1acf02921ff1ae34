/* Tests of src/obs/trace*.c against a small collector on a thread of this test. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "obs/metrics.h"
#include "obs/trace_internal.h"

/* Takes one request a connection and answers with the next of `status`; 0: never answers. */
struct collector {
    int listener, port;
    const int *status;
    pthread_t thread;
    atomic_int requests; /* ATOMIC: release by the collector */
    char path[128];
    char body[1 << 20]; /* of the last request */
};

static void serve(struct collector *c, int fd, int status)
{
    static char text[1 << 20];
    size_t n = 0, want = 0;
    char *body = NULL;
    while (n < sizeof text - 1 && (!body || (size_t)(text + n - body) < want)) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            return;
        n += (size_t)got;
        text[n] = '\0';
        if (!body && (body = strstr(text, "\r\n\r\n"))) {
            body += 4;
            const char *length = strcasestr(text, "content-length:");
            want = length ? (size_t)atoll(length + 15) : 0;
            if (strcasestr(text, "expect: 100-continue"))
                (void)!write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        }
    }
    sscanf(text, "POST %127s", c->path);
    snprintf(c->body, sizeof c->body, "%s", body);
    atomic_fetch_add_explicit(&c->requests, 1, memory_order_release);
    if (status == 0) {
        char byte;
        (void)!recv(fd, &byte, 1, 0); /* until the client gives up */
        return;
    }
    char answer[128];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 %d X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", status);
    (void)!write(fd, answer, (size_t)len);
}

static void *collect(void *arg)
{
    struct collector *c = arg;
    for (int i = 0;; i++) {
        int fd = accept(c->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(c, fd, c->status[i]);
        close(fd);
    }
}

static struct collector *collector_open(const int *status)
{
    struct collector *c = calloc(1, sizeof *c);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    c->status = status;
    c->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(c->listener, 8), 0);
    getsockname(c->listener, (struct sockaddr *)&a, &size);
    c->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&c->thread, NULL, collect, c), 0);
    return c;
}

static void collector_close(struct collector *c)
{
    shutdown(c->listener, SHUT_RDWR);
    pthread_join(c->thread, NULL);
    close(c->listener);
    free(c);
}

static void start(const struct collector *c)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", c->port);
    assert_int_equal(vg_trace_start(url, "voxgate-test"), VG_OK);
    assert_true(vg_trace_enabled());
}

static bool requests_reach(struct collector *c, int n, int ms)
{
    for (; ms > 0 && atomic_load_explicit(&c->requests, memory_order_acquire) < n; ms -= 10)
        usleep(10000);
    return ms > 0;
}

static double spans_counted(const char *result)
{
    struct vg_buf text = VG_BUF_INIT;
    char series[64];
    snprintf(series, sizeof series, "voxgate_trace_spans_total{result=\"%s\"} ", result);
    vg_metrics_write(&text);
    const char *at = strstr(vg_buf_str(&text), series);
    double value = at ? atof(at + strlen(series)) : 0;
    vg_buf_free(&text);
    return value;
}

static void without_an_endpoint_nothing_happens(void **state)
{
    (void)state;
    assert_int_equal(vg_trace_start(NULL, "x"), VG_OK);
    assert_int_equal(vg_trace_start("", "x"), VG_OK);
    assert_false(vg_trace_enabled());
    struct vg_span *s = vg_span_begin("call", NULL);
    assert_null(s);
    vg_span_str(s, "k", "v");
    vg_span_int(s, "k", 1);
    vg_span_error(s, "no");
    vg_span_kind(s, VG_SPAN_CLIENT);
    struct vg_span_context ctx = vg_span_context_of(s);
    assert_int_equal(ctx.trace_id[0], 0);
    assert_null(vg_span_end(s));
    vg_trace_stop();
}

static void endpoints_become_urls(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"http://otel:4318", "http://otel:4318/v1/traces"},
        {"http://otel:4317", "http://otel:4318/v1/traces"},
        {"https://otel/base/", "https://otel/base/v1/traces"},
        {"http://otel:4318/v1/traces", "http://otel:4318/v1/traces"},
        {"http://[::1]:4317/", "http://[::1]:4318/v1/traces"},
    };
    for (size_t i = 0; i < VG_COUNT_OF(table); i++) {
        char *url = NULL;
        assert_int_equal(trace_url(table[i][0], &url), VG_OK);
        assert_string_equal(url, table[i][1]);
        free(url);
    }
    char *url = NULL;
    assert_int_equal(trace_url("ftp://otel", &url), VG_EINVAL);
    assert_int_equal(trace_url("::", &url), VG_EINVAL);
    assert_int_equal(vg_trace_start("not a url", "x"), VG_EINVAL);
    assert_false(vg_trace_enabled());
}

static void a_span_looks_as_otlp_says(void **state)
{
    (void)state;
    struct vg_span s = {.name = "llm.turn",
                        .kind = VG_SPAN_CLIENT,
                        .start_utc_us = 1700000000000000,
                        .end_utc_us = 1700000000250000,
                        .failed = true,
                        .message = (char[]){"la\"te"},
                        .attrs = 2};
    s.attr[0] = (struct trace_attr){.key = "ttft_ms", .number = 180};
    s.attr[1] = (struct trace_attr){.key = "provider", .text = (char[]){"loopback"}};
    struct vg_span_context ctx, parent;
    assert_int_equal(vg_traceparent_parse("00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01", &ctx),
                     VG_OK);
    assert_int_equal(vg_traceparent_parse("00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b173-01", &parent),
                     VG_OK);
    s.ctx = ctx;
    memcpy(s.parent, parent.span_id, sizeof s.parent);
    struct vg_buf b = VG_BUF_INIT;
    trace_json(&b, "voxgate", &(struct vg_span *){&s}, 1);
    const char *spans = strstr(vg_buf_str(&b), "\"spans\":");
    assert_string_equal(
        spans, "\"spans\":[{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\","
               "\"parentSpanId\":\"eee19b7ec3c1b173\",\"name\":\"llm.turn\",\"kind\":3,"
               "\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000000250000000\","
               "\"attributes\":[{\"key\":\"ttft_ms\",\"value\":{\"intValue\":\"180\"}},"
               "{\"key\":\"provider\",\"value\":{\"stringValue\":\"loopback\"}}],"
               "\"status\":{\"message\":\"la\\\"te\",\"code\":2}}]}]}]}");
    static const char head[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"voxgate\"}},";
    assert_memory_equal(vg_buf_str(&b), head, sizeof head - 1);
    vg_buf_free(&b);
}

static void spans_arrive_with_their_parents(void **state)
{
    (void)state;
    static const int status[] = {200, 200, 200};
    struct collector *c = collector_open(status);
    double before = spans_counted("exported");
    char trace[33];
    start(c);
    struct vg_span *call = vg_span_begin("call", NULL);
    struct vg_span_context ctx = vg_span_context_of(call);
    struct vg_span *turn = vg_span_begin_at("turn", &ctx, vg_mono_us() - 250000);
    assert_memory_equal(vg_span_context_of(turn).trace_id, ctx.trace_id, sizeof ctx.trace_id);
    struct vg_span_context unsampled = ctx;
    unsampled.sampled = false;
    struct vg_span *hidden = vg_span_begin("hidden", &unsampled);
    assert_false(vg_span_context_of(hidden).sampled);
    assert_null(vg_span_end(hidden));
    assert_null(vg_span_end(turn));
    assert_null(vg_span_end(call));
    vg_trace_stop(); /* exports what is left */
    assert_int_equal(atomic_load(&c->requests), 1);
    assert_string_equal(c->path, "/v1/traces");
    for (int i = 0; i < 16; i++)
        snprintf(trace + 2 * i, 3, "%02x", ctx.trace_id[i]);
    assert_non_null(strstr(c->body, trace));
    assert_non_null(strstr(c->body, "\"name\":\"turn\""));
    assert_non_null(strstr(c->body, "parentSpanId"));
    assert_null(strstr(c->body, "hidden"));
    assert_int_equal(spans_counted("exported") - before, 2);
    collector_close(c);
}

static void busy_collectors_are_asked_again_refusals_are_not(void **state)
{
    (void)state;
    static const int status[] = {503, 200, 400, 200};
    struct collector *c = collector_open(status);
    double exported = spans_counted("exported"), rejected = spans_counted("rejected");
    start(c);
    vg_span_end(vg_span_begin("again", NULL));
    assert_true(requests_reach(c, 2, 5000));
    vg_span_end(vg_span_begin("refused", NULL));
    assert_true(requests_reach(c, 3, 5000));
    vg_span_end(vg_span_begin("next", NULL));
    vg_trace_stop();
    assert_int_equal(atomic_load(&c->requests), 4);
    assert_int_equal(spans_counted("exported") - exported, 2);
    assert_int_equal(spans_counted("rejected") - rejected, 1);
    collector_close(c);
}

static void a_silent_collector_costs_spans_but_no_time(void **state)
{
    (void)state;
    static const int status[8] = {0};
    struct collector *c = collector_open(status);
    double dropped = spans_counted("dropped");
    start(c);
    for (int i = 0; i < TRACE_BATCH_MAX; i++)
        vg_span_end(vg_span_begin("first", NULL));
    assert_true(requests_reach(c, 1, 3000));
    for (int i = 0; i < TRACE_QUEUE_MAX + 100; i++)
        vg_span_end(vg_span_begin("waiting", NULL));
    assert_int_equal(spans_counted("dropped") - dropped, 100);
    int64_t start_us = vg_mono_us();
    vg_trace_stop();
    assert_in_range(vg_mono_us() - start_us, 0, 4 * VG_US_PER_S);
    assert_int_equal(spans_counted("dropped") - dropped, TRACE_BATCH_MAX + TRACE_QUEUE_MAX + 100);
    collector_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_endpoint_nothing_happens),
        cmocka_unit_test(endpoints_become_urls),
        cmocka_unit_test(a_span_looks_as_otlp_says),
        cmocka_unit_test(spans_arrive_with_their_parents),
        cmocka_unit_test(busy_collectors_are_asked_again_refusals_are_not),
        cmocka_unit_test(a_silent_collector_costs_spans_but_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
