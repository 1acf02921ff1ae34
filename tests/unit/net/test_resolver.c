/* The resolver against a name server of the test's own. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/resolver.h"

/* Answers A questions with 10.0.0.<answer>, others with no records; names that begin with "no" do not exist.
 */
struct name_server {
    struct vg_io *io;
    int fd, port;
    int questions; /* for A records */
    uint8_t answer, ttl_s;
    bool silent;
};

static void on_question(void *arg, int events)
{
    (void)events;
    struct name_server *s = arg;
    uint8_t m[512];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(s->fd, m, sizeof m - 16, 0, (struct sockaddr *)(void *)&from, &size);
    if (n < 12)
        return;
    size_t end = 12;
    while (m[end])
        end += m[end] + 1u;
    end += 5; /* the root label, type and class */
    bool is_a = m[end - 3] == 1;
    s->questions += is_a;
    if (s->silent)
        return;
    bool missing = m[13] == 'n' && m[14] == 'o';
    m[2] = 0x84;
    m[3] = missing ? 3 : 0;
    m[6] = 0;
    m[7] = is_a && !missing;
    memset(m + 8, 0, 4);
    if (m[7]) {
        const uint8_t record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, s->ttl_s, 0, 4, 10, 0, 0, s->answer};
        memcpy(m + end, record, sizeof record);
        end += sizeof record;
    }
    sendto(s->fd, m, end, 0, (struct sockaddr *)(void *)&from, size);
}

static struct name_server server;
static struct vg_loop *loop;
static struct vg_resolver *resolver;

static int setup(void **state)
{
    (void)state;
    loop = vg_loop_new("test");
    server =
        (struct name_server){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .answer = 7, .ttl_s = 1};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    if (bind(server.fd, (struct sockaddr *)(void *)&a, size) ||
        getsockname(server.fd, (struct sockaddr *)(void *)&a, &size))
        return -1;
    server.port = ntohs(a.sin_port);
    server.io = vg_io_new(loop, server.fd, on_question, &server);
    vg_io_set(server.io, VG_IO_READ);
    char servers[32];
    snprintf(servers, sizeof servers, "127.0.0.1:%d", server.port);
    resolver = vg_resolver_new(loop, servers);
    return resolver ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    resolver = vg_resolver_free(resolver);
    vg_io_free(server.io);
    close(server.fd);
    loop = vg_loop_free(loop);
    return 0;
}

struct result {
    int answers, err;
    struct vg_resolved resolved;
    int stop_at;
};

static void on_result(void *arg, int err, const struct vg_resolved *answer)
{
    struct result *r = arg;
    r->err = err;
    r->resolved = answer ? *answer : (struct vg_resolved){0};
    if (++r->answers >= r->stop_at)
        vg_loop_stop(loop);
}

static struct result resolve(const char *name)
{
    struct result r = {.stop_at = 1};
    assert_non_null(vg_resolve(resolver, name, on_result, &r));
    assert_int_equal(r.answers, 0); /* never while asking */
    vg_loop_run(loop);
    return r;
}

static void a_name_is_resolved_and_cached(void **state)
{
    (void)state;
    struct result r = resolve("api.example.test");
    assert_int_equal(r.err, 0);
    assert_int_equal(r.resolved.count, 1);
    assert_string_equal(r.resolved.address[0], "10.0.0.7");
    int before = server.questions;
    r = resolve("api.example.test");
    assert_string_equal(r.resolved.address[0], "10.0.0.7");
    assert_false(r.resolved.stale);
    assert_int_equal(server.questions, before);
}

static void questions_for_one_name_share_a_query(void **state)
{
    (void)state;
    int before = server.questions;
    struct result r = {.stop_at = 3};
    struct result cancelled = {.stop_at = 1};
    for (int i = 0; i < 3; i++)
        assert_non_null(vg_resolve(resolver, "shared.example.test", on_result, &r));
    vg_resolve_cancel(vg_resolve(resolver, "shared.example.test", on_result, &cancelled));
    vg_loop_run(loop);
    assert_int_equal(r.answers, 3);
    assert_int_equal(cancelled.answers, 0);
    assert_int_equal(server.questions, before + 1);
}

static void a_missing_name_is_enoent(void **state)
{
    (void)state;
    assert_int_equal(resolve("no.example.test").err, VG_ENOENT);
}

static void numeric_addresses_need_no_server(void **state)
{
    (void)state;
    server.silent = true;
    struct result r = resolve("192.0.2.1");
    assert_int_equal(r.err, 0);
    assert_string_equal(r.resolved.address[0], "192.0.2.1");
    r = resolve("2001:db8::1");
    assert_string_equal(r.resolved.address[0], "2001:db8::1");
    server.silent = false;
}

static void the_last_good_answer_is_kept_while_servers_are_silent(void **state)
{
    (void)state;
    assert_int_equal(resolve("kept.example.test").err, 0);
    usleep(1100 * 1000); /* past its life of 1 s */
    server.silent = true;
    struct result r = resolve("kept.example.test");
    assert_int_equal(r.err, 0);
    assert_true(r.resolved.stale);
    assert_string_equal(r.resolved.address[0], "10.0.0.7");
    usleep(1100 * 1000);
    server.silent = false;
    server.answer = 9;
    int64_t start = vg_mono_us();
    r = resolve("kept.example.test");
    assert_true(r.resolved.stale); /* given at once, asked meanwhile */
    assert_true(vg_mono_us() - start < 500 * VG_US_PER_MS);
    usleep(100 * 1000);
    for (int i = 0; i < 100 && r.resolved.stale; i++)
        r = resolve("kept.example.test");
    assert_false(r.resolved.stale);
    assert_string_equal(r.resolved.address[0], "10.0.0.9");
}

static void no_server_and_no_answer_ever_is_an_error_in_time(void **state)
{
    (void)state;
    server.silent = true;
    int64_t start = vg_mono_us();
    struct result r = resolve("never.example.test");
    assert_int_equal(r.err, VG_ETIMEOUT);
    assert_true(vg_mono_us() - start < 6 * VG_US_PER_S);
    server.silent = false;
}

static void a_resolver_may_end_with_questions_open(void **state)
{
    (void)state;
    struct vg_resolver *other = vg_resolver_new(loop, "127.0.0.1:1");
    struct result r = {.stop_at = 1};
    assert_non_null(vg_resolve(other, "open.example.test", on_result, &r));
    vg_resolver_free(other);
    assert_int_equal(r.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_resolved_and_cached),
        cmocka_unit_test(questions_for_one_name_share_a_query),
        cmocka_unit_test(a_missing_name_is_enoent),
        cmocka_unit_test(numeric_addresses_need_no_server),
        cmocka_unit_test(the_last_good_answer_is_kept_while_servers_are_silent),
        cmocka_unit_test(no_server_and_no_answer_ever_is_an_error_in_time),
        cmocka_unit_test(a_resolver_may_end_with_questions_open),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
