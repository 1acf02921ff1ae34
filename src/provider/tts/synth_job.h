/* One clause on its way through the synthesis pool: what `struct vg_tts` is for the adapters that use the
 * pool.
 *
 * The loop holds one reference until it closes the clause, the pool holds one until the result is posted, and
 * each message on its way to the loop holds one. So closing never waits for a worker: it marks the clause
 * cancelled, and the last holder frees it. */
#ifndef VG_PROVIDER_TTS_SYNTH_JOB_H
#define VG_PROVIDER_TTS_SYNTH_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "provider/tts/synth_pool.h"
#include "voxgate/tts.h"

enum { SYNTH_SAMPLES_MAX = 16000 * 180 }; /* three minutes; a longer clause is an error (VG_ETOOBIG) */

enum synth_lane { SYNTH_THREAD, SYNTH_PROCESS, SYNTH_LANES };

/* What a worker thread lends to the engine that runs on it. */
struct synth_worker {
    struct flite_voices *flite; /* thread lane only */
    const struct vg_synth_config *config;
};

/* Runs one clause on a worker thread; returns 0 or VG_E*. */
typedef int (*synth_run_fn)(struct vg_tts *job, struct synth_worker *worker);

struct vg_tts {
    struct vg_tts *prev, *next;  /* the lane's queue; under its lock */
    bool queued;                 /* under the lane's lock */
    atomic_uint refs;            /* ATOMIC: released by each holder, acquired by the last one */
    atomic_bool cancelled;       /* ATOMIC: LOOP sets it, the worker looks (relaxed: it is a hint) */
    struct vg_synth_pool *pool;  /* RO */
    enum synth_lane lane;        /* RO */
    synth_run_fn run;            /* RO */
    struct vg_loop *loop;        /* RO */
    char *text;                  /* RO: cleaned, UTF-8 or ASCII as the engine wants it */
    char *voice;                 /* RO: the engine's name */
    struct vg_tts_events events; /* LOOP */
    void *arg;                   /* LOOP */
    struct vg_tts_result total;  /* WORKER until the result is posted, then LOOP */
    int err;                     /* as `total` */
    struct vg_message result;
};

/* Makes a clause and queues it; one without characters is done without a worker. Takes `text` (malloc'd, NULL
 * counts as no memory) also on failure; copies `voice`. Errors: VG_EUNAVAIL (no pool), VG_ECAPACITY,
 * VG_ENOMEM. Loop thread. */
int synth_job_start(struct vg_tts **out, const struct vg_engine_env *env, enum synth_lane lane,
                    synth_run_fn run, char *text, uint32_t characters, const char *voice,
                    const struct vg_tts_events *events, void *arg) VG_MUST_CHECK;
/* vg_tts_ops.close of the pool's adapters. Loop thread. */
void synth_job_close(struct vg_tts *job);

/* Sends samples to the loop. Returns 0, VG_ECANCELED, VG_ETOOBIG or VG_ENOMEM: then stop. Worker thread. */
int synth_job_emit(struct vg_tts *job, const int16_t *pcm, size_t samples) VG_MUST_CHECK;
/* True if nobody waits for the rest. Worker thread. */
bool synth_job_cancelled(struct vg_tts *job);
/* Posts the result and gives the caller's reference away. Worker thread, or the loop's. */
void synth_job_finish(struct vg_tts *job, int err);

/* --- between job and pool --------------------------------------------------------------------------------
 */
int synth_pool_submit(struct vg_synth_pool *pool, struct vg_tts *job) VG_MUST_CHECK;
/* Takes a waiting clause out of its queue; true if the caller now holds the pool's reference. */
bool synth_pool_withdraw(struct vg_synth_pool *pool, struct vg_tts *job);
bool synth_pool_stopping(const struct vg_synth_pool *pool);
/* A clause keeps the pool's memory, so that it may be closed after the pool ended. Any thread. */
void synth_pool_ref(struct vg_synth_pool *pool);
void synth_pool_unref(struct vg_synth_pool *pool);

#endif
