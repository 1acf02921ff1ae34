/* The spool and the record thread with a real PostgreSQL: nothing acknowledged is lost or doubled, whatever
 * happens to the gateway or the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "events.h"
#include "pg_fixture.h"
#include "store/record.h"
#include "store/record_body.h"

static struct pg_fixture fx;
static struct loop_thread loop;
static struct vg_spool *spool;
static struct vg_record *record;
static char tenant[VG_ID_SIZE];
static char path[128];
static int serial;

static int start(void **state)
{
    (void)state;
    pg_fixture_start(&fx);
    pg_fixture_migrate(&fx);
    vg_id_new(tenant, VG_ID_TENANT);
    pg_fixture_tenant(&fx, tenant, "T");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pg_fixture_stop(&fx);
    return 0;
}

static void open_spool(void)
{
    assert_int_equal(vg_spool_open(&spool, path), 0);
}

static void open_record(void)
{
    assert_int_equal(vg_record_new(&record, &(struct vg_record_config){.database_url = fx.url,
                                                                       .instance_id = "here",
                                                                       .spool = spool}),
                     0);
}

static int open_all(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/spool-%d.db", fx.dir, serial++);
    loop_thread_start(&loop);
    open_spool();
    open_record();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    record = vg_record_free(record);
    spool = vg_spool_free(spool);
    loop_thread_stop(&loop);
    return 0;
}

static void flush(void)
{
    /* A barrier through the spool first: its acknowledgement comes after all appends before it. */
    for (int i = 0; i < 5000 && vg_spool_depth(spool) > 0; i++) {
        if (vg_record_flush(record, 30 * VG_US_PER_S))
            fail_msg("record did not drain; %llu left", (unsigned long long)vg_spool_depth(spool));
        usleep(1000);
    }
    assert_int_equal(vg_spool_depth(spool), 0);
}

static void a_call_arrives_whole(void **state)
{
    (void)state;
    struct test_call c;
    char message[VG_ID_SIZE];
    atomic_int acked = 0;
    vg_id_new(message, VG_ID_MESSAGE);
    test_call_init(&c, tenant);
    test_started(&c, spool, loop.loop, &acked);
    test_state(&c, spool, "in_progress");
    test_message(&c, spool, message, "hello \xe2\x82\xac \"there\"", NULL, NULL, NULL);
    test_usage(&c, spool, "turn:1:llm:1", "112");
    test_ended(&c, spool, "hangup");
    flush();
    assert_int_equal(acked, 1);
    const char *id = test_uuid(c.call_id);
    assert_string_equal(
        pg_fixture_sql(&fx,
                       "select concat_ws('|', status, end_reason, user_id, metadata ->> 'order_id', "
                       "answered_at is not null, turns, duration_ms) from calls where id = '%s'",
                       id),
        "ended|hangup|user \"1\"|O6|t|1|1234");
    assert_string_equal(pg_fixture_sql(&fx, "select text from messages where call_id = '%s'", id),
                        "hello \xe2\x82\xac \"there\"");
    assert_string_equal(pg_fixture_sql(&fx, "select cost from usage_events where call_id = '%s'", id),
                        "0.0002240000");
    assert_string_equal(
        pg_fixture_sql(&fx, "select status from sessions where id = '%s'", test_uuid(c.session_id)), "ended");
    /* In this month's partitions, not in the default ones. */
    assert_int_equal(pg_fixture_number(&fx, "select (select count(*) from messages_rest) + "
                                            "(select count(*) from usage_events_rest)"),
                     0);
}

/* Applies the six kinds of one call in the order given by `order`, some of them twice, and reads what is
 * there. */
static void apply_in_order(const int order[6], char *seen, size_t size)
{
    static const char *const NAMES[] = {"call_started", "call_state", "message",
                                        "usage",        "call_ended", "handoff"};
    const char *call = "01900000-0000-7000-8000-00000000c0de";
    char body[6][512];
    snprintf(body[0], 512,
             "{\"session_id\":\"ses_0190000000007000800000000000005e\",\"language\":\"en\",\"metadata\":"
             "{},\"started_at_us\":1700000000000000,\"instance_id\":\"x\"}");
    snprintf(body[1], 512, "{\"status\":\"in_progress\",\"at_us\":1700000001000000}");
    snprintf(body[2], 512,
             "{\"message_id\":\"msg_019000000000700080000000000000aa\",\"role\":\"user\",\"text\":\"hi\","
             "\"at_us\":1700000002000000}");
    snprintf(body[3], 512,
             "{\"event_id\":\"evt_019000000000700080000000000000ee\",\"kind\":\"llm\",\"provider\":"
             "\"vendorB\",\"unit\":\"token\",\"quantity\":\"10\",\"unique_key\":\"k\",\"at_us\":"
             "1700000002000000}");
    snprintf(body[4], 512,
             "{\"reason\":\"hangup\",\"status\":\"ended\",\"ended_at_us\":1700000009000000,"
             "\"duration_ms\":9000,\"turns\":1}");
    snprintf(body[5], 512,
             "{\"handoff_id\":\"hnd_0190000000007000800000000000001d\",\"queue\":\"q\",\"at_us\":"
             "1700000003000000}");
    pg_fixture_sql(
        &fx,
        "delete from calls where id = '%s'; delete from messages where call_id = '%s'; "
        "delete from usage_events where call_id = '%s'; delete from handoffs where call_id = '%s'; "
        "delete from sessions where id = '01900000-0000-7000-8000-00000000005e'",
        call, call, call, call);
    char t[VG_UUID_SIZE];
    snprintf(t, sizeof t, "%s", test_uuid(tenant));
    for (int round = 0; round < 9; round++) {
        int k = order[round % 6];
        pg_fixture_sql(&fx,
                       "select record_apply_%s('[{\"t\":\"%s\",\"c\":\"%s\",\"e\":1,\"o\":%d,\"b\":%s}]')",
                       NAMES[k], t, call, k + 1, body[k]);
    }
    snprintf(
        seen, size, "%s",
        pg_fixture_sql(
            &fx,
            "select concat_ws('|', to_jsonb(c) - 'status_at' - 'status_epoch' - 'status_ordinal', s.status, "
            "(select count(*) from messages m where m.call_id = c.id), "
            "(select sum(cost) from usage_events u where u.call_id = c.id), "
            "(select string_agg(h.status, ',') from handoffs h where h.call_id = c.id)) "
            "from calls c left join sessions s on s.id = c.session_id where c.id = '%s'",
            call));
}

static void events_apply_in_any_order_any_number_of_times(void **state)
{
    (void)state;
    static const int ORDERS[][6] = {{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {4, 0, 1, 5, 2, 3},
                                    {1, 4, 0, 2, 5, 3}, {2, 5, 1, 4, 3, 0}, {3, 1, 5, 0, 4, 2}};
    char first[2048], seen[2048];
    apply_in_order(ORDERS[0], first, sizeof first);
    assert_non_null(strstr(first, "\"status\": \"ended\""));
    assert_non_null(strstr(first, "|ended|1|0.0000300000|cancelled"));
    for (size_t i = 1; i < VG_COUNT_OF(ORDERS); i++) {
        apply_in_order(ORDERS[i], seen, sizeof seen);
        assert_string_equal(seen, first);
    }
}

static void a_later_event_of_a_message_replaces_it_and_an_earlier_does_not(void **state)
{
    (void)state;
    struct test_call c;
    char message[VG_ID_SIZE];
    vg_id_new(message, VG_ID_MESSAGE);
    test_call_init(&c, tenant);
    test_message(&c, spool, message, "one", NULL, NULL, NULL);
    test_message(&c, spool, message, "two", NULL, NULL, NULL);
    flush();
    c.ordinal = 0;
    test_message(&c, spool, message, "one", NULL, NULL, NULL);
    flush();
    assert_string_equal(pg_fixture_sql(&fx, "select string_agg(text, ',') from messages where call_id = '%s'",
                                       test_uuid(c.call_id)),
                        "two");
}

static void repeats_bill_once(void **state)
{
    (void)state;
    struct test_call c;
    test_call_init(&c, tenant);
    for (int i = 0; i < 10; i++)
        test_usage(&c, spool, "turn:1", "100");
    flush();
    test_usage(&c, spool, "turn:1", "100");
    test_usage(&c, spool, "turn:2", "100");
    flush();
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from usage_events where call_id = '%s'",
                                       test_uuid(c.call_id)),
                     2);
}

static void poison_is_set_aside_and_does_not_block(void **state)
{
    (void)state;
    struct test_call c, bad;
    char id[VG_ID_SIZE];
    test_call_init(&c, tenant);
    test_call_init(&bad, tenant);
    snprintf(bad.tenant_id, sizeof bad.tenant_id, "tnt_nonsense");
    for (int i = 0; i < 200; i++) {
        vg_id_new(id, VG_ID_MESSAGE);
        test_message(&c, spool, id, "good", NULL, NULL, NULL);
        if (i == 50)
            test_raw(&c, spool, VG_RECORD_MESSAGE, "{\"message_id\":\"zzz\",\"role\":\"user\"}");
        if (i == 100)
            test_raw(&c, spool, VG_RECORD_USAGE, "not json");
        if (i == 150)
            test_raw(&bad, spool, VG_RECORD_CALL_STATE, "{}");
    }
    flush();
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from messages where call_id = '%s'",
                                       test_uuid(c.call_id)),
                     200);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "select count(*), count(why) from poison", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 3);
    assert_int_equal(sqlite3_column_int(stmt, 1), 3);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* The gateway that will be killed: appends messages of 20 calls as fast as it can, and says on the pipe which
 * were acknowledged. */
static void told(void *arg, int err)
{
    char *line = arg;
    if (err || write(STDOUT_FILENO, line, VG_ID_SIZE) != VG_ID_SIZE)
        _exit(1);
    free(line);
}

static _Noreturn void doomed(int pipe_fd)
{
    struct test_call calls[20];
    dup2(pipe_fd, STDOUT_FILENO);
    loop_thread_start(&loop);
    if (vg_spool_open(&spool, path) || vg_store_recover(spool, "here") < 0)
        _exit(1);
    open_record();
    for (int i = 0; i < 20; i++) {
        test_call_init(&calls[i], tenant);
        test_started(&calls[i], spool, NULL, NULL);
        if (i < 5)
            test_ended(&calls[i], spool, "hangup");
    }
    for (unsigned i = 0;; i++) {
        char *id = calloc(1, VG_ID_SIZE);
        vg_id_new(id, VG_ID_MESSAGE);
        test_message(&calls[5 + i % 15], spool, id, "told", loop.loop, told, id);
        if (i % 16 == 0)
            usleep(200);
    }
}

static void what_was_acknowledged_survives_kill_9_exactly_once(void **state)
{
    (void)state;
    static char ids[200000][VG_ID_SIZE];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/spool-kill.db", fx.dir);
    pg_fixture_sql(&fx, "truncate messages; truncate calls");
    for (int round = 0; round < 5; round++) {
        int fds[2], status;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            doomed(fds[1]);
        }
        close(fds[1]);
        size_t until = n + 500 + 700 * (size_t)round;
        FILE *from = fdopen(fds[0], "r");
        while (n < until && fread(ids[n], VG_ID_SIZE, 1, from) == 1)
            n++;
        kill(pid, SIGKILL);
        while (n < VG_COUNT_OF(ids) && fread(ids[n], VG_ID_SIZE, 1, from) == 1)
            n++;
        fclose(from);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
    }
    loop_thread_start(&loop);
    open_spool();
    assert_int_equal(vg_store_recover(spool, "here"), 15);
    open_record();
    flush();
    assert_int_equal(vg_store_recover(spool, "here"), 0);
    pg_fixture_sql(&fx, "create table told (id uuid)");
    struct vg_buf sql = VG_BUF_INIT;
    for (size_t i = 0; i < n;) {
        vg_buf_reset(&sql);
        vg_buf_puts(&sql, "insert into told values ");
        for (int k = 0; k < 80 && i < n; k++, i++)
            vg_buf_printf(&sql, "%s('%s')", k ? "," : "", test_uuid(ids[i]));
        pg_fixture_sql(&fx, "%s", vg_buf_str(&sql));
    }
    vg_buf_free(&sql);
    print_message("%zu acknowledged\n", n);
    assert_int_equal(
        pg_fixture_number(&fx, "select count(*) from told where id not in (select id from messages)"), 0);
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from (select id from messages group by id "
                                            "having count(*) > 1) x"),
                     0);
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from calls where ended_at is null"), 0);
    assert_int_equal(
        pg_fixture_number(&fx, "select count(*) from calls where end_reason = 'gateway_restart'"), 75);
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from calls where end_reason = 'hangup'"), 25);
    pg_fixture_sql(&fx, "drop table told");
    close_all(NULL);
}

static void events_wait_for_a_database_that_stops_and_comes_back(void **state)
{
    (void)state;
    struct test_call c;
    char id[VG_ID_SIZE];
    if (!fx.can_stop)
        skip();
    test_call_init(&c, tenant);
    atomic_int acked = 0;
    test_started(&c, spool, loop.loop, &acked);
    for (int i = 0; i < 3000; i++) {
        vg_id_new(id, VG_ID_MESSAGE);
        test_message(&c, spool, id, "flow", NULL, NULL, NULL);
        if (i == 1000)
            pg_fixture_server_down(&fx);
        if (i == 1500) {
            usleep(300 * 1000);
            assert_false(vg_record_up(record));
            assert_int_equal(vg_record_flush(record, 50 * VG_US_PER_MS), VG_ETIMEOUT);
        }
        if (i == 2000)
            pg_fixture_server_up(&fx);
    }
    flush();
    assert_true(vg_record_up(record));
    assert_int_equal(acked, 1);
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from messages where call_id = '%s'",
                                       test_uuid(c.call_id)),
                     3000);
}

static void calls_of_a_lost_spool_are_ended_by_instance(void **state)
{
    (void)state;
    struct test_call c;
    test_call_init(&c, tenant);
    test_started(&c, spool, NULL, NULL);
    flush();
    /* The same instance begins again with an empty spool. */
    record = vg_record_free(record);
    spool = vg_spool_free(spool);
    unlink(path);
    open_spool();
    open_record();
    for (int i = 0; i < 500; i++) {
        if (*pg_fixture_sql(&fx, "select end_reason from calls where id = '%s'", test_uuid(c.call_id)))
            break;
        usleep(10000);
    }
    assert_string_equal(pg_fixture_sql(&fx, "select end_reason || ' ' || status from calls where id = '%s'",
                                       test_uuid(c.call_id)),
                        "gateway_restart failed");
}

static void two_gateways_cannot_share_a_spool(void **state)
{
    (void)state;
    struct vg_spool *second = NULL;
    assert_int_equal(vg_spool_open(&second, path), VG_ESTATE);
}

static void expect_refusal(void *arg, int err)
{
    atomic_store((atomic_int *)arg, err == VG_EIO ? 1 : 2);
}

static void a_full_disk_is_told_to_the_caller(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct test_call c;
        atomic_int got = 0;
        char *big = calloc(1, 300001), id[VG_ID_SIZE];
        memset(big, 'x', 300000);
        snprintf(path, sizeof path, "%s/spool-full.db", fx.dir);
        loop_thread_start(&loop);
        open_spool();
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){200000, 200000});
        test_call_init(&c, tenant);
        vg_id_new(id, VG_ID_MESSAGE);
        test_message(&c, spool, id, big, loop.loop, expect_refusal, &got);
        for (int i = 0; i < 2000 && !got; i++)
            usleep(1000);
        if (got != 1 || vg_spool_ok(spool))
            _exit(1);
        /* What fits goes on. */
        got = 0;
        test_message(&c, spool, id, "small", loop.loop, expect_refusal, &got);
        for (int i = 0; i < 2000 && !got; i++)
            usleep(1000);
        _exit(got == 2 && vg_spool_ok(spool) ? 0 : 2);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct counted {
    atomic_int acks;
    atomic_int err;
};

static void count_ack(void *arg, int err)
{
    struct counted *c = arg;
    atomic_store(&c->err, err);
    atomic_fetch_add(&c->acks, 1);
}

/* Another process holds the file's lock, as a disk that hangs would: nothing is taken and nothing refused. */
static void a_spool_that_hangs_says_so_and_acknowledges_once_when_it_goes_on(void **state)
{
    (void)state;
    struct test_call c;
    struct counted got = {0};
    char id[VG_ID_SIZE];
    test_call_init(&c, tenant);
    flush();
    assert_false(vg_spool_hangs(spool));
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "begin exclusive", NULL, NULL, NULL), SQLITE_OK);
    vg_id_new(id, VG_ID_MESSAGE);
    test_started(&c, spool, NULL, NULL);
    test_message(&c, spool, id, "held up", loop.loop, count_ack, &got);
    int64_t start_us = vg_mono_us();
    while (!vg_spool_hangs(spool) && vg_mono_us() - start_us < 4 * VG_US_PER_S)
        usleep(10000);
    assert_true(vg_spool_hangs(spool));
    assert_false(vg_spool_ok(spool));
    assert_true(vg_mono_us() - start_us >= VG_SPOOL_DEADLINE_US);
    assert_int_equal(got.acks, 0);
    assert_int_equal(sqlite3_exec(other, "rollback", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    for (int i = 0; i < 5000 && !got.acks; i++)
        usleep(1000);
    flush();
    assert_int_equal(got.acks, 1);
    assert_int_equal(got.err, 0);
    assert_false(vg_spool_hangs(spool));
    assert_true(vg_spool_ok(spool));
    assert_string_equal(pg_fixture_sql(&fx, "select count(*) from messages where id = '%s'", test_uuid(id)),
                        "1");
}

static void throughput_is_far_above_what_calls_make(void **state)
{
    (void)state;
    struct test_call c;
    char id[VG_ID_SIZE];
    atomic_int acked = 0;
    test_call_init(&c, tenant);
    int64_t start_us = vg_mono_us();
    for (int i = 0; i < 50000; i++) {
        vg_id_new(id, VG_ID_MESSAGE);
        test_message(&c, spool, id, "a sentence of about the usual length, said to a machine", NULL, NULL,
                     NULL);
    }
    test_started(&c, spool, loop.loop, &acked);
    while (!acked)
        usleep(100);
    int64_t spooled_us = vg_mono_us();
    flush();
    int64_t done_us = vg_mono_us();
    print_message("50,000 events: spooled at %lld/s, in PostgreSQL at %lld/s\n",
                  (long long)(50000LL * VG_US_PER_S / (spooled_us - start_us)),
                  (long long)(50000LL * VG_US_PER_S / (done_us - start_us)));
    int64_t worst_us = 0, sum_us = 0;
    for (int i = 0; i < 500; i++) {
        acked = 0;
        int64_t at_us = vg_mono_us();
        test_started(&c, spool, loop.loop, &acked);
        while (!acked)
            ;
        int64_t us = vg_mono_us() - at_us;
        sum_us += us;
        worst_us = us > worst_us ? us : worst_us;
        usleep(500);
    }
    print_message("append to acknowledgement: mean %lld us, worst %lld us\n", (long long)sum_us / 500,
                  (long long)worst_us);
    assert_true(done_us - start_us < 30 * VG_US_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9_exactly_once),
        cmocka_unit_test(a_full_disk_is_told_to_the_caller),
        cmocka_unit_test_setup_teardown(a_spool_that_hangs_says_so_and_acknowledges_once_when_it_goes_on,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(a_call_arrives_whole, open_all, close_all),
        cmocka_unit_test_setup_teardown(events_apply_in_any_order_any_number_of_times, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_later_event_of_a_message_replaces_it_and_an_earlier_does_not,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(repeats_bill_once, open_all, close_all),
        cmocka_unit_test_setup_teardown(poison_is_set_aside_and_does_not_block, open_all, close_all),
        cmocka_unit_test_setup_teardown(events_wait_for_a_database_that_stops_and_comes_back, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(calls_of_a_lost_spool_are_ended_by_instance, open_all, close_all),
        cmocka_unit_test_setup_teardown(two_gateways_cannot_share_a_spool, open_all, close_all),
        cmocka_unit_test_setup_teardown(throughput_is_far_above_what_calls_make, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
