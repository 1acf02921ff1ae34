/* One clause in the synthesis pool; see synth_job.h. */
#include "provider/tts/synth_job.h"

#include <stdlib.h>
#include <string.h>

#include "net/loop.h"

/* Samples on their way to the loop. */
struct synth_piece {
    struct vg_message message;
    struct vg_tts *job; /* a reference */
    size_t samples;
    int16_t pcm[];
};

static void job_unref(struct vg_tts *job)
{
    /* Release what this holder wrote; the last one acquires all of it before freeing. */
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
        return;
    synth_pool_unref(job->pool);
    free(job->text);
    free(job->voice);
    free(job);
}

static void job_result(struct vg_message *msg)
{
    struct vg_tts *job = VG_MESSAGE_OF(msg, struct vg_tts, result);
    if (!synth_job_cancelled(job)) {
        if (job->err)
            job->events.failed(job->arg, job->err);
        else
            job->events.done(job->arg, &job->total);
    }
    job_unref(job);
}

static void job_piece(struct vg_message *msg)
{
    struct synth_piece *piece = VG_MESSAGE_OF(msg, struct synth_piece, message);
    struct vg_tts *job = piece->job;
    if (!synth_job_cancelled(job))
        job->events.audio(job->arg, piece->pcm, piece->samples);
    free(piece);
    job_unref(job);
}

int synth_job_start(struct vg_tts **out, const struct vg_engine_env *env, enum synth_lane lane,
                    synth_run_fn run, char *text, uint32_t characters, const char *voice,
                    const struct vg_tts_events *events, void *arg)
{
    int err = VG_ENOMEM;
    struct vg_tts *job = calloc(1, sizeof *job);
    char *voice_copy = strdup(voice);
    if (!job || !voice_copy || !text)
        goto out;
    err = VG_EUNAVAIL;
    if (!env->synth)
        goto out;
    atomic_init(&job->refs, 2); /* the loop's and the pool's */
    job->pool = env->synth;
    synth_pool_ref(job->pool);
    job->lane = lane;
    job->run = run;
    job->loop = env->loop;
    job->text = text;
    job->voice = voice_copy;
    job->events = *events;
    job->arg = arg;
    job->total.characters = characters;
    job->result.handle = job_result;
    if (characters == 0) {
        synth_job_finish(job, 0);
    } else {
        err = synth_pool_submit(job->pool, job);
        if (err)
            goto out_pool;
    }
    *out = job;
    return 0;
out_pool:
    synth_pool_unref(job->pool);
out:
    free(text);
    free(voice_copy);
    free(job);
    return err;
}

void synth_job_close(struct vg_tts *job)
{
    if (!job)
        return;
    atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
    if (synth_pool_withdraw(job->pool, job))
        job_unref(job);
    job_unref(job);
}

bool synth_job_cancelled(struct vg_tts *job)
{
    return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

int synth_job_emit(struct vg_tts *job, const int16_t *pcm, size_t samples)
{
    if (synth_job_cancelled(job) || synth_pool_stopping(job->pool))
        return VG_ECANCELED;
    if (samples == 0)
        return 0;
    if (job->total.samples + (int64_t)samples > SYNTH_SAMPLES_MAX)
        return VG_ETOOBIG;
    struct synth_piece *piece = malloc(sizeof *piece + samples * sizeof pcm[0]);
    if (!piece)
        return VG_ENOMEM;
    atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
    piece->message.handle = job_piece;
    piece->job = job;
    piece->samples = samples;
    memcpy(piece->pcm, pcm, samples * sizeof pcm[0]);
    job->total.samples += (int64_t)samples;
    vg_loop_post(job->loop, &piece->message);
    return 0;
}

void synth_job_finish(struct vg_tts *job, int err)
{
    job->err = err;
    vg_loop_post(job->loop, &job->result);
}
