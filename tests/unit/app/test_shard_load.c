/* When a shard says that it has no room for more. */
#include "cmocka_all.h"

#include "app/shard_load.h"
#include "base/clock.h"

enum { LIMIT_PCT = 90 };

struct rig {
    struct shard_load load;
    int64_t now_us, loop_us, media_us;
};

/* One second in which the threads used so much and timers ran so late. */
static bool second(struct rig *r, int loop_pct, int media_pct, int64_t lag_us)
{
    for (int i = 0; i < 10; i++)
        shard_load_lag(&r->load, lag_us);
    r->now_us += VG_US_PER_S;
    r->loop_us += loop_pct * VG_US_PER_S / 100;
    r->media_us += media_pct * VG_US_PER_S / 100;
    return shard_load_sample(&r->load, r->now_us, r->loop_us, r->media_us, LIMIT_PCT);
}

static struct rig start(void)
{
    struct rig r = {.now_us = 7 * VG_US_PER_S, .loop_us = 5000000};
    assert_false(shard_load_sample(&r.load, r.now_us, r.loop_us, 0, LIMIT_PCT));
    return r;
}

static void three_busy_seconds_in_a_row_are_an_overload(void **state)
{
    (void)state;
    struct rig r = start();
    assert_false(second(&r, 95, 10, 0));
    assert_false(second(&r, 95, 10, 0));
    assert_false(second(&r, 60, 10, 0)); /* not in a row */
    assert_false(second(&r, 10, 90, 0)); /* either thread */
    assert_false(second(&r, 95, 10, 0));
    assert_true(second(&r, 95, 10, 0));
    assert_int_equal(r.load.share_pct, 95);
}

static void late_timers_are_an_overload_where_others_use_the_core(void **state)
{
    (void)state;
    struct rig r = start();
    for (int i = 0; i < 2; i++)
        assert_false(second(&r, 30, 5, 60000));
    assert_true(second(&r, 30, 5, 60000));
    assert_true(second(&r, 30, 5, 30000)); /* not yet well */
    assert_true(second(&r, 30, 5, 1000));
    assert_false(second(&r, 30, 5, 1000));
}

static void it_has_room_again_with_a_margin_and_not_at_the_first_sign(void **state)
{
    (void)state;
    struct rig r = start();
    for (int i = 0; i < 3; i++)
        second(&r, 97, 0, 0);
    assert_true(second(&r, 85, 0, 0)); /* within the margin */
    assert_true(second(&r, 85, 0, 0));
    assert_true(second(&r, 50, 0, 0));
    assert_false(second(&r, 50, 0, 0));
}

static void limit_of_zero_is_none(void **state)
{
    (void)state;
    struct shard_load l = {0};
    for (int64_t s = 1; s < 10; s++)
        assert_false(shard_load_sample(&l, s * VG_US_PER_S, s * VG_US_PER_S, 0, 0));
    assert_int_equal(l.share_pct, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_busy_seconds_in_a_row_are_an_overload),
        cmocka_unit_test(late_timers_are_an_overload_where_others_use_the_core),
        cmocka_unit_test(it_has_room_again_with_a_margin_and_not_at_the_first_sign),
        cmocka_unit_test(limit_of_zero_is_none),
    };
    return cmocka_run_group_tests_name("app shard load", tests, NULL, NULL);
}
