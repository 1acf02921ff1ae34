/* What every engine adapter (STT, LLM, TTS) is given to live in, and the rules that all three ports share.
 *
 * An adapter is a translator. It is driven on one loop thread (the one that owns the call), never blocks it,
 * and owns no socket, thread or clock of its own: engine processes come from the nursery, blocking work goes
 * to the worker pool, timers come from the loop. Every callback runs on that loop thread, never from inside
 * the call that started it, and never after close/cancel returned. A failure ends a turn at most. */
#ifndef VOXGATE_ENGINE_H
#define VOXGATE_ENGINE_H

#include <stdint.h>

#include "base/err.h"

struct vg_loop;       /* net/loop.h */
struct vg_nursery;    /* net/nursery.h */
struct vg_workers;    /* net/workers.h */
struct vg_synth_pool; /* provider/tts/synth_pool.h */
struct vg_knowledge_ops;

enum { VG_PORT_VERSION = 1 };

/* Where an engine lives. Borrowed by the adapter for the life of the call; all members outlive it. */
struct vg_engine_env {
    struct vg_loop *loop;                     /* the owner's loop */
    struct vg_nursery *nursery;               /* engine processes; NULL in unit tests that need none */
    struct vg_synth_pool *synth;              /* synthesis threads; NULL where there are none */
    const struct vg_knowledge_ops *knowledge; /* the tenant's articles; NULL: nothing is found */
    void *knowledge_arg;
};

/* One passage found in a tenant's knowledge. Borrowed until the callback returns. */
struct vg_passage {
    const char *text;     /* the answer, spoken verbatim */
    const char *source;   /* document source or title */
    const char *metadata; /* JSON object */
    double score;         /* 0..1, higher is better */
};

/* `err` is 0 or VG_EUNAVAIL (store away) or VG_ETIMEOUT. Runs on the loop that asked. */
typedef void (*vg_passages_fn)(void *arg, int err, const struct vg_passage *passages, size_t count);

/* Retrieval from a tenant's knowledge, asynchronous. */
struct vg_knowledge_ops {
    /* Finds at most `top_k` passages. Copies its strings. `*handle` serves to cancel. */
    int (*search)(void *knowledge_arg, struct vg_loop *loop, const char *tenant_id, const char *language,
                  const char *query, unsigned top_k, vg_passages_fn done, void *arg, void **handle);
    /* After this returns, `done` is not called any more. */
    void (*cancel)(void *knowledge_arg, void *handle);
};

#endif
