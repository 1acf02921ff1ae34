/* What the tests of the speech-to-text port share: one adapter at a time with its real engine and a real
 * recording (Debian's pocketsphinx-testdata), everything that it tells, and the program around the cases. One
 * thread. */
#ifndef TESTS_UNIT_STT_RIG_H
#define TESTS_UNIT_STT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/nursery.h"
#include "provider/stt/list.h"

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

struct rig {
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
extern struct rig rig;

/* --- what was told since the start of the case ---------------------------------------------------------- */
size_t rig_count(enum kind kind);
const struct event *rig_last(enum kind kind);
/* That it is the final of `utterance`, which was the whole recording. */
void rig_assert_understood(const struct event *e, uint32_t utterance);
/* Runs the loop until so many events of each kind have come since the start of the case, or patience ends. */
void rig_run_until(size_t finals, size_t interims, size_t failures, int patience_ms);
/* Long enough for an event that must not come to come. */
void rig_run_a_while(void);

/* --- driving rig.stt: no event may come from inside a function of the port -------------------------------
 */
int rig_open(struct vg_stt **out, const char *language, uint32_t cap_ms, const char *const *words,
             size_t word_count);
void rig_begin(uint32_t utterance, int64_t at_samples);
/* Samples [from, to) of the recording, in frames; rig_speak(): all. */
void rig_speak_part(size_t from, size_t to);
void rig_speak(void);
void rig_finish(int64_t at_samples);
bool rig_is_loopback(void);
/* Waits until the adapter's engine process is there, or is gone; its process id, 0 when gone. */
pid_t rig_wait_for_engine(bool there);

/* --- the program: every case for every adapter ------------------------------------------------------------
 */
#define RIG_CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
/* Opens rig.stt for English, with its process there; closes it, with its process gone. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Runs the cases for each registered adapter, which is in `rig` then; gives main()'s status. */
int rig_main(const struct CMUnitTest *cases, size_t count);

#endif
