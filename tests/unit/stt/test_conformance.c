/* What the core relies on, checked for every registered speech-to-text adapter with its real engine and a
 * real recording (Debian's pocketsphinx-testdata). A new adapter is tested by being in the list. */
#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/nursery.h"
#include "provider/stt/list.h"

#define RECORDING "/usr/share/pocketsphinx/test/data/goforward.raw"

enum {
    RECORDING_SAMPLES_MAX = 4 * 16000,
    CAP_MS = 20000, /* finals in full, however loaded the machine that runs the tests is */
    PATIENCE_MS = 60000,
    EVENTS_MAX = 64,
};

enum kind { INTERIM, FINAL, FAILED };

struct event {
    enum kind kind;
    uint32_t utterance;
    int err;
    char text[128];
    double confidence;
    int64_t start_samples, end_samples, cpu_us;
};

struct world {
    struct vg_nursery *nursery;
    struct vg_loop *loop;
    struct vg_timer *tick;
    const struct vg_stt_entry *entry;
    const struct vg_stt_ops *ops;
    struct vg_stt *stt;
    struct vg_engine_env env;
    int16_t pcm[RECORDING_SAMPLES_MAX];
    size_t samples;

    struct event events[EVENTS_MAX];
    size_t event_count;
    bool in_call; /* a port function runs: no event may come */
    bool close_on_final;

    size_t finals_wanted, interims_wanted, failures_wanted; /* what the loop runs for */
    int ticks_left;
};
static struct world world;

/* -------------------------------------------------------------------------------------------------- events
 */
static size_t count(enum kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < world.event_count; i++)
        n += world.events[i].kind == kind;
    return n;
}

static const struct event *last(enum kind kind)
{
    for (size_t i = world.event_count; i-- > 0;)
        if (world.events[i].kind == kind)
            return &world.events[i];
    return NULL;
}

static struct event *note(enum kind kind, uint32_t utterance)
{
    assert_false(world.in_call);
    assert_true(world.event_count < EVENTS_MAX);
    struct event *e = &world.events[world.event_count++];
    *e = (struct event){.kind = kind, .utterance = utterance};
    return e;
}

static void note_result(enum kind kind, const struct vg_stt_result *r)
{
    struct event *e = note(kind, r->utterance);
    snprintf(e->text, sizeof e->text, "%s", r->text);
    e->confidence = r->confidence;
    e->start_samples = r->start_samples;
    e->end_samples = r->end_samples;
    e->cpu_us = r->engine_cpu_us;
}

static void on_interim(void *arg, const struct vg_stt_result *r)
{
    assert_ptr_equal(arg, &world);
    note_result(INTERIM, r);
}

static void on_final(void *arg, const struct vg_stt_result *r)
{
    assert_ptr_equal(arg, &world);
    note_result(FINAL, r);
    if (world.close_on_final) {
        world.ops->close(world.stt);
        world.stt = NULL;
    }
}

static void on_failed(void *arg, uint32_t utterance, int err)
{
    assert_ptr_equal(arg, &world);
    note(FAILED, utterance)->err = err;
}

static const struct vg_stt_events events = {.interim = on_interim, .final = on_final, .failed = on_failed};

static void on_tick(void *arg)
{
    (void)arg;
    bool done = count(FINAL) >= world.finals_wanted && count(INTERIM) >= world.interims_wanted &&
                count(FAILED) >= world.failures_wanted;
    if (done || --world.ticks_left <= 0)
        vg_loop_stop(world.loop);
}

/* Runs the loop until so many events of each kind have come since the start of the test, or patience ends. */
static void run_until(size_t finals, size_t interims, size_t failures, int patience_ms)
{
    world.finals_wanted = finals;
    world.interims_wanted = interims;
    world.failures_wanted = failures;
    world.ticks_left = patience_ms / 2;
    vg_timer_start(world.tick, 0, 2000);
    vg_loop_run(world.loop);
    vg_timer_stop(world.tick);
}

/* Long enough for an event that must not come to come. */
static void run_a_while(void)
{
    run_until(EVENTS_MAX + 1, 0, 0, 600);
}

/* -------------------------------------------------------------------------------------------------- driving
 */
static int open_with(struct vg_stt **out, const char *language, uint32_t cap_ms, const char *const *words,
                     size_t word_count)
{
    struct vg_stt_params params = {.call_id = "call_test",
                                   .language = language,
                                   .vocabulary = words,
                                   .vocabulary_count = word_count,
                                   .final_cap_ms = cap_ms};
    world.in_call = true;
    int err = world.ops->open(out, &world.env, &params, &events, &world);
    world.in_call = false;
    return err;
}

static void begin(uint32_t utterance, int64_t at)
{
    assert_int_equal(world.ops->begin(world.stt, utterance, at), 0);
}

static void speak_part(size_t from, size_t to)
{
    world.in_call = true;
    for (size_t i = from; i + 320 <= to; i += 320)
        assert_int_equal(world.ops->audio(world.stt, world.pcm + i, 320), 0);
    world.in_call = false;
}

static void speak(void)
{
    speak_part(0, world.samples);
}

static void finish(int64_t at)
{
    world.in_call = true;
    assert_int_equal(world.ops->finish(world.stt, at), 0);
    world.in_call = false;
}

static bool is_loopback(void)
{
    return strcmp(world.ops->name, "loopback") == 0;
}

static void assert_understood(const struct event *e, uint32_t utterance)
{
    assert_non_null(e);
    assert_int_equal(e->utterance, utterance);
    char want[64] = "go forward ten meters";
    if (is_loopback())
        snprintf(want, sizeof want, "loopback %u %zu", utterance, world.samples / 320 * 20);
    assert_string_equal(e->text, want);
    assert_true(e->confidence > 0 && e->confidence <= 1);
}

/* The process id of the nursery's only child, or 0: found as any child is, by its parent. */
static pid_t engine_pid(void)
{
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    pid_t found = 0;
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *f = fopen(path, "r");
        int pid, parent;
        char state;
        if (f && fscanf(f, "%d (%*[^)]) %c %d", &pid, &state, &parent) == 3 && state != 'Z' &&
            parent == (int)vg_nursery_pid(world.nursery))
            found = pid;
        if (f)
            fclose(f);
    }
    closedir(proc);
    return found;
}

static pid_t wait_for_engine(bool there)
{
    pid_t pid = engine_pid();
    for (int i = 0; i < PATIENCE_MS && (pid != 0) != there; i++) {
        poll(NULL, 0, 1);
        pid = engine_pid();
    }
    assert_true((pid != 0) == there);
    return pid;
}

/* ---------------------------------------------------------------------------------------------------- cases
 */
static void each_finish_gives_one_final(void **state)
{
    (void)state;
    begin(1, 16000);
    speak();
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    run_a_while();
    assert_int_equal(count(FINAL), 1);
    assert_int_equal(count(FAILED), 0);
    assert_understood(last(FINAL), 1);
    assert_int_equal(last(FINAL)->start_samples, 16000);
    assert_int_equal(last(FINAL)->end_samples, 60000);
    if (!is_loopback())
        assert_true(last(FINAL)->cpu_us > 0);
}

static void interims_come_while_the_caller_speaks(void **state)
{
    (void)state;
    begin(1, 0);
    speak();
    run_until(0, 1, 0, PATIENCE_MS);
    assert_true(count(INTERIM) >= 1);
    assert_int_equal(count(FINAL), 0);
    assert_true(strlen(last(INTERIM)->text) > 0);
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 1);
}

static void utterance_without_audio_gives_a_final(void **state)
{
    (void)state;
    begin(1, 0);
    finish(0);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(count(FINAL), 1);
    assert_string_equal(last(FINAL)->text, is_loopback() ? "loopback 1 0" : "");
}

static void nothing_comes_after_cancel(void **state)
{
    (void)state;
    begin(1, 0);
    speak();
    world.ops->cancel(world.stt);
    run_a_while();
    assert_int_equal(world.event_count, 0);
    world.ops->cancel(world.stt); /* nothing is open: nothing happens */
    begin(2, 0);
    speak();
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 2);
}

static void nothing_comes_after_close(void **state)
{
    (void)state;
    begin(1, 0);
    speak_part(0, world.samples / 2);
    world.ops->pause(world.stt);
    world.ops->close(world.stt);
    world.stt = NULL;
    run_a_while();
    assert_int_equal(world.event_count, 0);
    world.ops->close(NULL);
}

static void close_from_inside_an_event_is_safe(void **state)
{
    (void)state;
    world.close_on_final = true;
    begin(1, 0);
    speak();
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 1);
    assert_null(world.stt);
    run_a_while();
}

static void pause_before_the_end_makes_the_final_early(void **state)
{
    (void)state;
    begin(1, 0);
    speak();
    world.ops->pause(world.stt);
    run_a_while();
    assert_int_equal(count(FINAL), 0);
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 1);
}

static void resume_after_a_pause_hears_the_whole(void **state)
{
    (void)state;
    begin(1, 0);
    for (int part = 0; part < 4; part++) {
        speak_part(world.samples / 320 * (size_t)part / 4 * 320,
                   world.samples / 320 * (size_t)(part + 1) / 4 * 320);
        world.ops->pause(world.stt);
        if (part == 1)
            run_a_while();
        if (part < 3)
            world.ops->resume(world.stt);
    }
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 1);
}

static void second_utterance_may_begin_before_the_first_final(void **state)
{
    (void)state;
    for (uint32_t u = 1; u <= 2; u++) {
        begin(u, u * 1000);
        speak();
        finish(u * 1000 + 500);
    }
    run_until(2, 0, 0, PATIENCE_MS);
    run_a_while();
    assert_int_equal(count(FINAL), 2);
    uint32_t next = 1;
    for (size_t i = 0; i < world.event_count; i++) {
        const struct event *e = &world.events[i];
        if (e->kind != FINAL)
            continue;
        assert_understood(e, next);
        assert_int_equal(e->start_samples, next * 1000);
        assert_int_equal(e->end_samples, next * 1000 + 500);
        next++;
    }
}

static void calls_out_of_order_are_refused(void **state)
{
    (void)state;
    assert_int_equal(world.ops->audio(world.stt, world.pcm, 320), VG_ESTATE);
    assert_int_equal(world.ops->finish(world.stt, 0), VG_ESTATE);
    world.ops->pause(world.stt);
    world.ops->resume(world.stt);
    begin(1, 0);
    assert_int_equal(world.ops->begin(world.stt, 2, 0), VG_ESTATE);
    finish(0);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(count(FINAL), 1);
}

static void vocabulary_does_no_harm(void **state)
{
    (void)state;
    static const char *const words[] = {"Meters", "voxgate", "Jean Luc", "", "forward"};
    world.ops->close(world.stt);
    assert_int_equal(open_with(&world.stt, "en", CAP_MS, words, VG_COUNT_OF(words)), 0);
    begin(1, 0);
    speak();
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_understood(last(FINAL), 1);
}

static void late_final_is_capped(void **state)
{
    (void)state;
    world.ops->close(world.stt);
    assert_int_equal(open_with(&world.stt, "en", 1, NULL, 0), 0);
    begin(1, 0);
    speak();
    run_until(0, 1, 0, PATIENCE_MS);
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(count(FINAL), 1);
    assert_true(strlen(last(FINAL)->text) > 0);
}

/* A client that sends faster than it speaks: the live decoder has nothing yet when the cap is over. */
static void audio_that_came_at_once_is_not_lost(void **state)
{
    (void)state;
    world.ops->close(world.stt);
    assert_int_equal(open_with(&world.stt, "en", 20, NULL, 0), 0);
    begin(1, 0);
    speak();
    finish(60000);
    run_until(1, 0, 0, PATIENCE_MS);
    assert_int_equal(count(FINAL), 1);
    assert_true(strlen(last(FINAL)->text) > 0);
}

static void language_it_does_not_hear_is_refused(void **state)
{
    (void)state;
    struct vg_stt *none = NULL;
    assert_true(world.ops->hears("en"));
    assert_true(world.ops->hears("en-US"));
    static const char *const others[] = {"ar", "zh", ""};
    for (size_t i = 0; i < VG_COUNT_OF(others); i++) {
        bool words = world.ops->takes_words && world.ops->takes_words(others[i]);
        if (!world.ops->hears(others[i]) && !words)
            assert_int_equal(open_with(&none, others[i], CAP_MS, NULL, 0), VG_ENOTSUP);
    }
    assert_null(none);
}

/* Where single words are all that is understood, no word of another language comes of speech in it. */
static void language_of_words_gives_such_words_or_nothing(void **state)
{
    (void)state;
    if (!world.ops->takes_words || world.ops->hears("ar"))
        return;
    world.ops->close(world.stt);
    assert_true(world.ops->takes_words("ar"));
    assert_false(world.ops->takes_words("en"));
    assert_int_equal(open_with(&world.stt, "ar", CAP_MS, NULL, 0), 0);
    for (uint32_t u = 1; u <= 4; u++) {
        begin(u, 0);
        size_t part = world.samples / 4 / 320 * 320; /* of a sentence: about as long as a word */
        speak_part((u - 1) * part, u * part);
        world.ops->pause(world.stt);
        finish((int64_t)part);
        run_until(u, 0, 0, PATIENCE_MS);
        const char *text = last(FINAL)->text;
        assert_int_equal(last(FINAL)->utterance, u);
        for (const char *p = text; *p; p++)
            assert_true((unsigned char)*p >= 0x80);
        assert_true(*text ? last(FINAL)->confidence > 0 : last(FINAL)->confidence == 0);
    }
    begin(5, 0);
    speak();
    finish(60000);
    run_until(5, 0, 0, PATIENCE_MS);
    assert_string_equal(last(FINAL)->text, "");
    assert_int_equal(count(INTERIM), 0);
    assert_int_equal(count(FAILED), 0);
}

static void engine_without_nursery_is_unavailable(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    struct vg_stt *none = NULL;
    struct vg_nursery *nursery = world.env.nursery;
    world.env.nursery = NULL;
    assert_int_equal(open_with(&none, "en", CAP_MS, NULL, 0), VG_EUNAVAIL);
    world.env.nursery = nursery;
}

/* The next utterance after a loss is understood. */
static void assert_works_again(uint32_t utterance)
{
    size_t finals = count(FINAL);
    begin(utterance, 0);
    speak();
    finish(60000);
    run_until(finals + 1, 0, 0, PATIENCE_MS);
    assert_int_equal(count(FINAL), finals + 1);
    assert_understood(last(FINAL), utterance);
}

static void killed_process_costs_the_open_utterance(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    begin(1, 0);
    speak_part(0, world.samples / 2);
    kill(wait_for_engine(true), SIGKILL);
    run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(count(FAILED), 1);
    assert_int_equal(last(FAILED)->utterance, 1);
    assert_int_equal(last(FAILED)->err, VG_ECLOSED);
    assert_int_equal(world.ops->finish(world.stt, 60000), VG_ESTATE);
    assert_works_again(2);
    run_a_while();
    assert_int_equal(count(FAILED), 1);
}

static void killed_process_costs_the_awaited_final(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    begin(1, 0);
    speak();
    pid_t pid = wait_for_engine(true);
    kill(pid, SIGSTOP);
    finish(60000);
    kill(pid, SIGKILL);
    run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(count(FAILED), 1);
    assert_int_equal(last(FAILED)->err, VG_ECLOSED);
    assert_works_again(2);
    assert_int_equal(count(FAILED), 1);
}

static void process_killed_between_utterances_is_not_noticed(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    assert_works_again(1);
    kill(wait_for_engine(true), SIGKILL);
    run_a_while();
    assert_works_again(2);
    assert_int_equal(count(FAILED), 0);
}

static void stopped_process_is_given_up_in_time(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    world.ops->close(world.stt);
    wait_for_engine(false);
    assert_int_equal(open_with(&world.stt, "en", 100, NULL, 0), 0);
    begin(1, 0);
    speak();
    pid_t pid = wait_for_engine(true);
    kill(pid, SIGSTOP);
    finish(60000);
    int64_t before_us = vg_loop_now_us(world.loop);
    run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(count(FAILED), 1);
    assert_int_equal(last(FAILED)->err, VG_ETIMEOUT);
    assert_true(vg_loop_now_us(world.loop) - before_us >= 1000000);
    size_t finals = count(FINAL);
    begin(2, 0);
    speak();
    run_a_while();
    finish(60000);
    run_until(finals + 1, 0, 0, PATIENCE_MS);
    assert_int_equal(last(FINAL)->utterance, 2);
    /* The stopped one is not left behind. */
    for (int i = 0; i < PATIENCE_MS && kill(pid, 0) == 0; i++)
        poll(NULL, 0, 1);
    assert_int_not_equal(kill(pid, 0), 0);
}

/* A process that takes nothing must not grow the gateway, nor block it. */
static void audio_for_a_stopped_process_is_bounded(void **state)
{
    (void)state;
    if (!world.entry->program)
        return;
    begin(1, 0);
    kill(wait_for_engine(true), SIGSTOP);
    for (int seconds = 0; seconds < 30; seconds += 2)
        speak();
    run_until(0, 0, 1, PATIENCE_MS);
    assert_int_equal(count(FAILED), 1);
    assert_int_equal(last(FAILED)->err, VG_ETIMEOUT);
    assert_works_again(2);
}

/* ------------------------------------------------------------------------------------------------ scaffold
 */
static int setup_adapter(void **state)
{
    (void)state;
    world.env = (struct vg_engine_env){.loop = world.loop, .nursery = world.nursery};
    return 0;
}

static int setup(void **state)
{
    (void)state;
    world.event_count = 0;
    world.close_on_final = false;
    int err = open_with(&world.stt, "en", CAP_MS, NULL, 0);
    /* Each case has one process, which is there: so the next case does not meet one that was still to come.
     */
    if (world.entry->program)
        wait_for_engine(true);
    return err;
}

static int teardown(void **state)
{
    (void)state;
    world.ops->close(world.stt);
    world.stt = NULL;
    wait_for_engine(false);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run_cases(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_finish_gives_one_final),
        CASE(interims_come_while_the_caller_speaks),
        CASE(utterance_without_audio_gives_a_final),
        CASE(nothing_comes_after_cancel),
        CASE(nothing_comes_after_close),
        CASE(close_from_inside_an_event_is_safe),
        CASE(pause_before_the_end_makes_the_final_early),
        CASE(resume_after_a_pause_hears_the_whole),
        CASE(second_utterance_may_begin_before_the_first_final),
        CASE(calls_out_of_order_are_refused),
        CASE(vocabulary_does_no_harm),
        CASE(late_final_is_capped),
        CASE(audio_that_came_at_once_is_not_lost),
        CASE(language_it_does_not_hear_is_refused),
        CASE(language_of_words_gives_such_words_or_nothing),
        CASE(engine_without_nursery_is_unavailable),
        CASE(killed_process_costs_the_open_utterance),
        CASE(killed_process_costs_the_awaited_final),
        CASE(process_killed_between_utterances_is_not_noticed),
        CASE(stopped_process_is_given_up_in_time),
        CASE(audio_for_a_stopped_process_is_bounded),
    };
    return _cmocka_run_group_tests(world.ops->name, tests, VG_COUNT_OF(tests), setup_adapter, NULL);
}

static void start_nursery(void)
{
    struct vg_nursery_program programs[VG_NURSERY_PROGRAMS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < vg_stt_list_count; i++)
        if (vg_stt_list[i].program)
            programs[n++] = *vg_stt_list[i].program;
    if (vg_nursery_start(&world.nursery, programs, n) != 0 ||
        vg_nursery_wait(world.nursery, PATIENCE_MS) != 0)
        abort();
}

int main(void)
{
    FILE *f = fopen(RECORDING, "rb");
    if (!f) {
        fprintf(stderr, "%s is missing: install pocketsphinx-testdata\n", RECORDING);
        return 1;
    }
    world.samples = fread(world.pcm, sizeof *world.pcm, RECORDING_SAMPLES_MAX, f);
    fclose(f);
    start_nursery();
    world.loop = vg_loop_new("test");
    world.tick = vg_timer_new(world.loop, on_tick, NULL);
    int failures = 0;
    for (size_t i = 0; i < vg_stt_list_count; i++) {
        world.entry = &vg_stt_list[i];
        world.ops = world.entry->ops;
        if (vg_stt_find(world.ops->name) != world.ops)
            abort();
        failures += run_cases();
    }
    vg_timer_free(world.tick);
    vg_nursery_free(world.nursery);
    vg_loop_free(world.loop);
    return failures != 0;
}
