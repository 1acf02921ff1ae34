/* HTTP as a client on the wire sees it. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "unit/net/fixture.h"

#define HOST "Host: x\r\n"

static int setup(void **state)
{
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    config.trusted_proxies = "127.0.0.0/8, 10.0.0.0/8";
    config.header_timeout_us = 300 * VG_US_PER_MS;
    config.idle_timeout_us = 500 * VG_US_PER_MS;
    fixture_start(&f, &config);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    return 0;
}

static void requests_follow_each_other_on_one_connection(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
        assert_string_equal(r.body, "hi");
        assert_non_null(strstr(r.head, "X-Request-Id: req_"));
        client_response_free(&r);
        assert_int_equal(client_ask(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", &r),
                         200);
        assert_string_equal(r.body, "hello");
        client_response_free(&r);
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    client_send(fd, "GET /late HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
                    "Content-Length: 3\r\n\r\nabcGET /hello HTTP/1.1\r\n" HOST "\r\n");
    const char *want[] = {"late", "abc", "hi"};
    for (int i = 0; i < 3; i++) {
        struct client_response r;
        assert_int_equal(client_read_response(fd, &r, false), 200);
        assert_string_equal(r.body, want[i]);
        client_response_free(&r);
    }
    close(fd);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    const char *text = "\r\nPOST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd";
    for (const char *p = text; *p; p++)
        client_send_bytes(fd, p, 1);
    struct client_response r;
    assert_int_equal(client_read_response(fd, &r, false), 200);
    assert_string_equal(r.body, "abcd");
    client_response_free(&r);
    close(fd);
}

static void reply_kept(void *arg)
{
    struct fixture *f = arg;
    struct vg_http_response response = {.status = 200, .body = "{}", .body_bytes = 2};
    vg_http_reply(f->kept, &response);
    f->kept = NULL;
}

static void a_request_outlives_its_client(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    int before = atomic_load(&f->requests);
    client_send(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    assert_true(wait_for(&f->requests, before + 1));
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    fixture_on_loop(f->loop.loop, reply_kept, f);
    fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    close(fd);
}

static void head_has_the_length_and_no_body(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    assert_non_null(strstr(r.head, "Content-Length: 2"));
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    close(fd);
}

static void a_large_answer_arrives_whole(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_ask(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n", &r), 200);
        assert_int_equal(r.body_bytes, 3 * 1024 * 1024);
        client_response_free(&r);
    }
    close(fd);
}

static void one_fault(struct fixture *f, const char *text, int status, const char *code)
{
    int fd = client_connect(f->port);
    struct client_response r;
    int got = client_ask(fd, text, &r);
    if (got != status)
        fprintf(stderr, "for %.60s\n", text);
    assert_int_equal(got, status);
    char want[80];
    snprintf(want, sizeof want, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    assert_int_equal(strncmp(r.body, want, strlen(want)), 0);
    assert_non_null(strstr(r.body, "\"details\":{},\"requestId\":\"req_"));
    assert_non_null(strstr(r.head, "Connection: close"));
    assert_non_null(strstr(r.head, "Content-Type: application/json"));
    client_response_free(&r);
    assert_true(client_sees_end(fd, 2000));
    close(fd);
}

static void bad_requests_get_the_error_shape_and_the_end(void **state)
{
    struct fixture *f = *state;
    one_fault(f, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
              411, "VALIDATION_ERROR");
    one_fault(f, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5x\r\n\r\nhello", 400, "VALIDATION_ERROR");
    one_fault(f, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400,
              "VALIDATION_ERROR");
    one_fault(f, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n", 413, "PAYLOAD_TOO_LARGE");
    one_fault(f, "POST /limited HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\nhello world", 413,
              "PAYLOAD_TOO_LARGE");
    one_fault(f, "BREW /pot HTTP/1.1\r\n" HOST "\r\n", 501, "METHOD_NOT_ALLOWED");
    one_fault(f, "TRACE / HTTP/1.1\r\n" HOST "\r\n", 405, "METHOD_NOT_ALLOWED");
    one_fault(f, "GET / HTTP/1.1\r\n\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "GET / HTTP/2.0\r\n" HOST "\r\n", 505, "VALIDATION_ERROR");
    one_fault(f, "GET /../x HTTP/1.1\r\n" HOST "\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "GET / HTTP/1.1\n" HOST "\r\n\r\n", 400, "VALIDATION_ERROR");
    one_fault(f, "\x16\x03\x01\x02", 400, "VALIDATION_ERROR");
    one_fault(f, "GET / HTTP/1.1\r\n" HOST "Expect: magic\r\n\r\n", 417, "VALIDATION_ERROR");
}

static void too_large_a_head_is_431(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    client_send(fd, "GET / HTTP/1.1\r\n" HOST "X: ");
    char *junk = malloc(200 * 1024);
    memset(junk, 'a', 200 * 1024);
    client_send_bytes(fd, junk, 200 * 1024);
    free(junk);
    struct client_response r;
    assert_int_equal(client_read_response(fd, &r, false), 431);
    client_response_free(&r);
    close(fd);
}

static void a_post_without_length_has_an_empty_body(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_ask(fd, "POST /echo HTTP/1.1\r\n" HOST "\r\n", &r), 200);
        assert_int_equal(r.body_bytes, 0);
        client_response_free(&r);
    }
    close(fd);
}

static void expect_continue_is_told_to_go_on(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(
        client_ask(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
                   &r),
        100);
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "ok", &r), 200);
    assert_string_equal(r.body, "ok");
    client_response_free(&r);
    close(fd);
}

static void http_1_0_ends_unless_asked_to_stay(void **state)
{
    struct fixture *f = *state;
    struct client_response r;
    int fd = client_connect(f->port);
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &r), 200);
    assert_non_null(strstr(r.head, "Connection: keep-alive"));
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.0\r\n\r\n", &r), 200);
    client_response_free(&r);
    assert_true(client_sees_end(fd, 500));
    close(fd);
}

static void preflight_is_answered_by_the_server(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    int before = atomic_load(&f->requests);
    assert_int_equal(client_ask(fd,
                                "OPTIONS /call/start HTTP/1.1\r\n" HOST
                                "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
                                "Access-Control-Request-Headers: x-api-key\r\n\r\n",
                                &r),
                     204);
    assert_non_null(strstr(r.head, "Access-Control-Allow-Origin: https://app.example\r\n"));
    assert_non_null(strstr(r.head, "Access-Control-Allow-Headers: x-api-key\r\n"));
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "OPTIONS / HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n", &r),
                     204);
    assert_null(strstr(r.head, "Access-Control-Allow-Origin"));
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "Origin: https://app.example\r\n\r\n", &r),
                     200);
    assert_non_null(strstr(r.head, "Access-Control-Allow-Origin: https://app.example\r\n"));
    client_response_free(&r);
    assert_int_equal(atomic_load(&f->requests), before + 1);
    close(fd);
}

static void request_ids_are_taken_when_well_formed(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: abc-1.2_3\r\n\r\n", &r),
                     200);
    assert_non_null(strstr(r.head, "X-Request-Id: abc-1.2_3\r\n"));
    client_response_free(&r);
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: a b\r\n\r\n", &r), 200);
    assert_non_null(strstr(r.head, "X-Request-Id: req_"));
    client_response_free(&r);
    close(fd);
}

static void forwarded_for_counts_from_trusted_proxies(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd,
                                "GET /who HTTP/1.1\r\n" HOST
                                "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n",
                                &r),
                     200);
    assert_string_equal(r.body, "203.0.113.9");
    client_response_free(&r);
    close(fd);
}

static void assets_are_revalidated_by_etag(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "GET /asset HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    assert_string_equal(r.body, "a{}");
    const char *etag = strstr(r.head, "ETag: ");
    assert_non_null(etag);
    char again[256];
    snprintf(again, sizeof again, "GET /asset HTTP/1.1\r\n" HOST "If-None-Match: \"x\", %.*s\r\n\r\n",
             (int)strcspn(etag + 6, "\r"), etag + 6);
    client_response_free(&r);
    assert_int_equal(client_ask(fd, again, &r), 304);
    client_response_free(&r);
    close(fd);
}

static void queries_are_decoded(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "GET /query?x=1&a+b=c%26d&&y HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    assert_string_equal(r.body, "c&d");
    client_response_free(&r);
    close(fd);
}

static void slow_requests_time_out_with_408(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    client_send(fd, "GET /hello HT");
    struct client_response r;
    assert_int_equal(client_read_response(fd, &r, false), 408);
    client_response_free(&r);
    close(fd);
    fd = client_connect(f->port);
    client_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
    assert_int_equal(client_read_response(fd, &r, false), 408);
    client_response_free(&r);
    close(fd);
}

static void silent_and_idle_connections_end(void **state)
{
    struct fixture *f = *state;
    int silent = client_connect(f->port);
    int idle = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    assert_true(client_sees_end(silent, 1500));
    assert_true(client_sees_end(idle, 1500));
    close(silent);
    close(idle);
}

static void half_open_connections_of_an_address_are_limited(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    config.half_open_max_per_ip = 3;
    fixture_start(&f, &config);
    struct client_response r;
    int served = client_connect(f.port);
    assert_int_equal(client_ask(served, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    int open[3];
    for (int i = 0; i < 3; i++)
        open[i] = client_connect(f.port);
    client_send(open[0], "GET /");
    int refused = client_connect(f.port);
    assert_true(client_sees_end(refused, 1000));
    assert_int_equal(client_ask(served, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    assert_int_equal(client_ask(open[0], " HTTP/1.1\r\n" HOST "\r\n", &r), 200); /* makes room for one */
    client_response_free(&r);
    int again = client_connect(f.port);
    assert_int_equal(client_ask(again, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    for (int i = 0; i < 3; i++)
        close(open[i]);
    close(served);
    close(refused);
    close(again);
    fixture_end(&f);
}

static void connections_are_capped(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    config.connections_max = 2;
    fixture_start(&f, &config);
    struct client_response r;
    int a = client_connect(f.port), b = client_connect(f.port);
    assert_int_equal(client_ask(a, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    assert_int_equal(client_ask(b, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    int c = client_connect(f.port);
    assert_true(client_sees_end(c, 1000));
    close(a);
    close(b);
    close(c);
    fixture_end(&f);
}

static void the_lack_of_descriptors_is_survived(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    fixture_start(&f, &config);
    struct rlimit old, tight;
    getrlimit(RLIMIT_NOFILE, &old);
    int highest = dup(0);
    close(highest);
    tight = old;
    tight.rlim_cur = (rlim_t)highest + 8;
    setrlimit(RLIMIT_NOFILE, &tight);
    int fds[32], count = 0;
    while (count < 32 && (fds[count] = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
        count++;
    assert_true(count > 2);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)f.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < count; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)(void *)&a, sizeof a), 0);
    assert_true(client_sees_end(fds[0], 2000)); /* refused with the reserve */
    for (int i = 0; i < count; i++)
        close(fds[i]);
    setrlimit(RLIMIT_NOFILE, &old);
    int fd = client_connect(f.port);
    struct client_response r;
    assert_int_equal(client_ask(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
    client_response_free(&r);
    close(fd);
    fixture_end(&f);
}

static void a_server_may_end_with_requests_in_hand(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    fixture_start(&f, &config);
    int fd = client_connect(f.port);
    client_send(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    assert_true(wait_for(&f.requests, 1));
    fixture_end(&f);
    close(fd);
}

static void two_servers_share_one_port(void **state)
{
    (void)state;
    static struct fixture f[2];
    struct vg_server_config config = fixture_config();
    fixture_start(&f[0], &config);
    config.port = f[0].port;
    fixture_start(&f[1], &config);
    int fds[64];
    for (int i = 0; i < 64; i++) {
        fds[i] = client_connect(f[0].port);
        struct client_response r;
        assert_int_equal(client_ask(fds[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n", &r), 200);
        client_response_free(&r);
    }
    assert_true(atomic_load(&f[0].requests) > 0);
    assert_true(atomic_load(&f[1].requests) > 0);
    assert_int_equal(atomic_load(&f[0].requests) + atomic_load(&f[1].requests), 64);
    for (int i = 0; i < 64; i++)
        close(fds[i]);
    fixture_end(&f[0]);
    fixture_end(&f[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(a_request_outlives_its_client),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(a_large_answer_arrives_whole),
        cmocka_unit_test(bad_requests_get_the_error_shape_and_the_end),
        cmocka_unit_test(too_large_a_head_is_431),
        cmocka_unit_test(a_post_without_length_has_an_empty_body),
        cmocka_unit_test(expect_continue_is_told_to_go_on),
        cmocka_unit_test(http_1_0_ends_unless_asked_to_stay),
        cmocka_unit_test(preflight_is_answered_by_the_server),
        cmocka_unit_test(request_ids_are_taken_when_well_formed),
        cmocka_unit_test(forwarded_for_counts_from_trusted_proxies),
        cmocka_unit_test(assets_are_revalidated_by_etag),
        cmocka_unit_test(queries_are_decoded),
        cmocka_unit_test(slow_requests_time_out_with_408),
        cmocka_unit_test(silent_and_idle_connections_end),
        cmocka_unit_test(half_open_connections_of_an_address_are_limited),
        cmocka_unit_test(connections_are_capped),
        cmocka_unit_test(the_lack_of_descriptors_is_survived),
        cmocka_unit_test(a_server_may_end_with_requests_in_hand),
        cmocka_unit_test(two_servers_share_one_port),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
