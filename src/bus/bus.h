/* The Redis side of one shard: events out, limits, leases and live call state, on the shard's loop.
 *
 * One connection for commands, one for subscriptions; both reconnect by themselves with back-off. While Redis
 * is away events wait in a bounded queue (oldest dropped and counted), limits fall back to local buckets,
 * leases and live state are granted locally and are written again when it is back, also when it comes back
 * empty. Loop thread only, unless said otherwise. hiredis stays behind this header. */
#ifndef VG_BUS_BUS_H
#define VG_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct vg_bus;
struct vg_loop;

struct vg_bus_config {
    const char *url;            /* redis://[user:pass@]host:port[/db] or unix:///path/to/socket[?db=n] */
    const char *instance_id;    /* names this process in leases and live state */
    size_t queue_bytes_max;     /* events waiting while Redis is away; 8 MiB */
    unsigned instances_hint;    /* a local bucket gets limit / this many while Redis is away; 1 */
    unsigned budget_ms;         /* longest wait of a rate check or a lease for Redis; 50 */
    unsigned lease_ttl_seconds; /* after which a crashed holder's leases are gone; 60 */
};

int vg_bus_new(struct vg_bus **out, struct vg_loop *loop, const struct vg_bus_config *config) VG_MUST_CHECK;
struct vg_bus *vg_bus_free(struct vg_bus *bus);
/* True while the command connection answers. Any thread. */
bool vg_bus_up(const struct vg_bus *bus);

/* Publishes `payload` (copied) on `channel`; queued and pipelined, never blocks, never fails loudly. */
void vg_bus_publish(struct vg_bus *bus, const char *channel, const char *payload, size_t bytes);

/* --- per-tenant rate limit: sliding window over two keys, one atomic script ------------------------------
 */
struct vg_rate_result {
    bool allowed;
    uint32_t limit, remaining;
    uint32_t reset_seconds;       /* until the window has room again; RateLimit-Reset */
    uint32_t retry_after_seconds; /* where not allowed; at least 1 */
    bool local;                   /* decided by the local bucket */
};
typedef void (*vg_rate_fn)(void *arg, const struct vg_rate_result *result);
/* Counts one request of `key` (a tenant id, or "ip:<address>"). `done` runs once, at once where the answer is
 * local. The request is never held longer than 50 ms: then the local bucket decides. */
void vg_bus_rate(struct vg_bus *bus, const char *key, uint32_t limit, uint32_t window_seconds,
                 vg_rate_fn done, void *arg);

/* --- concurrency leases: one per live call of a tenant ---------------------------------------------------
 */
struct vg_lease_result {
    bool granted;
    uint32_t limit, used;
    bool local; /* granted by this instance alone while Redis is away */
};
typedef void (*vg_lease_fn)(void *arg, const struct vg_lease_result *result);
/* Takes a lease named `call_id` for `tenant_id`; it runs out by itself if this process dies. While Redis
 * is away the instance counts its own. Kept alive by the bus until dropped.
 * `done` runs once, after 50 ms at the latest, maybe before this returns. */
void vg_bus_lease_take(struct vg_bus *bus, const char *tenant_id, const char *call_id, uint32_t limit,
                       vg_lease_fn done, void *arg);
void vg_bus_lease_drop(struct vg_bus *bus, const char *tenant_id, const char *call_id);

/* --- live call state -------------------------------------------------------------------------------------
 */
/* Sets voxgate:call:{<call_id>} to `json` (copied; begins with a format version by convention "v":1) and
 * keeps it alive until dropped; rewritten when an empty Redis comes back. */
void vg_bus_live_put(struct vg_bus *bus, const char *call_id, const char *json);
/* The same, and `done` runs once, maybe before this returns: VG_OK when Redis has it; VG_EUNAVAIL where Redis
 * is away or refuses, VG_ETIMEOUT after 50 ms: it is written later. One at a time of a call. */
typedef void (*vg_live_put_fn)(void *arg, int err);
void vg_bus_live_put_then(struct vg_bus *bus, const char *call_id, const char *json, vg_live_put_fn done,
                          void *arg);
void vg_bus_live_drop(struct vg_bus *bus, const char *call_id);
/* Reads another instance's live state; `json` is NULL where there is none or Redis is away. */
typedef void (*vg_live_fn)(void *arg, int err, const char *json);
void vg_bus_live_get(struct vg_bus *bus, const char *call_id, vg_live_fn done, void *arg);

/* --- subscriptions ---------------------------------------------------------------------------------------
 */
typedef void (*vg_bus_message_fn)(void *arg, const char *channel, const char *payload, size_t bytes);
/* Subscribes to one channel, now and after every reconnect; at most one handler a channel. */
int vg_bus_subscribe(struct vg_bus *bus, const char *channel, vg_bus_message_fn fn, void *arg) VG_MUST_CHECK;
void vg_bus_unsubscribe(struct vg_bus *bus, const char *channel);

#endif
