/* The pacer, stepped by hand. */
#include "cmocka_all.h"

#include "audio/pace.h"

enum { MS = 1000, PIECE_US = 20 * MS, LEAD_US = 200 * MS, T0_US = 1000 * MS };

/* Sends whatever is due at `now_us`, as a media tick does; returns how many pieces left. */
static int send_due(struct vg_pace *p, int64_t now_us)
{
    int n = 0;
    while (vg_pace_due(p, now_us)) {
        (void)vg_pace_sent(p, now_us, PIECE_US);
        n++;
    }
    return n;
}

static void lead_is_sent_at_once_and_then_one_piece_every_20_ms(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    assert_true(vg_pace_due(&p, T0_US));
    vg_pace_restart(&p, T0_US);
    assert_int_equal(send_due(&p, T0_US), 11);
    assert_int_equal(vg_pace_due_us(&p), T0_US + PIECE_US);
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(send_due(&p, T0_US + i * PIECE_US - 1), 0);
        assert_int_equal(send_due(&p, T0_US + i * PIECE_US), 1);
    }
    assert_int_equal(vg_pace_played_us(&p, T0_US + 1000 * PIECE_US), 1000 * PIECE_US);
}

static void without_lead_each_piece_leaves_when_the_one_before_is_played(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, 0);
    vg_pace_restart(&p, T0_US);
    assert_int_equal(send_due(&p, T0_US), 1);
    assert_int_equal(send_due(&p, T0_US + PIECE_US - 1), 0);
    assert_int_equal(send_due(&p, T0_US + PIECE_US), 1);
}

static void a_late_tick_catches_up_and_keeps_the_schedule(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US);
    assert_int_equal(send_due(&p, T0_US + 67 * MS), 3);
    assert_int_equal(vg_pace_due_us(&p), T0_US + 80 * MS);
}

static void clock_starts_with_the_first_piece_however_late_that_is(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    int64_t late_us = T0_US + 700 * MS;
    assert_int_equal(vg_pace_played_us(&p, late_us), 0);
    assert_int_equal(vg_pace_sent(&p, late_us, PIECE_US), 0); /* no gap: nothing was playing */
    assert_int_equal(vg_pace_played_us(&p, late_us + 5 * MS), 5 * MS);
}

static void underrun_is_reported_and_costs_one_lead_not_a_burst(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US); /* 220 ms */
    int64_t back_us = T0_US + 1220 * MS;
    assert_int_equal(vg_pace_played_us(&p, back_us), 220 * MS);
    assert_int_equal(vg_pace_sent(&p, back_us, PIECE_US), 1000 * MS);
    assert_int_equal(send_due(&p, back_us), 10); /* the lead again, and not the lost second */
    assert_int_equal(vg_pace_played_us(&p, back_us + 100 * MS), 320 * MS);
}

static void played_never_passes_what_was_sent(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    assert_int_equal(vg_pace_played_us(&p, T0_US), 0);
    vg_pace_restart(&p, T0_US);
    (void)vg_pace_sent(&p, T0_US, PIECE_US);
    assert_int_equal(vg_pace_played_us(&p, T0_US - MS), 0);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 7 * MS), 7 * MS);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 1000 * MS), PIECE_US);
}

static void short_hold_is_covered_by_the_lead(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US); /* plays until T0 + 220 ms */
    vg_pace_hold(&p, T0_US + 10 * MS);
    assert_false(vg_pace_due(&p, T0_US + 100 * MS));
    assert_true(vg_pace_due_us(&p) == INT64_MAX);
    vg_pace_release(&p, T0_US + 110 * MS);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 110 * MS), 110 * MS); /* the caller never noticed */
    assert_int_equal(send_due(&p, T0_US + 110 * MS), 5);
}

static void long_hold_moves_the_clock_by_the_silence_only(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US); /* plays until T0 + 220 ms */
    vg_pace_hold(&p, T0_US + 100 * MS);
    vg_pace_hold(&p, T0_US + 150 * MS);
    assert_int_equal(p.held_us, T0_US + 100 * MS);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 400 * MS), 220 * MS);
    vg_pace_release(&p, T0_US + 520 * MS); /* silent for 300 ms */
    assert_int_equal(vg_pace_played_us(&p, T0_US + 520 * MS), 220 * MS);
    assert_int_equal(vg_pace_sent(&p, T0_US + 520 * MS, PIECE_US), 0); /* a hold is not an underrun */
    assert_int_equal(send_due(&p, T0_US + 520 * MS), 10);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 600 * MS), 300 * MS);
}

static void release_without_hold_and_hold_before_start_change_nothing(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_release(&p, T0_US);
    vg_pace_hold(&p, T0_US);
    assert_false(vg_pace_due(&p, T0_US));
    vg_pace_release(&p, T0_US + MS);
    assert_true(vg_pace_due(&p, T0_US + MS));
    assert_int_equal(p.start_us, 0);
}

static void restart_ends_a_hold_and_forgets_the_old_run(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US);
    vg_pace_hold(&p, T0_US + MS);
    vg_pace_restart(&p, T0_US + 2 * MS);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 50 * MS), 0);
    assert_int_equal(send_due(&p, T0_US + 2 * MS), 11);
}

static void following_run_counts_what_is_still_to_be_played(void **state)
{
    (void)state;
    struct vg_pace p;
    vg_pace_init(&p, LEAD_US);
    vg_pace_restart(&p, T0_US);
    send_due(&p, T0_US); /* plays until T0 + 220 ms */
    int64_t now_us = T0_US + 100 * MS;
    vg_pace_follow(&p, now_us);
    assert_int_equal(send_due(&p, now_us), 5); /* 120 ms are there already */
    assert_int_equal(vg_pace_played_us(&p, T0_US + 220 * MS), 0);
    assert_int_equal(vg_pace_played_us(&p, T0_US + 250 * MS), 30 * MS);
    vg_pace_follow(&p, T0_US + 2000 * MS); /* long dry: as a restart */
    assert_int_equal(send_due(&p, T0_US + 2000 * MS), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lead_is_sent_at_once_and_then_one_piece_every_20_ms),
        cmocka_unit_test(without_lead_each_piece_leaves_when_the_one_before_is_played),
        cmocka_unit_test(a_late_tick_catches_up_and_keeps_the_schedule),
        cmocka_unit_test(clock_starts_with_the_first_piece_however_late_that_is),
        cmocka_unit_test(underrun_is_reported_and_costs_one_lead_not_a_burst),
        cmocka_unit_test(played_never_passes_what_was_sent),
        cmocka_unit_test(short_hold_is_covered_by_the_lead),
        cmocka_unit_test(long_hold_moves_the_clock_by_the_silence_only),
        cmocka_unit_test(release_without_hold_and_hold_before_start_change_nothing),
        cmocka_unit_test(restart_ends_a_hold_and_forgets_the_old_run),
        cmocka_unit_test(following_run_counts_what_is_still_to_be_played),
    };
    return cmocka_run_group_tests_name("audio pace", tests, NULL, NULL);
}
