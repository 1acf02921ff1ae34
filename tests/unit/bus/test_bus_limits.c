/* Tests of rate limits, leases and live state against a real Redis, with two buses as two instances. */
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
    int lease_told, granted;
    struct vg_lease_result lease;
    int live_told, live_err;
    char live[256];
};

static struct vg_bus *bus_open(struct world *w, const char *instance, unsigned budget_ms)
{
    struct vg_bus *bus = NULL;
    struct vg_bus_config config = {.url = w->redis.url,
                                   .instance_id = instance,
                                   .instances_hint = 2,
                                   .budget_ms = budget_ms,
                                   .lease_ttl_seconds = 1};
    assert_int_equal(vg_bus_new(&bus, w->loop, &config), VG_OK);
    assert_true(harness_until_up(w->loop, bus, true, 2000));
    return bus;
}

static int set_up_with(void **state, unsigned budget_ms)
{
    struct world *w = calloc(1, sizeof *w);
    redis_fixture_open(&w->redis, 0, NULL);
    w->loop = vg_loop_new("test");
    w->a = bus_open(w, "a", budget_ms);
    w->b = bus_open(w, "b", budget_ms);
    *state = w;
    return 0;
}

/* A patient bus: what is counted does not depend on how busy the machine is. */
static int set_up(void **state)
{
    return set_up_with(state, 1500);
}

/* The budget of a real one: 50 ms. */
static int set_up_hasty(void **state)
{
    return set_up_with(state, 0);
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

static void restart_empty(struct world *w)
{
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, false, 3000));
    assert_true(harness_until_up(w->loop, w->b, false, 3000));
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    assert_true(harness_until_up(w->loop, w->b, true, 4000));
    harness_run(w->loop, NULL, NULL, 50);
}

/* --- rate --- */

static void on_rate(void *arg, const struct vg_rate_result *result)
{
    struct world *w = arg;
    w->told++;
    w->allowed += result->allowed;
    w->local += result->local;
    w->last = *result;
}

static void tell_reset(struct world *w)
{
    w->told = w->allowed = w->local = 0;
}

/* So that a test of a minute's window does not straddle two. */
static void away_from_the_minute(struct world *w)
{
    int64_t left_us = 60 * VG_US_PER_S - vg_utc_us() % (60 * VG_US_PER_S);
    if (left_us < 3 * VG_US_PER_S)
        harness_run(w->loop, NULL, NULL, (int)(left_us / 1000) + 5);
}

static void two_instances_share_one_limit(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    for (int i = 0; i < 150; i++) {
        vg_bus_rate(i % 2 ? w->a : w->b, "tnt_1", 100, 60, on_rate, w);
        harness_run(w->loop, NULL, NULL, 1);
    }
    assert_true(harness_until(w->loop, &w->told, 150, 2000));
    assert_int_equal(w->allowed, 100);
    assert_int_equal(w->local, 0);
    assert_false(w->last.allowed);
    assert_int_equal(w->last.limit, 100);
    assert_int_equal(w->last.remaining, 0);
    assert_in_range(w->last.retry_after_seconds, 1, 121);
    assert_int_equal(w->last.retry_after_seconds, w->last.reset_seconds);
    assert_int_equal(redis_ask(&w->redis, "KEYS ratelimit:{tnt_1}:*"), 1);
}

static void remaining_counts_down(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    for (int i = 1; i <= 10; i++) {
        vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
        assert_true(harness_until(w->loop, &w->told, i, 2000));
        assert_true(w->last.allowed);
        assert_int_equal(w->last.remaining, 10 - i);
        assert_in_range(w->last.reset_seconds, 1, 120);
    }
}

static void deleting_the_keys_resets(void **state)
{
    struct world *w = *state;
    char key[128];
    away_from_the_minute(w);
    for (int i = 0; i < 5; i++)
        vg_bus_rate(w->a, "tnt_1", 5, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 5, 2000));
    vg_bus_rate(w->a, "tnt_1", 5, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 6, 2000));
    assert_int_equal(w->allowed, 5);
    int64_t now = vg_utc_us() / VG_US_PER_S;
    snprintf(key, sizeof key, "ratelimit:{tnt_1}:%lld", (long long)(now - now % 60));
    assert_int_equal(redis_ask(&w->redis, "DEL %s", key), 1);
    vg_bus_rate(w->a, "tnt_1", 5, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 7, 2000));
    assert_true(w->last.allowed);
}

static void a_burst_in_one_turn_is_one_script_and_exact(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    long long before = redis_calls(&w->redis, "evalsha") + redis_calls(&w->redis, "eval");
    for (int i = 0; i < 3000; i++)
        vg_bus_rate(w->a, "tnt_1", 2000, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 3000, 2000));
    assert_int_equal(w->allowed, 2000);
    assert_int_equal(w->local, 0);
    assert_in_range(redis_calls(&w->redis, "evalsha") + redis_calls(&w->redis, "eval") - before, 1, 2);
}

/* Each fixed window holds at most the limit (one may be told on the other side of its edge), the long run
 * goes at the limit, and no second anywhere holds twice as much: the two counters stand for an even spread,
 * no more. */
static void the_window_slides(void **state)
{
    struct world *w = *state;
    int64_t admitted_us[400];
    int n = 0, in_window[8] = {0};
    int64_t first_window = vg_utc_us() / VG_US_PER_S, end_us = vg_utc_us() + 3500000;
    while (vg_utc_us() < end_us && n < 400) {
        int told = w->told;
        vg_bus_rate(w->a, "tnt_s", 20, 1, on_rate, w);
        assert_true(harness_until(w->loop, &w->told, told + 1, 2000));
        if (w->last.allowed) {
            admitted_us[n] = vg_utc_us();
            in_window[admitted_us[n++] / VG_US_PER_S - first_window]++;
        }
        harness_run(w->loop, NULL, NULL, 5);
    }
    assert_int_equal(w->local, 0);
    assert_in_range(n, 40, 90); /* fewer where the machine is too busy to ask often enough */
    for (size_t i = 0; i < VG_COUNT_OF(in_window); i++)
        assert_in_range(in_window[i], 0, 21);
    for (int i = 0; i < n; i++) {
        int within = 0;
        for (int j = i; j < n && admitted_us[j] - admitted_us[i] < 1000000; j++)
            within++;
        assert_in_range(within, 1, 39);
    }
}

static void a_frozen_redis_costs_at_most_the_budget(void **state)
{
    struct world *w = *state;
    away_from_the_minute(w);
    vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 1, 2000));
    redis_fixture_freeze(&w->redis, true);
    tell_reset(w);
    int64_t start_us = vg_mono_us();
    for (int i = 0; i < 10; i++)
        vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 10, 2000));
    assert_in_range(vg_mono_us() - start_us, 30000, 900000);
    assert_int_equal(w->local, 10);
    assert_in_range(w->allowed, 4, 5); /* half of the limit is this instance's, and one was taken before */
    start_us = vg_mono_us();
    vg_bus_rate(w->a, "tnt_2", 10, 60, on_rate, w);
    assert_int_equal(w->told, 11); /* known to be late: decided at once */
    assert_true(w->last.allowed && w->last.local);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 100);
    tell_reset(w);
    vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 1, 2000));
    assert_int_equal(w->local, 0);
}

/* The local bucket is empty, so nothing is owed to Redis; it must be asked again all the same. */
static void a_late_redis_is_asked_again_when_it_answers(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++)
        vg_bus_rate(w->a, "tnt_1", 2, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 4, 2000));
    redis_fixture_freeze(&w->redis, true);
    vg_bus_rate(w->a, "tnt_1", 2, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 5, 2000));
    vg_bus_rate(w->a, "tnt_1", 2, 60, on_rate, w);
    vg_bus_rate(w->a, "tnt_3", 2, 60, on_rate, w);
    assert_int_equal(w->told, 7);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 100);
    tell_reset(w);
    vg_bus_rate(w->a, "tnt_1", 2, 60, on_rate, w);
    vg_bus_rate(w->a, "tnt_3", 2, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 2, 2000));
    assert_int_equal(w->local, 0);
}

static void what_was_admitted_while_redis_was_away_is_merged(void **state)
{
    struct world *w = *state;
    char text[32] = "", key[128];
    away_from_the_minute(w);
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, false, 3000));
    assert_true(harness_until_up(w->loop, w->b, false, 3000));
    for (int i = 0; i < 100; i++) {
        vg_bus_rate(w->a, "tnt_1", 100, 60, on_rate, w);
        vg_bus_rate(w->b, "tnt_1", 100, 60, on_rate, w);
    }
    assert_int_equal(w->told, 200);
    assert_int_equal(w->allowed, 100);
    assert_int_equal(w->local, 200);
    assert_in_range(w->last.retry_after_seconds, 1, 2);
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    assert_true(harness_until_up(w->loop, w->b, true, 4000));
    harness_run(w->loop, NULL, NULL, 50);
    int64_t now = vg_utc_us() / VG_US_PER_S;
    snprintf(key, sizeof key, "ratelimit:{tnt_1}:%lld", (long long)(now - now % 60));
    assert_true(redis_ask_text(&w->redis, text, sizeof text, "GET %s", key));
    assert_in_range(atoi(text), 99, 100);
    tell_reset(w);
    for (int i = 0; i < 20; i++)
        vg_bus_rate(w->a, "tnt_1", 100, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 20, 2000));
    assert_int_equal(w->local, 0);
    assert_int_equal(w->allowed, 0);
}

static void a_forgotten_script_is_sent_again(void **state)
{
    struct world *w = *state;
    vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 1, 2000));
    redis_ask(&w->redis, "SCRIPT FLUSH");
    vg_bus_rate(w->a, "tnt_1", 10, 60, on_rate, w);
    assert_true(harness_until(w->loop, &w->told, 2, 2000));
    assert_int_equal(w->local, 0);
    assert_int_equal(w->allowed, 2);
}

static void requests_are_told_when_the_bus_is_freed(void **state)
{
    struct world *w = *state;
    redis_fixture_freeze(&w->redis, true);
    for (int i = 0; i < 10; i++)
        vg_bus_rate(w->a, "tnt_1", 100, 60, on_rate, w);
    harness_run(w->loop, NULL, NULL, 5);
    for (int i = 0; i < 10; i++)
        vg_bus_rate(w->a, i % 2 ? "tnt_1" : "tnt_2", 100, 60, on_rate, w);
    w->a = vg_bus_free(w->a);
    assert_int_equal(w->told, 20);
}

/* --- leases --- */

static void on_lease(void *arg, const struct vg_lease_result *result)
{
    struct world *w = arg;
    w->lease_told++;
    w->granted += result->granted;
    w->lease = *result;
}

static bool take(struct world *w, struct vg_bus *bus, const char *call, uint32_t limit)
{
    int told = w->lease_told;
    vg_bus_lease_take(bus, "tnt_1", call, limit, on_lease, w);
    assert_true(harness_until(w->loop, &w->lease_told, told + 1, 2000));
    return w->lease.granted;
}

static long long leases(struct world *w)
{
    return redis_ask(&w->redis, "ZCARD voxgate:leases:{tnt_1}");
}

static void leases_are_shared_and_dropped(void **state)
{
    struct world *w = *state;
    assert_true(take(w, w->a, "c1", 2));
    assert_int_equal(w->lease.used, 1);
    assert_true(take(w, w->b, "c2", 2));
    assert_int_equal(w->lease.used, 2);
    assert_false(w->lease.local);
    assert_false(take(w, w->a, "c3", 2));
    assert_int_equal(w->lease.used, 2);
    assert_int_equal(w->lease.limit, 2);
    vg_bus_lease_drop(w->b, "tnt_1", "c2");
    harness_run(w->loop, NULL, NULL, 20);
    assert_true(take(w, w->a, "c3", 2));
    vg_bus_lease_drop(w->a, "tnt_1", "c1");
    vg_bus_lease_drop(w->a, "tnt_1", "c3");
    vg_bus_lease_drop(w->a, "tnt_1", "unknown");
    harness_run(w->loop, NULL, NULL, 20);
    assert_int_equal(leases(w), 0);
}

static void leases_are_kept_alive_and_run_out_with_their_holder(void **state)
{
    struct world *w = *state;
    assert_true(take(w, w->a, "c1", 2));
    assert_true(take(w, w->b, "c2", 2));
    harness_run(w->loop, NULL, NULL, 1600);
    assert_int_equal(leases(w), 2);
    assert_false(take(w, w->a, "c3", 2));
    w->b = vg_bus_free(w->b); /* as a crash: nothing is dropped */
    harness_run(w->loop, NULL, NULL, 1300);
    assert_true(take(w, w->a, "c3", 2));
    assert_int_equal(leases(w), 2);
}

static void a_lease_dropped_before_its_answer_is_not_left_behind(void **state)
{
    struct world *w = *state;
    vg_bus_lease_take(w->a, "tnt_1", "c1", 2, on_lease, w);
    vg_bus_lease_drop(w->a, "tnt_1", "c1");
    assert_int_equal(w->lease_told, 1);
    assert_int_equal(w->granted, 0);
    harness_run(w->loop, NULL, NULL, 100);
    assert_int_equal(w->lease_told, 1);
    assert_int_equal(leases(w), 0);
}

static void an_empty_redis_gets_all_leases_again_even_above_the_limit(void **state)
{
    struct world *w = *state;
    assert_true(take(w, w->a, "c1", 2));
    assert_true(take(w, w->b, "c2", 2));
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, false, 3000));
    assert_true(harness_until_up(w->loop, w->b, false, 3000));
    assert_true(take(w, w->a, "c3", 2)); /* by the own count */
    assert_true(w->lease.local);
    assert_false(take(w, w->a, "c4", 2));
    assert_true(take(w, w->b, "c5", 2));
    vg_bus_lease_drop(w->b, "tnt_1", "c2");
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    assert_true(harness_until_up(w->loop, w->b, true, 4000));
    harness_run(w->loop, NULL, NULL, 50);
    assert_int_equal(leases(w), 3);
    assert_false(take(w, w->b, "c6", 2));
    assert_int_equal(w->lease.used, 3);
}

static void a_lease_dropped_while_redis_is_frozen_is_gone_afterwards(void **state)
{
    struct world *w = *state;
    assert_true(take(w, w->a, "c1", 1));
    redis_fixture_freeze(&w->redis, true);
    assert_true(harness_until_up(w->loop, w->a, false, 9000));
    vg_bus_lease_drop(w->a, "tnt_1", "c1");
    redis_fixture_freeze(&w->redis, false);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    harness_run(w->loop, NULL, NULL, 50);
    assert_int_equal(leases(w), 0);
}

static void a_late_answer_does_not_unmake_a_local_decision(void **state)
{
    struct world *w = *state;
    assert_true(take(w, w->b, "c0", 1));
    redis_fixture_freeze(&w->redis, true);
    assert_true(take(w, w->a, "c1", 1)); /* a does not know of c0 */
    assert_true(w->lease.local);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 600); /* refused by Redis, but written by the renewal */
    assert_int_equal(leases(w), 2);
    assert_int_equal(w->lease_told, 2);
}

/* --- live state --- */

static void on_live(void *arg, int err, const char *json)
{
    struct world *w = arg;
    w->live_told++;
    w->live_err = err;
    snprintf(w->live, sizeof w->live, "%s", json ? json : "(none)");
}

static const char *get(struct world *w, struct vg_bus *bus, const char *call)
{
    int told = w->live_told;
    vg_bus_live_get(bus, call, on_live, w);
    assert_true(harness_until(w->loop, &w->live_told, told + 1, 2000));
    return w->live;
}

static void live_state_is_seen_by_others_until_dropped(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 50; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"v\":1,\"turns\":%d}", i);
        vg_bus_live_put(w->a, "c1", json);
        if (i == 25)
            harness_run(w->loop, NULL, NULL, 5);
    }
    harness_run(w->loop, NULL, NULL, 20);
    assert_string_equal(get(w, w->b, "c1"), "{\"v\":1,\"turns\":49}");
    assert_int_equal(w->live_err, VG_OK);
    assert_in_range(redis_ask(&w->redis, "TTL voxgate:call:{c1}"), 118, 120);
    vg_bus_live_put(w->a, "c1", "{}");
    vg_bus_live_drop(w->a, "c1");
    vg_bus_live_drop(w->a, "c1");
    harness_run(w->loop, NULL, NULL, 20);
    assert_string_equal(get(w, w->b, "c1"), "(none)");
    assert_int_equal(w->live_err, VG_OK);
}

static void an_empty_redis_gets_live_state_again(void **state)
{
    struct world *w = *state;
    char call[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(call, sizeof call, "c%d", i);
        vg_bus_live_put(w->a, call, "{\"v\":1}");
    }
    harness_run(w->loop, NULL, NULL, 100);
    restart_empty(w);
    harness_run(w->loop, NULL, NULL, 100);
    assert_int_equal(redis_ask(&w->redis, "DBSIZE"), 2000);
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->b, false, 3000));
    assert_string_equal(get(w, w->b, "c1"), "(none)");
    assert_int_equal(w->live_err, VG_EUNAVAIL);
}

static void a_frozen_redis_does_not_hold_a_reader(void **state)
{
    struct world *w = *state;
    redis_fixture_freeze(&w->redis, true);
    assert_string_equal(get(w, w->b, "c1"), "(none)");
    assert_int_equal(w->live_err, VG_ETIMEOUT);
    vg_bus_live_put(w->a, "c1", "{\"v\":1}");
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 50);
    assert_string_equal(get(w, w->b, "c1"), "{\"v\":1}");
}

static void on_put(void *arg, int err)
{
    struct world *w = arg;
    w->live_told++;
    w->live_err = err;
}

static void who_puts_live_state_is_told_when_redis_has_it(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 50; i++) {
        char call[16];
        snprintf(call, sizeof call, "c%d", i);
        vg_bus_live_put_then(w->a, call, "{\"v\":1}", on_put, w);
        assert_true(harness_until(w->loop, &w->live_told, i, 2000));
        assert_int_equal(w->live_err, VG_OK);
        assert_int_equal(redis_ask(&w->redis, "EXISTS voxgate:call:{%s}", call), 1);
    }
    vg_bus_live_put_then(w->a, "c", "{}", on_put, w);
    vg_bus_live_drop(w->a, "c");
    assert_int_equal(w->live_told, 51);
    assert_int_equal(w->live_err, VG_EUNAVAIL);
}

static void who_puts_live_state_does_not_wait_for_a_redis_that_is_late_or_away(void **state)
{
    struct world *w = *state;
    redis_fixture_freeze(&w->redis, true);
    vg_bus_live_put_then(w->a, "c1", "{\"v\":1}", on_put, w);
    assert_true(harness_until(w->loop, &w->live_told, 1, 2000));
    assert_int_equal(w->live_err, VG_ETIMEOUT);
    redis_fixture_freeze(&w->redis, false);
    harness_run(w->loop, NULL, NULL, 100);
    assert_int_equal(redis_ask(&w->redis, "EXISTS voxgate:call:{c1}"), 1);
    redis_fixture_kill(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, false, 3000));
    vg_bus_live_put_then(w->a, "c2", "{\"v\":1}", on_put, w);
    assert_int_equal(w->live_told, 2);
    assert_int_equal(w->live_err, VG_EUNAVAIL);
    redis_fixture_start(&w->redis);
    assert_true(harness_until_up(w->loop, w->a, true, 4000));
    harness_run(w->loop, NULL, NULL, 100);
    assert_int_equal(redis_ask(&w->redis, "EXISTS voxgate:call:{c2}"), 1);
    assert_int_equal(w->live_told, 2);
}

int main(void)
{
#define IN_HASTE(test) cmocka_unit_test_setup_teardown(test, set_up_hasty, tear_down)
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_WORLD(two_instances_share_one_limit),
        IN_WORLD(remaining_counts_down),
        IN_WORLD(deleting_the_keys_resets),
        IN_WORLD(a_burst_in_one_turn_is_one_script_and_exact),
        IN_WORLD(the_window_slides),
        IN_HASTE(a_frozen_redis_costs_at_most_the_budget),
        IN_HASTE(a_late_redis_is_asked_again_when_it_answers),
        IN_WORLD(what_was_admitted_while_redis_was_away_is_merged),
        IN_WORLD(a_forgotten_script_is_sent_again),
        IN_WORLD(requests_are_told_when_the_bus_is_freed),
        IN_WORLD(leases_are_shared_and_dropped),
        IN_WORLD(leases_are_kept_alive_and_run_out_with_their_holder),
        IN_WORLD(a_lease_dropped_before_its_answer_is_not_left_behind),
        IN_WORLD(an_empty_redis_gets_all_leases_again_even_above_the_limit),
        IN_WORLD(a_lease_dropped_while_redis_is_frozen_is_gone_afterwards),
        IN_HASTE(a_late_answer_does_not_unmake_a_local_decision),
        IN_WORLD(live_state_is_seen_by_others_until_dropped),
        IN_WORLD(an_empty_redis_gets_live_state_again),
        IN_HASTE(a_frozen_redis_does_not_hold_a_reader),
        IN_WORLD(who_puts_live_state_is_told_when_redis_has_it),
        IN_HASTE(who_puts_live_state_does_not_wait_for_a_redis_that_is_late_or_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
