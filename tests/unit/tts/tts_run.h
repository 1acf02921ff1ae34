/* One clause, run on a loop to its end, with everything counted. */
#ifndef TESTS_UNIT_TTS_RUN_H
#define TESTS_UNIT_TTS_RUN_H

#include <stdbool.h>

#include "net/loop.h"
#include "provider/tts/list.h"
#include "provider/tts/synth_pool.h"

struct tts_run {
    const struct vg_tts_ops *ops;
    struct vg_engine_env env;
    struct vg_tts *tts;
    unsigned *open; /* runs that have not ended; the loop stops at 0 */
    int64_t started_us, first_us, ended_us;
    int64_t samples;
    unsigned pieces, dones, faileds;
    int err;                     /* of failed */
    int peak;                    /* largest magnitude heard */
    struct vg_tts_result result; /* of done */
    int64_t close_after_samples; /* closes from within the audio event; 0: never */
    bool closed;
};

/* Starts; returns what start returned. */
int tts_run_start(struct tts_run *run, const char *text, const char *language, const char *voice);
void tts_run_close(struct tts_run *run);
/* Runs the loop until *open is 0 (runs that ended or closed) or `timeout_us` passed; true if nothing is open.
 */
bool tts_run_loop(struct vg_loop *loop, unsigned *open, int64_t timeout_us);
/* One clause from start to end, closed afterwards; start must succeed. */
struct tts_run tts_run_whole(const struct vg_tts_ops *ops, const struct vg_engine_env *env, const char *text,
                             const char *language, const char *voice);
/* Runs the loop for this long. */
void tts_run_idle(struct vg_loop *loop, int64_t for_us);

#endif
