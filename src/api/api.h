/* The REST and WebSocket edge of one shard: routes, identity, limits, answers. One object a shard; what
 * shards share (tokens, directory, workers) is in struct vg_api_shared. Read next: exchange.h (one request's
 * way), routes.c. */
#ifndef VG_API_API_H
#define VG_API_API_H

#include <stdatomic.h>

#include "api/token.h"
#include "base/crypto.h"
#include "call/shard.h"
#include "net/server.h"

struct vg_api;
struct vg_directory;
struct vg_knowledge;
struct vg_nursery;
struct vg_record;
struct vg_workers;
struct token_cache;

/* Of the process; borrowed, outlives every vg_api. Members may be used from any thread. */
struct vg_api_shared {
    const struct vg_config *config;
    struct vg_tokens *tokens;
    struct token_cache *token_cache;
    struct vg_directory *directory;
    struct vg_workers *workers; /* worker state: struct vg_pg */
    struct vg_record *record;
    const struct vg_nursery *nursery;
    struct vg_calls *calls;
    char admin_key_sha256[VG_SHA256_HEX_SIZE]; /* "" for none */
    _Atomic bool draining;                     /* set by the drain: no new calls */
};

int vg_api_shared_init(struct vg_api_shared *shared)
    VG_MUST_CHECK; /* makes token_cache; others are set before */
void vg_api_shared_clear(struct vg_api_shared *shared);

struct vg_api *vg_api_new(struct vg_shard *shard, struct vg_api_shared *shared);
struct vg_api *vg_api_free(struct vg_api *api);
/* Once a second: ends the shard's calls whose key was revoked or whose tenant was suspended. LOOP. */
void vg_api_sweep(struct vg_api *api);
/* What the shard's server calls. */
struct vg_server_handlers vg_api_handlers(struct vg_api *api);

#endif
