/* The text-to-speech port: one clause in, 16 kHz mono samples out, as they are made. One vg_tts a clause.
 * Shared rules (thread, callbacks, failures): engine.h. */
#ifndef VOXGATE_TTS_H
#define VOXGATE_TTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voxgate/engine.h"

struct vg_tts; /* the adapter's own: one clause in the making */

/* Strings are borrowed until start returns. */
struct vg_tts_request {
    const char *call_id;
    const char *text;     /* UTF-8, one clause, at most 2,000 bytes */
    const char *language; /* "en", "ar", ... */
    const char *voice;    /* the engine's own name of the voice; NULL: its default for the language */
};

struct vg_tts_result {
    uint32_t characters;   /* Unicode code points that were synthesised: what is billed */
    int64_t samples;       /* at 16 kHz */
    int64_t engine_cpu_us; /* 0 if unknown */
};

struct vg_tts_events {
    /* More samples; borrowed. */
    void (*audio)(void *arg, const int16_t *pcm, size_t samples);
    /* Exactly one of done or failed, the last event. */
    void (*done)(void *arg, const struct vg_tts_result *result);
    void (*failed)(void *arg, int err);
};

struct vg_tts_ops {
    uint32_t version;
    const char *name; /* "flite", "espeak", "loopback" */
    bool (*speaks)(const char *language);
    /* Starts a clause. Errors: VG_ECAPACITY (queue full), VG_EUNAVAIL, VG_ENOTSUP, VG_EINVAL (voice). */
    int (*start)(struct vg_tts **out, const struct vg_engine_env *env, const struct vg_tts_request *request,
                 const struct vg_tts_events *events, void *arg);
    /* Frees it, also in the middle; no event comes after this. NULL is fine. */
    void (*close)(struct vg_tts *tts);
};

#endif
