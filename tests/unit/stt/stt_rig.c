/* See stt_rig.h. */
#include "stt_rig.h"

#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDING "/usr/share/pocketsphinx/test/data/goforward.raw"

struct rig rig;

/* -------------------------------------------------------------------------------------------------- events
 */
size_t rig_count(enum kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < rig.event_count; i++)
        n += rig.events[i].kind == kind;
    return n;
}

const struct event *rig_last(enum kind kind)
{
    for (size_t i = rig.event_count; i-- > 0;)
        if (rig.events[i].kind == kind)
            return &rig.events[i];
    return NULL;
}

static struct event *note(enum kind kind, uint32_t utterance)
{
    assert_false(rig.in_call);
    assert_true(rig.event_count < EVENTS_MAX);
    struct event *e = &rig.events[rig.event_count++];
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
    assert_ptr_equal(arg, &rig);
    note_result(INTERIM, r);
}

static void on_final(void *arg, const struct vg_stt_result *r)
{
    assert_ptr_equal(arg, &rig);
    note_result(FINAL, r);
    if (rig.close_on_final) {
        rig.ops->close(rig.stt);
        rig.stt = NULL;
    }
}

static void on_failed(void *arg, uint32_t utterance, int err)
{
    assert_ptr_equal(arg, &rig);
    note(FAILED, utterance)->err = err;
}

static const struct vg_stt_events events = {.interim = on_interim, .final = on_final, .failed = on_failed};

static void on_tick(void *arg)
{
    (void)arg;
    bool done = rig_count(FINAL) >= rig.finals_wanted && rig_count(INTERIM) >= rig.interims_wanted &&
                rig_count(FAILED) >= rig.failures_wanted;
    if (done || --rig.ticks_left <= 0)
        vg_loop_stop(rig.loop);
}

void rig_run_until(size_t finals, size_t interims, size_t failures, int patience_ms)
{
    rig.finals_wanted = finals;
    rig.interims_wanted = interims;
    rig.failures_wanted = failures;
    rig.ticks_left = patience_ms / 2;
    vg_timer_start(rig.tick, 0, 2000);
    vg_loop_run(rig.loop);
    vg_timer_stop(rig.tick);
}

void rig_run_a_while(void)
{
    rig_run_until(EVENTS_MAX + 1, 0, 0, 600);
}

/* -------------------------------------------------------------------------------------------------- driving
 */
int rig_open(struct vg_stt **out, const char *language, uint32_t cap_ms, const char *const *words,
             size_t word_count)
{
    struct vg_stt_params params = {.call_id = "call_test",
                                   .language = language,
                                   .vocabulary = words,
                                   .vocabulary_count = word_count,
                                   .final_cap_ms = cap_ms};
    rig.in_call = true;
    int err = rig.ops->open(out, &rig.env, &params, &events, &rig);
    rig.in_call = false;
    return err;
}

void rig_begin(uint32_t utterance, int64_t at)
{
    assert_int_equal(rig.ops->begin(rig.stt, utterance, at), 0);
}

void rig_speak_part(size_t from, size_t to)
{
    rig.in_call = true;
    for (size_t i = from; i + 320 <= to; i += 320)
        assert_int_equal(rig.ops->audio(rig.stt, rig.pcm + i, 320), 0);
    rig.in_call = false;
}

void rig_speak(void)
{
    rig_speak_part(0, rig.samples);
}

void rig_finish(int64_t at)
{
    rig.in_call = true;
    assert_int_equal(rig.ops->finish(rig.stt, at), 0);
    rig.in_call = false;
}

bool rig_is_loopback(void)
{
    return strcmp(rig.ops->name, "loopback") == 0;
}

void rig_assert_understood(const struct event *e, uint32_t utterance)
{
    assert_non_null(e);
    assert_int_equal(e->utterance, utterance);
    char want[64] = "go forward ten meters";
    if (rig_is_loopback())
        snprintf(want, sizeof want, "loopback %u %zu", utterance, rig.samples / 320 * 20);
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
            parent == (int)vg_nursery_pid(rig.nursery))
            found = pid;
        if (f)
            fclose(f);
    }
    closedir(proc);
    return found;
}

pid_t rig_wait_for_engine(bool there)
{
    pid_t pid = engine_pid();
    for (int i = 0; i < PATIENCE_MS && (pid != 0) != there; i++) {
        poll(NULL, 0, 1);
        pid = engine_pid();
    }
    assert_true((pid != 0) == there);
    return pid;
}

/* ----------------------------------------------------------------------------------------------- program
 */
static int use_adapter(void **state)
{
    (void)state;
    rig.env = (struct vg_engine_env){.loop = rig.loop, .nursery = rig.nursery};
    return 0;
}

int rig_setup(void **state)
{
    (void)state;
    rig.event_count = 0;
    rig.close_on_final = false;
    int err = rig_open(&rig.stt, "en", CAP_MS, NULL, 0);
    /* Each case has one process, which is there: so the next case does not meet one that was still to come.
     */
    if (rig.entry->program)
        rig_wait_for_engine(true);
    return err;
}

int rig_teardown(void **state)
{
    (void)state;
    rig.ops->close(rig.stt);
    rig.stt = NULL;
    rig_wait_for_engine(false);
    return 0;
}

static void start_nursery(void)
{
    struct vg_nursery_program programs[VG_NURSERY_PROGRAMS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < vg_stt_list_count; i++)
        if (vg_stt_list[i].program)
            programs[n++] = *vg_stt_list[i].program;
    if (vg_nursery_start(&rig.nursery, programs, n) != 0 || vg_nursery_wait(rig.nursery, PATIENCE_MS) != 0)
        abort();
}

int rig_main(const struct CMUnitTest *cases, size_t count)
{
    FILE *f = fopen(RECORDING, "rb");
    if (!f) {
        fprintf(stderr, "%s is missing: install pocketsphinx-testdata\n", RECORDING);
        return 1;
    }
    rig.samples = fread(rig.pcm, sizeof *rig.pcm, RECORDING_SAMPLES_MAX, f);
    fclose(f);
    start_nursery();
    rig.loop = vg_loop_new("test");
    rig.tick = vg_timer_new(rig.loop, on_tick, NULL);
    int failures = 0;
    for (size_t i = 0; i < vg_stt_list_count; i++) {
        rig.entry = &vg_stt_list[i];
        rig.ops = rig.entry->ops;
        if (vg_stt_find(rig.ops->name) != rig.ops)
            abort();
        failures += _cmocka_run_group_tests(rig.ops->name, cases, count, use_adapter, NULL);
    }
    vg_timer_free(rig.tick);
    vg_nursery_free(rig.nursery);
    vg_loop_free(rig.loop);
    return failures != 0;
}
