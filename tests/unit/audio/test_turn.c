/* The turn detector, stepped by hand: starts, ends, pre-roll, pauses, the noise gate, the longest turn. */
#include "cmocka_all.h"

#include <string.h>

#include "audio/turn.h"

/* Frames by letter: V voiced speech, s speech that is not voiced (or hold), . silence. */
static struct vg_vad_frame frame_of(char letter)
{
    return (struct vg_vad_frame){.speech = letter != '.', .voiced = letter == 'V', .level_db = 60};
}

/* Steps through `letters`; returns the last event that was not NONE, and in *at the index of its frame. */
static enum vg_turn_event feed(struct vg_turn *t, const char *letters, int64_t *at)
{
    enum vg_turn_event last = VG_TURN_NONE;
    for (; *letters; letters++) {
        struct vg_vad_frame frame = frame_of(*letters);
        enum vg_turn_event event = vg_turn_step(t, &frame);
        if (event != VG_TURN_NONE) {
            last = event;
            if (at)
                *at = t->frame - 1;
        }
    }
    return last;
}

static void repeat(struct vg_turn *t, char letter, int n, enum vg_turn_event *last)
{
    struct vg_vad_frame frame = frame_of(letter);
    *last = VG_TURN_NONE;
    for (int i = 0; i < n; i++) {
        enum vg_turn_event event = vg_turn_step(t, &frame);
        *last = event != VG_TURN_NONE ? event : *last;
    }
}

static struct vg_turn fresh(void)
{
    struct vg_turn_config config = vg_turn_config_default();
    struct vg_turn t;
    vg_turn_init(&t, &config);
    return t;
}

static void three_net_speech_frames_open_a_turn(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    int64_t at = -1;
    assert_int_equal(feed(&t, "VV", NULL), VG_TURN_NONE);
    assert_int_equal(feed(&t, "V", &at), VG_TURN_STARTED);
    assert_int_equal(at, 2);
    t = fresh();
    assert_int_equal(feed(&t, "V.V.V.V.", NULL), VG_TURN_NONE); /* each silent frame takes one back */
    t = fresh();
    assert_int_equal(feed(&t, "VV.V", NULL), VG_TURN_NONE);
    assert_int_equal(feed(&t, "V", &at), VG_TURN_STARTED);
    assert_int_equal(at, 4);
}

static void preroll_reaches_15_frames_before_the_start_window(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    enum vg_turn_event event;
    repeat(&t, '.', 100, &event);
    feed(&t, "VVV", NULL);
    assert_int_equal(t.start_frame, 100 - 15);
    assert_int_equal(vg_turn_started_frames_ago(&t), 18);
    feed(&t, "VV", NULL);
    assert_int_equal(vg_turn_started_frames_ago(&t), 20);
    t = fresh();
    feed(&t, "....VVV", NULL);
    assert_int_equal(t.start_frame, 0); /* the call is no older */
    assert_int_equal(vg_turn_started_frames_ago(&t), 7);
}

static void preroll_never_reaches_into_the_turn_before(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    enum vg_turn_event event;
    repeat(&t, 'V', 10, &event);
    repeat(&t, '.', 25, &event);
    assert_int_equal(event, VG_TURN_ENDED);
    assert_int_equal(t.previous_end, 35);
    feed(&t, "..VVV", NULL);
    assert_int_equal(t.start_frame, 35);
}

static void pause_resume_and_end_come_in_their_frames(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    int64_t at = -1;
    feed(&t, "VVVVVV", NULL);
    assert_int_equal(feed(&t, ".........", NULL), VG_TURN_NONE);
    assert_int_equal(feed(&t, ".", &at), VG_TURN_PAUSED);
    assert_int_equal(at, 15);
    assert_true(t.paused);
    assert_int_equal(feed(&t, "....", NULL), VG_TURN_NONE); /* once a pause */
    assert_int_equal(feed(&t, "s", NULL), VG_TURN_RESUMED);
    assert_false(t.paused);
    assert_int_equal(feed(&t, "..........", NULL), VG_TURN_PAUSED);
    assert_int_equal(feed(&t, "..............", NULL), VG_TURN_NONE);
    assert_int_equal(feed(&t, ".", &at), VG_TURN_ENDED);
    assert_int_equal(at, 45);
    assert_int_equal(t.last_speech_frame, 20);
    assert_int_equal(t.speech_frames, 7);
    assert_int_equal(t.voiced_frames, 6);
    assert_int_equal(vg_turn_started_frames_ago(&t), 0);
}

static void end_wins_where_pause_is_as_long(void **state)
{
    (void)state;
    struct vg_turn_config config = vg_turn_config_default();
    config.pause_frames = config.end_frames = 5;
    struct vg_turn t;
    vg_turn_init(&t, &config);
    feed(&t, "VVVV", NULL);
    assert_int_equal(feed(&t, ".....", NULL), VG_TURN_ENDED);
}

static void one_voiced_frame_and_the_hold_are_noise(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    enum vg_turn_event event;
    feed(&t, "Vsssssssss", NULL);
    assert_false(vg_turn_is_speech(&t));
    repeat(&t, '.', 25, &event);
    assert_int_equal(event, VG_TURN_DROPPED);
}

static void voiced_frames_count_from_the_start_window_on(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    feed(&t, "VVV", NULL);
    assert_int_equal(t.voiced_frames, 3);
    assert_int_equal(t.speech_frames, 3);
    feed(&t, "V", NULL);
    assert_true(vg_turn_is_speech(&t)); /* four, the least */
    t = fresh();
    feed(&t, "V..", NULL); /* a run that came to nothing is not counted */
    feed(&t, "ssV", NULL);
    assert_true(t.open);
    assert_int_equal(t.voiced_frames, 1);
}

static void turn_of_low_density_is_noise(void **state)
{
    (void)state;
    struct vg_turn t = fresh();
    enum vg_turn_event event;
    feed(&t, "VVVVVV", NULL); /* 6 voiced of 20: just enough */
    repeat(&t, 's', 14, &event);
    assert_true(vg_turn_is_speech(&t));
    repeat(&t, 's', 1, &event);
    assert_false(vg_turn_is_speech(&t));
    repeat(&t, '.', 25, &event);
    assert_int_equal(event, VG_TURN_DROPPED);
}

static void longest_turn_ends_and_the_next_one_loses_nothing(void **state)
{
    (void)state;
    struct vg_turn_config config = vg_turn_config_default();
    config.max_frames = 100;
    struct vg_turn t;
    vg_turn_init(&t, &config);
    int64_t ended = -1;
    int64_t started = -1;
    for (int i = 0; i < 110 && started < 0; i++) {
        struct vg_vad_frame frame = frame_of('V');
        enum vg_turn_event event = vg_turn_step(&t, &frame);
        if (event == VG_TURN_ENDED)
            ended = t.frame - 1;
        if (event == VG_TURN_STARTED && ended >= 0)
            started = t.start_frame;
    }
    assert_int_equal(ended, 99);
    assert_int_equal(started, 100);
}

static void zeroes_in_the_configuration_do_no_harm(void **state)
{
    (void)state;
    struct vg_turn_config config;
    memset(&config, 0, sizeof config);
    struct vg_turn t;
    vg_turn_init(&t, &config);
    assert_int_equal(feed(&t, "V", NULL), VG_TURN_STARTED);
    assert_int_equal(feed(&t, ".", NULL), VG_TURN_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_net_speech_frames_open_a_turn),
        cmocka_unit_test(preroll_reaches_15_frames_before_the_start_window),
        cmocka_unit_test(preroll_never_reaches_into_the_turn_before),
        cmocka_unit_test(pause_resume_and_end_come_in_their_frames),
        cmocka_unit_test(end_wins_where_pause_is_as_long),
        cmocka_unit_test(one_voiced_frame_and_the_hold_are_noise),
        cmocka_unit_test(voiced_frames_count_from_the_start_window_on),
        cmocka_unit_test(turn_of_low_density_is_noise),
        cmocka_unit_test(longest_turn_ends_and_the_next_one_loses_nothing),
        cmocka_unit_test(zeroes_in_the_configuration_do_no_harm),
    };
    return cmocka_run_group_tests_name("audio turn", tests, NULL, NULL);
}
