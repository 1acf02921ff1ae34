/* The loopback adapter: no engine, the text says how much audio came: "loopback <turn> <ms>". For load and
 * unit tests, and the shortest example of an adapter. Loop thread only.
 *
 * Results are delivered by a timer of zero delay, because callbacks never come from inside a call. */
#include <stdio.h>
#include <stdlib.h>

#include "net/loop.h"
#include "provider/stt/adapters.h"

enum {
    SAMPLES_PER_MS = 16,
    INTERIM_SAMPLES = 1000 * SAMPLES_PER_MS,
    WAITING_MAX = 16, /* results between two turns of the loop; more interims are dropped */
    TEXT_SIZE = 48,
};

struct waiting {
    bool final;
    uint32_t utterance;
    int64_t start_samples, end_samples, samples;
};

struct vg_stt {
    struct vg_stt_events events;
    void *arg;
    struct vg_timer *timer;
    bool open;
    struct waiting now; /* the open utterance */
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    bool *closed; /* set while results are delivered: tells that loop that the session is gone */
};

static void deliver_one(struct vg_stt *s, const struct waiting *w)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "loopback %u %lld", w->utterance, (long long)(w->samples / SAMPLES_PER_MS));
    struct vg_stt_result result = {.utterance = w->utterance,
                                   .text = text,
                                   .confidence = w->final ? 1.0 : 0.0,
                                   .start_samples = w->start_samples,
                                   .end_samples = w->end_samples};
    if (w->final)
        s->events.final(s->arg, &result);
    else if (s->events.interim)
        s->events.interim(s->arg, &result);
}

static void deliver(void *arg)
{
    struct vg_stt *s = arg;
    bool closed = false;
    s->closed = &closed;
    /* Callbacks may add and cancel: take one at a time. */
    while (s->waiting_count) {
        struct waiting first = s->waiting[0];
        s->waiting_count--;
        for (size_t i = 0; i < s->waiting_count; i++)
            s->waiting[i] = s->waiting[i + 1];
        deliver_one(s, &first);
        if (closed)
            return;
    }
    s->closed = NULL;
}

static int enqueue(struct vg_stt *s, const struct waiting *w)
{
    /* Half of the places are kept for finals. */
    if (s->waiting_count >= (w->final ? WAITING_MAX : WAITING_MAX / 2))
        return VG_EFULL;
    s->waiting[s->waiting_count++] = *w;
    vg_timer_start(s->timer, 0, 0);
    return 0;
}

static bool hears(const char *language)
{
    (void)language;
    return true;
}

static int stt_open(struct vg_stt **out, const struct vg_engine_env *env, const struct vg_stt_params *params,
                    const struct vg_stt_events *events, void *arg)
{
    (void)params;
    struct vg_stt *s = calloc(1, sizeof *s);
    if (!s)
        return VG_ENOMEM;
    s->events = *events;
    s->arg = arg;
    s->timer = vg_timer_new(env->loop, deliver, s);
    if (!s->timer) {
        free(s);
        return VG_ENOMEM;
    }
    *out = s;
    return 0;
}

static int stt_begin(struct vg_stt *s, uint32_t utterance, int64_t start_samples)
{
    if (s->open)
        return VG_ESTATE;
    s->open = true;
    s->now = (struct waiting){.utterance = utterance, .start_samples = start_samples};
    return 0;
}

static int stt_audio(struct vg_stt *s, const int16_t *pcm, size_t samples)
{
    (void)pcm;
    if (!s->open)
        return VG_ESTATE;
    int64_t before = s->now.samples / INTERIM_SAMPLES;
    s->now.samples += (int64_t)samples;
    if (s->now.samples / INTERIM_SAMPLES > before)
        (void)!enqueue(s, &s->now);
    return 0;
}

static void stt_pause(struct vg_stt *s)
{
    (void)s;
}

static void stt_resume(struct vg_stt *s)
{
    (void)s;
}

static int stt_finish(struct vg_stt *s, int64_t end_samples)
{
    if (!s->open)
        return VG_ESTATE;
    struct waiting w = s->now;
    w.final = true;
    w.end_samples = end_samples;
    int err = enqueue(s, &w);
    if (!err)
        s->open = false;
    return err;
}

static void stt_cancel(struct vg_stt *s)
{
    if (!s->open)
        return;
    s->open = false;
    size_t kept = 0;
    for (size_t i = 0; i < s->waiting_count; i++)
        if (s->waiting[i].utterance != s->now.utterance)
            s->waiting[kept++] = s->waiting[i];
    s->waiting_count = kept;
}

static void stt_close(struct vg_stt *s)
{
    if (!s)
        return;
    if (s->closed)
        *s->closed = true;
    vg_timer_free(s->timer);
    free(s);
}

const struct vg_stt_ops vg_stt_loopback = {
    .version = VG_PORT_VERSION,
    .name = "loopback",
    .hears = hears,
    .open = stt_open,
    .begin = stt_begin,
    .audio = stt_audio,
    .pause = stt_pause,
    .resume = stt_resume,
    .finish = stt_finish,
    .cancel = stt_cancel,
    .close = stt_close,
};
