/* A shard: one loop, one media thread, one block pool, one Redis side; and what a call on it needs to reach.
 * Plain data, assembled by src/app, immutable while the loop runs. */
#ifndef VG_CALL_SHARD_H
#define VG_CALL_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "voxgate/engine.h"
#include "voxgate/llm.h"
#include "voxgate/stt.h"
#include "voxgate/tts.h"

struct vg_block_pool;
struct vg_bus;
struct vg_calls;
struct vg_config;
struct vg_loop;
struct vg_media_clock;
struct vg_spool;

/* How the core finds engines by the names that agents are configured with; src/app knows the lists. */
struct vg_engine_catalog {
    const struct vg_stt_ops *(*stt)(const char *name); /* NULL: unknown */
    const struct vg_llm_ops *(*llm)(const char *name);
    /* The engine and its voice that speak `language` for preset `voice_id`; where the preset speaks another
     * language, the agent's voice for this one. `engine` overrides ("" or "auto": as the voice says). NULL:
     * none. */
    const struct vg_tts_ops *(*tts)(const char *engine, const char *voice_id, const char *language,
                                    const char **engine_voice);
    /* The presets' names, comma-separated, for the message to who asked for another. */
    void (*voice_names)(struct vg_buf *out);
};

struct vg_shard {
    unsigned index;
    struct vg_loop *loop;
    struct vg_media_clock *clock;
    struct vg_block_pool *pool;
    struct vg_bus *bus;
    struct vg_spool *spool;
    struct vg_calls *calls; /* of the process */
    const struct vg_config *config;
    const struct vg_engine_catalog *engines;
    struct vg_engine_env env;
    const char *instance_id;
    bool overloaded; /* its loop: a new call would be at the cost of those that are up */
};

#endif
