/* Tests of what Redis counts ahead for a busy key (src/bus/rate_ahead.c) against a real Redis, with two buses
 * as two instances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bus_harness.h"
#include "redis_fixture.h"

struct world {
    struct redis_fixture redis;
    struct vg_loop *loop;
    struct vg_bus *a, *b;
    int told, allowed, local;
    struct vg_rate_result last;
};

static struct vg_bus *bus_open(struct world *w, const char *instance)
{
    struct vg_bus *bus = NULL;
    struct vg_bus_config config = {
        .url = w->redis.url, .instance_id = instance, .instances_hint = 2, .budget_ms = 1500};
    assert_int_equal(vg_bus_new(&bus, w->loop, &config), VG_OK);
    assert_true(harness_until_up(w->loop, bus, true, 2000));
    return bus;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    redis_fixture_open(&w->redis, 0, NULL);
    w->loop = vg_loop_new("test");
    w->a = bus_open(w, "a");
    w->b = bus_open(w, "b");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    w->a = vg_bus_free(w->a);
    w->b = vg_bus_free(w->b);
    w->loop = vg_loop_free(w->loop);
    redis_fixture_close(&w->redis);
    free(w);
    return 0;
}

static void on_rate(void *arg, const struct vg_rate_result *result)
{
    struct world *w = arg;
    w->told++;
    w->allowed += result->allowed;
    w->local += result->local;
    w->last = *result;
}

/* So that a test of a minute's window does not straddle two. */
static void away_from_the_minute(struct world *w)
{
    int64_t left_us = 60 * VG_US_PER_S - vg_utc_us() % (60 * VG_US_PER_S);
    if (left_us < 6 * VG_US_PER_S)
        harness_run(w->loop, NULL, NULL, (int)(left_us / 1000) + 5);
}

/* `n` requests in `turns` turns of the loop. */
static void ask(struct world *w, struct vg_bus *bus, uint32_t limit, int turns, int n)
{
    int due = w->told + turns * n;
    for (int turn = 0; turn < turns; turn++) {
        for (int i = 0; i < n; i++)
            vg_bus_rate(bus, "tnt_1", limit, 60, on_rate, w);
        harness_run(w->loop, NULL, NULL, 1);
    }
    assert_true(harness_until(w->loop, &w->told, due, 3000));
}

static int counted(struct world *w)
{
    char text[32] = "";
    int64_t now = vg_utc_us() / VG_US_PER_S;
    redis_ask_text(&w->redis, text, sizeof text, "GET ratelimit:{tnt_1}:%lld", (long long)(now - now % 60));
    return atoi(text);
}

static long long calls(struct world *w)
{
    return redis_calls(&w->redis, "evalsha") + redis_calls(&w->redis, "eval");
}

static void a_busy_key_is_answered_at_once_and_says_what_remains(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    ask(w, w->a, 100000, 20, 20);
    long long before = calls(w);
    int at_once = 0;
    for (int turn = 0; turn < 50; turn++) {
        for (int i = 0; i < 10; i++) {
            int told = w->told;
            vg_bus_rate(w->a, "tnt_1", 100000, 60, on_rate, w);
            at_once += w->told > told;
        }
        harness_run(w->loop, NULL, NULL, 1);
    }
    assert_true(harness_until(w->loop, &w->told, 900, 3000));
    assert_in_range(at_once, 400, 500);
    assert_in_range(calls(w) - before, 1, 40);
    assert_int_equal(w->allowed, 900);
    assert_int_equal(w->local, 0);
    assert_int_equal(w->last.limit, 100000);
    assert_int_equal(w->last.remaining, 100000 - 900);
    assert_in_range(w->last.reset_seconds, 1, 60);
}

static void what_is_not_used_is_given_back(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    ask(w, w->a, 100000, 10, 50);
    assert_in_range(counted(w), 501, 100000);
    harness_run(w->loop, NULL, NULL, 500);
    assert_int_equal(counted(w), 500);
    long long before = calls(w);
    harness_run(w->loop, NULL, NULL, 300);
    assert_int_equal(calls(w), before); /* and then Redis is left alone */
}

static void several_instances_never_pass_the_limit_and_reach_it(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 30; i++) {
            vg_bus_rate(w->a, "tnt_1", 3000, 60, on_rate, w);
            vg_bus_rate(i % 3 ? w->a : w->b, "tnt_1", 3000, 60, on_rate, w);
        }
        harness_run(w->loop, NULL, NULL, 1);
        assert_in_range(w->allowed, 0, 3000);
    }
    assert_true(harness_until(w->loop, &w->told, 6000, 3000));
    harness_run(w->loop, NULL, NULL, 500);
    ask(w, w->b, 3000, 4, 100); /* what the other one had in hand is there again */
    assert_int_equal(w->allowed, 3000);
    assert_int_equal(counted(w), 3000);
    assert_int_equal(w->local, 0);
    assert_int_equal(w->last.remaining, 0);
    assert_in_range(w->last.retry_after_seconds, 1, 121);
}

static void near_the_limit_every_request_is_asked_for(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    for (int i = 1; i <= 100; i++) {
        ask(w, w->a, 150, 1, 1);
        assert_int_equal(counted(w), i);
        assert_int_equal(w->last.remaining, 150 - i);
    }
}

/* The loop stands still over the edge, so that no timer gives back what is in hand before the request. */
static void what_is_in_hand_is_good_for_its_window_alone(void **state)
{
    struct world *w = *state;
    while (vg_utc_us() % VG_US_PER_S > VG_US_PER_S / 2)
        harness_run(w->loop, NULL, NULL, 1);
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 20; i++)
            vg_bus_rate(w->a, "tnt_s", 100000, 1, on_rate, w);
        harness_run(w->loop, NULL, NULL, 1);
    }
    assert_true(harness_until(w->loop, &w->told, 200, 2000));
    vg_bus_rate(w->a, "tnt_s", 100000, 1, on_rate, w);
    assert_int_equal(w->told, 201); /* there is something in hand */
    int told = w->told;
    int64_t second = vg_utc_us() / VG_US_PER_S;
    while (vg_utc_us() / VG_US_PER_S == second)
        ;
    vg_bus_rate(w->a, "tnt_s", 100000, 1, on_rate, w);
    assert_int_equal(w->told, told);
    assert_true(harness_until(w->loop, &w->told, told + 1, 2000));
    assert_true(w->last.allowed);
}

static void no_window_holds_more_than_the_limit(void **state)
{
    struct world *w = *state;
    int in_window[8] = {0};
    int64_t first_window = vg_utc_us() / VG_US_PER_S, end_us = vg_utc_us() + 3300000;
    int asked = 0;
    while (vg_utc_us() < end_us) {
        int allowed = w->allowed;
        for (int i = 0; i < 10; i++, asked++)
            vg_bus_rate(i % 2 ? w->a : w->b, "tnt_s", 2000, 1, on_rate, w);
        harness_run(w->loop, NULL, NULL, 1);
        in_window[vg_utc_us() / VG_US_PER_S - first_window] += w->allowed - allowed;
    }
    assert_true(harness_until(w->loop, &w->told, asked, 3000));
    for (size_t i = 0; i < VG_COUNT_OF(in_window); i++)
        assert_in_range(in_window[i], 0, 2100); /* those of the turn at an edge are told on its other side */
    assert_int_equal(w->local, 0);
}

static void giving_back_to_an_empty_redis_makes_no_room(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    ask(w, w->a, 100000, 10, 50);
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, false, 3000));
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    harness_run(w->loop, NULL, NULL, 500);
    assert_in_range(counted(w), 0, 100);
    ask(w, w->a, 100000, 1, 5);
    assert_true(w->last.allowed);
    assert_in_range(w->last.remaining, 99000, 100000 - 5);
}

static void what_is_in_hand_is_used_while_redis_is_away(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    ask(w, w->a, 100000, 10, 50);
    redis_fixture_freeze(&w->redis, true);
    w->local = 0;
    int told = w->told;
    for (int i = 0; i < 20; i++)
        vg_bus_rate(w->a, "tnt_1", 100000, 60, on_rate, w);
    assert_int_equal(w->told, told + 20);
    assert_int_equal(w->local, 0);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 500);
    assert_int_equal(counted(w), 520);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_busy_key_is_answered_at_once_and_says_what_remains),
        IN_WORLD(what_is_not_used_is_given_back),
        IN_WORLD(several_instances_never_pass_the_limit_and_reach_it),
        IN_WORLD(near_the_limit_every_request_is_asked_for),
        IN_WORLD(what_is_in_hand_is_good_for_its_window_alone),
        IN_WORLD(no_window_holds_more_than_the_limit),
        IN_WORLD(giving_back_to_an_empty_redis_makes_no_room),
        IN_WORLD(what_is_in_hand_is_used_while_redis_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
