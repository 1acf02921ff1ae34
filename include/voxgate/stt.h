/* The speech-to-text port: 16 kHz mono samples in, hypotheses out.
 *
 * One vg_stt a call. The core cuts the utterances (turn detection is not the engine's job) and drives:
 *
 *     begin -> audio* -> [pause -> resume]* -> finish -> (final | failed)      one utterance
 *                                           -> cancel                          noise, nothing is reported
 *
 * Shared rules (thread, callbacks, failures): engine.h. */
#ifndef VOXGATE_STT_H
#define VOXGATE_STT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voxgate/engine.h"

struct vg_stt; /* the adapter's own */

struct vg_stt_params {
    const char *call_id;           /* for logs; borrowed until open returns, like all strings here */
    const char *language;          /* "en", "ar", ... */
    bool choosing_language;        /* the caller is asked for a language: its name, in English or in Arabic
                                    * ("arabic", "عربي"), comes before all else that may have been said */
    const char *const *vocabulary; /* words that this tenant's callers say; may be NULL */
    size_t vocabulary_count;
    uint32_t final_cap_ms; /* the final comes at most this long after finish; 500 */
};

struct vg_stt_result {
    uint32_t utterance;    /* as given to begin */
    const char *text;      /* UTF-8, lower case, "" where nothing was understood; borrowed */
    double confidence;     /* 0..1; 0 where the engine has none */
    int64_t start_samples; /* position in the call's media time at 16 kHz */
    int64_t end_samples;
    int64_t engine_cpu_us; /* CPU time the engine spent on this utterance, 0 if unknown */
};

struct vg_stt_events {
    void (*interim)(void *arg, const struct vg_stt_result *result);
    /* Exactly one final or failed for each finish. */
    void (*final)(void *arg, const struct vg_stt_result *result);
    /* The utterance is lost: `err` VG_ETIMEOUT (the engine hung), VG_ECLOSED (it died), VG_EUNAVAIL. The
     * engine has replaced its process by itself where it can; the next begin may be tried. */
    void (*failed)(void *arg, uint32_t utterance, int err);
};

struct vg_stt_ops {
    uint32_t version; /* VG_PORT_VERSION */
    const char *name; /* as configured: "pocketsphinx" */
    /* True if open speech in `language` is understood. */
    bool (*hears)(const char *language);
    /* True if single words in `language` are understood where open speech is not: digits, yes and no. The
     * texts are such words or "", and there are no interims. NULL: none in any language. */
    bool (*takes_words)(const char *language);
    /* Gives an engine session, for a language that it hears or takes words of. Events may begin only after
     * open returned. Errors: VG_ECAPACITY, VG_EUNAVAIL, VG_ENOTSUP (language), VG_ENOMEM. */
    int (*open)(struct vg_stt **out, const struct vg_engine_env *env, const struct vg_stt_params *params,
                const struct vg_stt_events *events, void *arg);
    /* Starts utterance number `utterance` (counting up), whose first sample stands at `start_samples`. */
    int (*begin)(struct vg_stt *stt, uint32_t utterance, int64_t start_samples);
    /* Adds samples (borrowed), in order, without gaps. */
    int (*audio)(struct vg_stt *stt, const int16_t *pcm, size_t samples);
    /* The caller paused: a good moment for speculative work on what came so far. Audio goes on coming. */
    void (*pause)(struct vg_stt *stt);
    /* ... and spoke on: speculative work is void. */
    void (*resume)(struct vg_stt *stt);
    /* The turn ended at `end_samples`; the final is wanted. */
    int (*finish)(struct vg_stt *stt, int64_t end_samples);
    /* Drops the open utterance; nothing is reported for it. */
    void (*cancel)(struct vg_stt *stt);
    /* Frees the session; no event comes after this. NULL is fine. */
    void (*close)(struct vg_stt *stt);
};

#endif
