/* Barge-in by voice, stepped by hand: hold, cut, release, the agent's echo. */
#include "cmocka_all.h"

#include "audio/turn.h"

enum { CALLER_DB = 60 };

static struct vg_barge fresh(void)
{
    struct vg_barge_config config = vg_barge_config_default();
    config.hold_voiced = 3;
    config.release_frames = 10;
    struct vg_barge b;
    vg_barge_init(&b, &config);
    return b;
}

static enum vg_barge_event step(struct vg_barge *b, bool voiced, float agent_db, bool speaking)
{
    struct vg_vad_frame frame = {.speech = voiced, .voiced = voiced, .level_db = CALLER_DB};
    return vg_barge_step(b, &frame, agent_db, speaking);
}

static void three_voiced_frames_hold_and_six_cut(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    const enum vg_barge_event expected[] = {VG_BARGE_NONE, VG_BARGE_NONE, VG_BARGE_HOLD,
                                            VG_BARGE_NONE, VG_BARGE_NONE, VG_BARGE_CUT};
    for (size_t i = 0; i < VG_COUNT_OF(expected); i++)
        assert_int_equal(step(&b, true, 0, true), expected[i]);
    assert_false(b.held);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE); /* and once a cut */
}

static void voiced_frames_need_not_be_neighbours(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    int cuts = 0;
    for (int i = 0; i < 13; i++) /* seven of thirteen */
        cuts += step(&b, i % 2 == 0, 0, true) == VG_BARGE_CUT;
    assert_int_equal(cuts, 1);
    b = fresh();
    for (int i = 0; i < 300; i++) /* five of any fifteen */
        assert_int_not_equal(step(&b, i % 3 == 0, 0, true), VG_BARGE_CUT);
    assert_true(b.held);
}

static void hold_that_comes_to_nothing_is_released(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    for (int i = 0; i < 3; i++)
        (void)step(&b, true, 0, true);
    assert_true(b.held);
    int frames = 0;
    while (step(&b, false, 0, true) != VG_BARGE_RELEASE)
        frames++;
    /* 12 frames with all three in the window, then ten under the bound, the last of which releases. */
    assert_int_equal(frames, 12 + 9);
    assert_false(b.held);
    for (int i = 0; i < 2; i++)
        assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_HOLD);
}

static void voice_while_held_puts_the_release_off(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    for (int i = 0; i < 3; i++)
        (void)step(&b, true, 0, true);
    for (int i = 0; i < 400; i++) /* three voiced frames of fifteen: neither more nor less */
        assert_int_equal(step(&b, i % 5 == 4, 0, true), VG_BARGE_NONE);
    assert_true(b.held);
}

static void echo_15_db_under_the_agent_does_not_count(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    for (int i = 0; i < 100; i++)
        assert_int_equal(step(&b, true, CALLER_DB + 15.1f, true), VG_BARGE_NONE);
    b = fresh();
    enum vg_barge_event last = VG_BARGE_NONE;
    for (int i = 0; i < 6; i++)
        last = step(&b, true, CALLER_DB + 14.9f, true);
    assert_int_equal(last, VG_BARGE_CUT);
}

static void loudest_of_the_last_420_ms_makes_the_gate(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    (void)step(&b, false, 90, true);
    for (int i = 0; i < 20; i++)
        assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE);
    assert_int_equal(b.history, 0);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE); /* the 22nd counts */
    assert_int_equal(b.history, 1);
}

static void silent_agent_is_remembered_and_not_interrupted(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    for (int i = 0; i < 50; i++)
        assert_int_equal(step(&b, true, 90, false), VG_BARGE_NONE);
    /* A reply begins; the tail of the last one may still echo. */
    vg_barge_rearm(&b);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE);
    assert_int_equal(b.history, 0);
}

static void rearm_forgets_a_hold(void **state)
{
    (void)state;
    struct vg_barge b = fresh();
    for (int i = 0; i < 5; i++)
        (void)step(&b, true, 0, true);
    vg_barge_rearm(&b);
    assert_false(b.held);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_NONE);
}

static void odd_configurations_are_bounded(void **state)
{
    (void)state;
    struct vg_barge_config config = {.window_frames = 200, .tx_window_frames = 200};
    struct vg_barge b;
    vg_barge_init(&b, &config);
    assert_int_equal(b.config.window_frames, 32);
    assert_int_equal(b.config.tx_window_frames, 32);
    for (int i = 0; i < 100; i++)
        assert_int_equal(step(&b, false, 0, true), VG_BARGE_NONE);
    assert_int_equal(step(&b, true, 0, true), VG_BARGE_CUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_voiced_frames_hold_and_six_cut),
        cmocka_unit_test(voiced_frames_need_not_be_neighbours),
        cmocka_unit_test(hold_that_comes_to_nothing_is_released),
        cmocka_unit_test(voice_while_held_puts_the_release_off),
        cmocka_unit_test(echo_15_db_under_the_agent_does_not_count),
        cmocka_unit_test(loudest_of_the_last_420_ms_makes_the_gate),
        cmocka_unit_test(silent_agent_is_remembered_and_not_interrupted),
        cmocka_unit_test(rearm_forgets_a_hold),
        cmocka_unit_test(odd_configurations_are_bounded),
    };
    return cmocka_run_group_tests_name("audio barge", tests, NULL, NULL);
}
