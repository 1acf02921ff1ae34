/* Tests of the bus's connections, events and subscriptions against a real Redis that dies, freezes and comes
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/events.h"
#include "bus_harness.h"
#include "redis_fixture.h"

struct world {
    struct redis_fixture redis;
    struct vg_loop *loop;
    struct vg_bus *bus;
    int messages, last, in_order;
    bool seen[2048];
    char channel[96], payload[256];
};

static struct vg_bus *bus_open(struct world *w, const char *url, size_t queue_bytes)
{
    struct vg_bus *bus = NULL;
    struct vg_bus_config config = {.url = url, .instance_id = "test-1", .queue_bytes_max = queue_bytes};
    assert_int_equal(vg_bus_new(&bus, w->loop, &config), VG_OK);
    return bus;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    redis_fixture_open(&w->redis, 0, NULL);
    w->loop = vg_loop_new("test");
    w->bus = bus_open(w, w->redis.url, 0);
    assert_true(harness_until_up(w->loop, w->bus, true, 2000));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    w->bus = vg_bus_free(w->bus);
    w->loop = vg_loop_free(w->loop);
    redis_fixture_close(&w->redis);
    free(w);
    return 0;
}

static void on_message(void *arg, const char *channel, const char *payload, size_t bytes)
{
    struct world *w = arg;
    assert_int_equal(strlen(payload), bytes);
    snprintf(w->channel, sizeof w->channel, "%s", channel);
    snprintf(w->payload, sizeof w->payload, "%s", payload);
    int n = atoi(payload);
    w->in_order += n > w->last;
    w->last = n;
    if (n >= 0 && n < (int)VG_COUNT_OF(w->seen))
        w->seen[n] = true;
    w->messages++;
}

static void publish_number(struct world *w, int n)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%d", n);
    vg_bus_publish(w->bus, "numbers", text, (size_t)len);
}

/* True when Redis knows of the subscription. */
static bool subscribed(void *arg)
{
    struct world *w = arg;
    return redis_ask(&w->redis, "PUBLISH numbers 0") > 0;
}

static void subscribe_numbers(struct world *w)
{
    assert_int_equal(vg_bus_subscribe(w->bus, "numbers", on_message, w), VG_OK);
    assert_true(harness_run(w->loop, subscribed, w, 3000));
    harness_run(w->loop, NULL, NULL, 20);
    w->messages = w->in_order = w->last = 0;
}

static void an_event_reaches_a_subscriber(void **state)
{
    struct world *w = *state;
    assert_int_equal(vg_bus_subscribe(w->bus, "barge_in:call_1", on_message, w), VG_OK);
    assert_int_equal(vg_bus_subscribe(w->bus, "barge_in:call_1", on_message, w), VG_EEXIST);
    harness_run(w->loop, NULL, NULL, 100);
    vg_bus_event(w->bus, VG_EVENT_BARGE_IN, "call_1", 1700000000000000, NULL);
    assert_true(harness_until(w->loop, &w->messages, 1, 2000));
    assert_string_equal(w->channel, "barge_in:call_1");
    assert_non_null(strstr(w->payload, "\"event_type\":\"barge_in\",\"call_id\":\"call_1\""));
    vg_bus_unsubscribe(w->bus, "barge_in:call_1");
    vg_bus_event(w->bus, VG_EVENT_BARGE_IN, "call_1", 1700000000000000, NULL);
    harness_run(w->loop, NULL, NULL, 100);
    assert_int_equal(w->messages, 1);
    assert_int_equal(vg_bus_subscribe(w->bus, "barge_in:call_1", on_message, w), VG_OK);
    harness_run(w->loop, NULL, NULL, 100);
    vg_bus_event(w->bus, VG_EVENT_BARGE_IN, "call_1", 1700000000000000, NULL);
    assert_true(harness_until(w->loop, &w->messages, 2, 2000));
}

static void subscriptions_and_events_survive_a_restart(void **state)
{
    struct world *w = *state;
    subscribe_numbers(w);
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->bus, false, 2000));
    harness_run(w->loop, NULL, NULL, 300);
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->bus, true, 4000));
    assert_true(harness_run(w->loop, subscribed, w, 4000));
    w->messages = w->in_order = w->last = 0;
    for (int i = 1; i <= 1000; i++)
        publish_number(w, i);
    assert_true(harness_until(w->loop, &w->last, 1000, 3000));
    assert_true(w->in_order == 1000);
}

static void events_wait_in_order_while_redis_is_frozen(void **state)
{
    struct world *w = *state;
    subscribe_numbers(w);
    redis_fixture_freeze(&w->redis, true);
    for (int i = 1; i <= 500; i++)
        publish_number(w, i);
    assert_true(harness_until_up(w->loop, w->bus, false, 3000));
    for (int i = 501; i <= 600; i++)
        publish_number(w, i);
    redis_fixture_freeze(&w->redis, false);
    assert_true(harness_until(w->loop, &w->last, 600, 6000));
    /* At least once: what was on its way may have come before the connection was given up, too. */
    for (int i = 1; i <= 600; i++)
        assert_true(w->seen[i]);
    assert_in_range(w->messages, 600, 1100);
    assert_int_equal(harness_metric("voxgate_bus_queue_bytes"), 0);
}

static void a_full_queue_drops_the_oldest_and_counts(void **state)
{
    struct world *w = *state;
    char text[1000];
    memset(text, ' ', sizeof text);
    vg_bus_free(w->bus);
    w->bus = bus_open(w, w->redis.url, 64 * 1024);
    assert_true(harness_until_up(w->loop, w->bus, true, 2000));
    subscribe_numbers(w);
    redis_fixture_freeze(&w->redis, true);
    assert_true(harness_until_up(w->loop, w->bus, false, 10000));
    double before = harness_metric("voxgate_bus_dropped_total");
    for (int i = 1; i <= 200; i++) {
        snprintf(text, sizeof text, "%03d", i);
        text[3] = ' ';
        vg_bus_publish(w->bus, "numbers", text, sizeof text);
    }
    double dropped = harness_metric("voxgate_bus_dropped_total") - before;
    assert_in_range((int)dropped, 130, 150);
    assert_true(harness_metric("voxgate_bus_queue_bytes") <= 64 * 1024);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 10);
    assert_true(harness_until_up(w->loop, w->bus, true, 4000));
    harness_run(w->loop, NULL, NULL, 200);
    assert_int_equal(harness_metric("voxgate_bus_queue_bytes"), 0);
}

static void a_pause_of_clients_is_survived(void **state)
{
    struct world *w = *state;
    subscribe_numbers(w);
    redis_ask(&w->redis, "CLIENT PAUSE 400 ALL");
    for (int i = 1; i <= 10; i++)
        publish_number(w, i);
    assert_true(harness_until(w->loop, &w->last, 10, 3000));
    assert_int_equal(w->messages, 10);
    assert_true(vg_bus_up(w->bus));
}

static void password_database_and_host_name_are_used(void **state)
{
    (void)state;
    struct world w = {0};
    char url[128];
    int port = 20000 + getpid() % 20000;
    redis_fixture_open(&w.redis, port, "s3cr:et");
    w.loop = vg_loop_new("test");
    snprintf(url, sizeof url, "redis://:s3cr%%3Aet@localhost:%d/5", port);
    w.bus = bus_open(&w, url, 0);
    assert_true(harness_until_up(w.loop, w.bus, true, 4000));
    vg_bus_live_put(w.bus, "c1", "{}");
    harness_run(w.loop, NULL, NULL, 100);
    char text[4096];
    assert_true(redis_ask_text(&w.redis, text, sizeof text, "INFO keyspace"));
    assert_non_null(strstr(text, "db5:keys=1"));
    vg_bus_free(w.bus);
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%d", port);
    w.bus = bus_open(&w, url, 0);
    assert_false(harness_until_up(w.loop, w.bus, true, 500));
    vg_bus_free(w.bus);
    snprintf(url, sizeof url, "redis://default:s3cr%%3Aet@127.0.0.1:%d", port);
    w.bus = bus_open(&w, url, 0);
    assert_true(harness_until_up(w.loop, w.bus, true, 1000));
    vg_bus_free(w.bus);
    vg_loop_free(w.loop);
    redis_fixture_close(&w.redis);
}

static void tls_is_refused_in_words(void **state)
{
    (void)state;
    struct vg_loop *loop = vg_loop_new("test");
    struct vg_bus *bus = NULL;
    struct vg_bus_config config = {.url = "rediss://h", .instance_id = "x"};
    assert_int_equal(vg_bus_new(&bus, loop, &config), VG_ENOTSUP);
    assert_null(bus);
    vg_loop_free(loop);
}

static void a_bus_without_redis_can_be_freed_at_any_time(void **state)
{
    (void)state;
    struct world w = {.loop = vg_loop_new("test")};
    for (int ms = 0; ms < 6; ms++) {
        w.bus = bus_open(&w, ms % 2 ? "redis://localhost:1" : "redis://127.0.0.1:1", 0);
        vg_bus_publish(w.bus, "x", "y", 1);
        vg_bus_live_put(w.bus, "c", "{}");
        harness_run(w.loop, NULL, NULL, ms * 40 + 1);
        w.bus = vg_bus_free(w.bus);
    }
    vg_loop_free(w.loop);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_event_reaches_a_subscriber),
        IN_WORLD(subscriptions_and_events_survive_a_restart),
        IN_WORLD(events_wait_in_order_while_redis_is_frozen),
        IN_WORLD(a_full_queue_drops_the_oldest_and_counts),
        IN_WORLD(a_pause_of_clients_is_survived),
        cmocka_unit_test(password_database_and_host_name_are_used),
        cmocka_unit_test(tls_is_refused_in_words),
        cmocka_unit_test(a_bus_without_redis_can_be_freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
