#include "tts_run.h"

#include <stdlib.h>

#include "base/clock.h"

static void ended(struct tts_run *run)
{
    run->ended_us = vg_mono_us();
    if (run->open && *run->open > 0 && --*run->open == 0 && vg_loop_here(run->env.loop))
        vg_loop_stop(run->env.loop);
}

void tts_run_close(struct tts_run *run)
{
    bool was_open = run->dones + run->faileds == 0 && !run->closed;
    run->ops->close(run->tts);
    run->tts = NULL;
    run->closed = true;
    if (was_open)
        ended(run);
}

static void on_audio(void *arg, const int16_t *pcm, size_t samples)
{
    struct tts_run *run = arg;
    VG_ASSERT(run->tts && !run->closed && run->dones + run->faileds == 0 && samples > 0);
    if (run->pieces++ == 0)
        run->first_us = vg_mono_us();
    run->samples += (int64_t)samples;
    for (size_t i = 0; i < samples; i++)
        if (abs(pcm[i]) > run->peak)
            run->peak = abs(pcm[i]);
    if (run->close_after_samples > 0 && run->samples >= run->close_after_samples)
        tts_run_close(run);
}

static void on_done(void *arg, const struct vg_tts_result *result)
{
    struct tts_run *run = arg;
    VG_ASSERT(run->tts && !run->closed && run->dones + run->faileds == 0);
    run->dones++;
    run->result = *result;
    ended(run);
}

static void on_failed(void *arg, int err)
{
    struct tts_run *run = arg;
    VG_ASSERT(run->tts && !run->closed && run->dones + run->faileds == 0 && err < 0);
    run->faileds++;
    run->err = err;
    ended(run);
}

int tts_run_start(struct tts_run *run, const char *text, const char *language, const char *voice)
{
    static const struct vg_tts_events events = {on_audio, on_done, on_failed};
    const struct vg_tts_request request = {
        .call_id = "call_test", .text = text, .language = language, .voice = voice};
    run->started_us = vg_mono_us();
    int err = run->ops->start(&run->tts, &run->env, &request, &events, run);
    VG_ASSERT(run->pieces == 0 && run->dones == 0 && run->faileds == 0); /* no event from inside start */
    if (!err && run->open)
        ++*run->open;
    return err;
}

static void on_timeout(void *arg)
{
    vg_loop_stop(arg);
}

void tts_run_idle(struct vg_loop *loop, int64_t for_us)
{
    struct vg_timer *timer = vg_timer_new(loop, on_timeout, loop);
    vg_timer_start(timer, for_us, 0);
    vg_loop_run(loop);
    vg_timer_free(timer);
}

bool tts_run_loop(struct vg_loop *loop, unsigned *open, int64_t timeout_us)
{
    if (*open > 0)
        tts_run_idle(loop, timeout_us);
    return *open == 0;
}

struct tts_run tts_run_whole(const struct vg_tts_ops *ops, const struct vg_engine_env *env, const char *text,
                             const char *language, const char *voice)
{
    unsigned open = 0;
    struct tts_run run = {.ops = ops, .env = *env, .open = &open};
    int err = tts_run_start(&run, text, language, voice);
    VG_ASSERT(err == 0);
    VG_ASSERT(tts_run_loop(env->loop, &open, 30 * VG_US_PER_S));
    ops->close(run.tts);
    run.tts = NULL;
    run.open = NULL;
    return run;
}
