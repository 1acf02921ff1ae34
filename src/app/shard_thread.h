/* One shard with its thread, put together before it runs. src/app alone. */
#ifndef VG_APP_SHARD_THREAD_H
#define VG_APP_SHARD_THREAD_H

#include <pthread.h>

#include "api/api.h"
#include "app/shard_load.h"
#include "call/shard.h"

struct vg_server;

struct shard_thread {
    struct vg_shard shard;
    struct vg_api *api;
    struct vg_server *server;
    struct vg_timer *sweep, *lag;
    int64_t lag_due_us;
    struct shard_load load;
    pthread_t thread;
    bool running;
};

/* What all shards are given. */
struct shard_parts {
    const struct vg_config *config;
    struct vg_api_shared *api;
    struct vg_spool *spool;
    struct vg_calls *calls;
    struct vg_engine_env env; /* without loop */
    const char *instance_id;
    unsigned count;
};

/* `port` 0: any free one, read it by vg_server_port(). On error what was made is freed by
 * shard_thread_clear(). */
int shard_thread_init(struct shard_thread *t, unsigned index, const struct shard_parts *parts,
                      int port) VG_MUST_CHECK;
int shard_thread_start(struct shard_thread *t) VG_MUST_CHECK;
/* Ends its loop and joins. */
void shard_thread_stop(struct shard_thread *t);
void shard_thread_clear(struct shard_thread *t);

#endif
