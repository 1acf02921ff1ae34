/* What the core relies on, checked for every registered speech-to-text adapter with its real engine and a
 * real recording. A new adapter is tested by being in the list. What engines' failures cost: test_faults.c.
 */
#include "stt_rig.h"

#include <string.h>

static void each_finish_gives_one_final(void **state)
{
    (void)state;
    rig_begin(1, 16000);
    rig_speak();
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_run_a_while();
    assert_int_equal(rig_count(FINAL), 1);
    assert_int_equal(rig_count(FAILED), 0);
    rig_assert_understood(rig_last(FINAL), 1);
    assert_int_equal(rig_last(FINAL)->start_samples, 16000);
    assert_int_equal(rig_last(FINAL)->end_samples, 60000);
    if (!rig_is_loopback())
        assert_true(rig_last(FINAL)->cpu_us > 0);
}

static void interims_come_while_the_caller_speaks(void **state)
{
    (void)state;
    rig_begin(1, 0);
    rig_speak();
    rig_run_until(0, 1, 0, PATIENCE_MS);
    assert_true(rig_count(INTERIM) >= 1);
    assert_int_equal(rig_count(FINAL), 0);
    assert_true(strlen(rig_last(INTERIM)->text) > 0);
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 1);
}

static void utterance_without_audio_gives_a_final(void **state)
{
    (void)state;
    rig_begin(1, 0);
    rig_finish(0);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(rig_count(FINAL), 1);
    assert_string_equal(rig_last(FINAL)->text, rig_is_loopback() ? "loopback 1 0" : "");
}

static void nothing_comes_after_cancel(void **state)
{
    (void)state;
    rig_begin(1, 0);
    rig_speak();
    rig.ops->cancel(rig.stt);
    rig_run_a_while();
    assert_int_equal(rig.event_count, 0);
    rig.ops->cancel(rig.stt); /* nothing is open: nothing happens */
    rig_begin(2, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 2);
}

static void nothing_comes_after_close(void **state)
{
    (void)state;
    rig_begin(1, 0);
    rig_speak_part(0, rig.samples / 2);
    rig.ops->pause(rig.stt);
    rig.ops->close(rig.stt);
    rig.stt = NULL;
    rig_run_a_while();
    assert_int_equal(rig.event_count, 0);
    rig.ops->close(NULL);
}

static void close_from_inside_an_event_is_safe(void **state)
{
    (void)state;
    rig.close_on_final = true;
    rig_begin(1, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 1);
    assert_null(rig.stt);
    rig_run_a_while();
}

static void pause_before_the_end_makes_the_final_early(void **state)
{
    (void)state;
    rig_begin(1, 0);
    rig_speak();
    rig.ops->pause(rig.stt);
    rig_run_a_while();
    assert_int_equal(rig_count(FINAL), 0);
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 1);
}

static void resume_after_a_pause_hears_the_whole(void **state)
{
    (void)state;
    rig_begin(1, 0);
    for (int part = 0; part < 4; part++) {
        rig_speak_part(rig.samples / 320 * (size_t)part / 4 * 320,
                       rig.samples / 320 * (size_t)(part + 1) / 4 * 320);
        rig.ops->pause(rig.stt);
        if (part == 1)
            rig_run_a_while();
        if (part < 3)
            rig.ops->resume(rig.stt);
    }
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 1);
}

static void second_utterance_may_begin_before_the_first_final(void **state)
{
    (void)state;
    for (uint32_t u = 1; u <= 2; u++) {
        rig_begin(u, u * 1000);
        rig_speak();
        rig_finish(u * 1000 + 500);
    }
    rig_run_until(2, 0, 0, PATIENCE_MS);
    rig_run_a_while();
    assert_int_equal(rig_count(FINAL), 2);
    uint32_t next = 1;
    for (size_t i = 0; i < rig.event_count; i++) {
        const struct event *e = &rig.events[i];
        if (e->kind != FINAL)
            continue;
        rig_assert_understood(e, next);
        assert_int_equal(e->start_samples, next * 1000);
        assert_int_equal(e->end_samples, next * 1000 + 500);
        next++;
    }
}

static void calls_out_of_order_are_refused(void **state)
{
    (void)state;
    assert_int_equal(rig.ops->audio(rig.stt, rig.pcm, 320), VG_ESTATE);
    assert_int_equal(rig.ops->finish(rig.stt, 0), VG_ESTATE);
    rig.ops->pause(rig.stt);
    rig.ops->resume(rig.stt);
    rig_begin(1, 0);
    assert_int_equal(rig.ops->begin(rig.stt, 2, 0), VG_ESTATE);
    rig_finish(0);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(rig_count(FINAL), 1);
}

static void vocabulary_does_no_harm(void **state)
{
    (void)state;
    static const char *const words[] = {"Meters", "voxgate", "Jean Luc", "", "forward"};
    rig.ops->close(rig.stt);
    assert_int_equal(rig_open(&rig.stt, "en", CAP_MS, words, VG_COUNT_OF(words)), 0);
    rig_begin(1, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    rig_assert_understood(rig_last(FINAL), 1);
}

static void late_final_is_capped(void **state)
{
    (void)state;
    rig.ops->close(rig.stt);
    assert_int_equal(rig_open(&rig.stt, "en", 1, NULL, 0), 0);
    rig_begin(1, 0);
    rig_speak();
    rig_run_until(0, 1, 0, PATIENCE_MS);
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(rig_count(FINAL), 1);
    assert_true(strlen(rig_last(FINAL)->text) > 0);
}

/* A client that sends faster than it speaks: the live decoder has nothing yet when the cap is over. */
static void audio_that_came_at_once_is_not_lost(void **state)
{
    (void)state;
    rig.ops->close(rig.stt);
    assert_int_equal(rig_open(&rig.stt, "en", 20, NULL, 0), 0);
    rig_begin(1, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(rig_count(FINAL), 1);
    assert_true(strlen(rig_last(FINAL)->text) > 0);
}

static void language_it_does_not_hear_is_refused(void **state)
{
    (void)state;
    struct vg_stt *none = NULL;
    assert_true(rig.ops->hears("en"));
    assert_true(rig.ops->hears("en-US"));
    static const char *const others[] = {"ar", "zh", ""};
    for (size_t i = 0; i < VG_COUNT_OF(others); i++) {
        bool words = rig.ops->takes_words && rig.ops->takes_words(others[i]);
        if (!rig.ops->hears(others[i]) && !words)
            assert_int_equal(rig_open(&none, others[i], CAP_MS, NULL, 0), VG_ENOTSUP);
    }
    assert_null(none);
}

/* Where single words are all that is understood, no word of another language comes of speech in it. */
static void language_of_words_gives_such_words_or_nothing(void **state)
{
    (void)state;
    if (!rig.ops->takes_words || rig.ops->hears("ar"))
        return;
    rig.ops->close(rig.stt);
    assert_true(rig.ops->takes_words("ar"));
    assert_false(rig.ops->takes_words("en"));
    assert_int_equal(rig_open(&rig.stt, "ar", CAP_MS, NULL, 0), 0);
    for (uint32_t u = 1; u <= 4; u++) {
        rig_begin(u, 0);
        size_t part = rig.samples / 4 / 320 * 320; /* of a sentence: about as long as a word */
        rig_speak_part((u - 1) * part, u * part);
        rig.ops->pause(rig.stt);
        rig_finish((int64_t)part);
        rig_run_until(u, 0, 0, PATIENCE_MS);
        const char *text = rig_last(FINAL)->text;
        assert_int_equal(rig_last(FINAL)->utterance, u);
        for (const char *p = text; *p; p++)
            assert_true((unsigned char)*p >= 0x80);
        assert_true(*text ? rig_last(FINAL)->confidence > 0 : rig_last(FINAL)->confidence == 0);
    }
    rig_begin(5, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(5, 0, 0, PATIENCE_MS);
    assert_string_equal(rig_last(FINAL)->text, "");
    assert_int_equal(rig_count(INTERIM), 0);
    assert_int_equal(rig_count(FAILED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_CASE(each_finish_gives_one_final),
        RIG_CASE(interims_come_while_the_caller_speaks),
        RIG_CASE(utterance_without_audio_gives_a_final),
        RIG_CASE(nothing_comes_after_cancel),
        RIG_CASE(nothing_comes_after_close),
        RIG_CASE(close_from_inside_an_event_is_safe),
        RIG_CASE(pause_before_the_end_makes_the_final_early),
        RIG_CASE(resume_after_a_pause_hears_the_whole),
        RIG_CASE(second_utterance_may_begin_before_the_first_final),
        RIG_CASE(calls_out_of_order_are_refused),
        RIG_CASE(vocabulary_does_no_harm),
        RIG_CASE(late_final_is_capped),
        RIG_CASE(audio_that_came_at_once_is_not_lost),
        RIG_CASE(language_it_does_not_hear_is_refused),
        RIG_CASE(language_of_words_gives_such_words_or_nothing),
    };
    return rig_main(tests, VG_COUNT_OF(tests));
}
