/* What the failure of an engine costs, for every registered speech-to-text adapter that is a process of its
 * own: it is killed, stopped or not there at all, and the next utterance is understood. */
#include "stt_rig.h"

#include <poll.h>
#include <signal.h>

static void engine_without_nursery_is_unavailable(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    struct vg_stt *none = NULL;
    struct vg_nursery *nursery = rig.env.nursery;
    rig.env.nursery = NULL;
    assert_int_equal(rig_open(&none, "en", CAP_MS, NULL, 0), VG_EUNAVAIL);
    rig.env.nursery = nursery;
}

/* The next utterance after a loss is understood. */
static void assert_works_again(uint32_t utterance)
{
    size_t finals = rig_count(FINAL);
    rig_begin(utterance, 0);
    rig_speak();
    rig_finish(60000);
    rig_run_until(finals + 1, 0, 0, PATIENCE_MS);
    assert_int_equal(rig_count(FINAL), finals + 1);
    rig_assert_understood(rig_last(FINAL), utterance);
}

static void killed_process_costs_the_open_utterance(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    rig_begin(1, 0);
    rig_speak_part(0, rig.samples / 2);
    kill(rig_wait_for_engine(true), SIGKILL);
    rig_run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(rig_count(FAILED), 1);
    assert_int_equal(rig_last(FAILED)->utterance, 1);
    assert_int_equal(rig_last(FAILED)->err, VG_ECLOSED);
    assert_int_equal(rig.ops->finish(rig.stt, 60000), VG_ESTATE);
    assert_works_again(2);
    rig_run_a_while();
    assert_int_equal(rig_count(FAILED), 1);
}

static void killed_process_costs_the_awaited_final(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    rig_begin(1, 0);
    rig_speak();
    pid_t pid = rig_wait_for_engine(true);
    kill(pid, SIGSTOP);
    rig_finish(60000);
    kill(pid, SIGKILL);
    rig_run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(rig_count(FAILED), 1);
    assert_int_equal(rig_last(FAILED)->err, VG_ECLOSED);
    assert_works_again(2);
    assert_int_equal(rig_count(FAILED), 1);
}

static void process_killed_between_utterances_is_not_noticed(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    assert_works_again(1);
    kill(rig_wait_for_engine(true), SIGKILL);
    rig_run_a_while();
    assert_works_again(2);
    assert_int_equal(rig_count(FAILED), 0);
}

static void stopped_process_is_given_up_in_time(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    rig.ops->close(rig.stt);
    rig_wait_for_engine(false);
    assert_int_equal(rig_open(&rig.stt, "en", 100, NULL, 0), 0);
    rig_begin(1, 0);
    rig_speak();
    pid_t pid = rig_wait_for_engine(true);
    kill(pid, SIGSTOP);
    rig_finish(60000);
    int64_t before_us = vg_loop_now_us(rig.loop);
    rig_run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(rig_count(FAILED), 1);
    assert_int_equal(rig_last(FAILED)->err, VG_ETIMEOUT);
    assert_true(vg_loop_now_us(rig.loop) - before_us >= 1000000);
    size_t finals = rig_count(FINAL);
    rig_begin(2, 0);
    rig_speak();
    rig_run_until(0, 1, 0, PATIENCE_MS); /* a slow machine has nothing to give within the cap before */
    rig_finish(60000);
    rig_run_until(finals + 1, 0, 0, PATIENCE_MS);
    assert_non_null(rig_last(FINAL));
    assert_int_equal(rig_last(FINAL)->utterance, 2);
    /* The stopped one is not left behind. */
    for (int i = 0; i < PATIENCE_MS && kill(pid, 0) == 0; i++)
        poll(NULL, 0, 1);
    assert_int_not_equal(kill(pid, 0), 0);
}

/* A process that takes nothing must not grow the gateway, nor block it. */
static void audio_for_a_stopped_process_is_bounded(void **state)
{
    (void)state;
    if (!rig.entry->program)
        return;
    rig_begin(1, 0);
    kill(rig_wait_for_engine(true), SIGSTOP);
    for (int seconds = 0; seconds < 30; seconds += 2)
        rig_speak();
    rig_run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(rig_count(FAILED), 1);
    assert_int_equal(rig_last(FAILED)->err, VG_ETIMEOUT);
    assert_works_again(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_CASE(engine_without_nursery_is_unavailable),
        RIG_CASE(killed_process_costs_the_open_utterance),
        RIG_CASE(killed_process_costs_the_awaited_final),
        RIG_CASE(process_killed_between_utterances_is_not_noticed),
        RIG_CASE(stopped_process_is_given_up_in_time),
        RIG_CASE(audio_for_a_stopped_process_is_bounded),
    };
    return rig_main(tests, VG_COUNT_OF(tests));
}
