/* The parts of a bus, for the files of src/bus. Each part has a file: publish.c, rate.c, lease.c, live.c,
 * subscribe.c; bus.c owns them and tells them when Redis comes and goes. Everything is LOOP: state but `up`.
 */
#ifndef VG_BUS_INTERNAL_H
#define VG_BUS_INTERNAL_H

#include <stdatomic.h>

#include "base/map.h"
#include "bus/bus.h"
#include "bus/deadline.h"
#include "bus/link.h"

/* A Lua script; called by its SHA-1 once Redis told it, by its text until then and after Redis forgot it. */
struct bus_script {
    const char *text;
    char sha[41]; /* "": not known to Redis */
};

struct publish_item;
struct bus_publishes {
    struct publish_item *first, *last;
    struct publish_item *unsent;    /* the first that is not on its way; NULL: all are */
    struct publish_item *sent_last; /* the one before it; NULL: none is on its way */
    size_t bytes, bytes_max, sent_bytes;
    size_t bytes_told; /* what the gauge has of `bytes` */
};

struct rate_key;
struct bus_rates {
    struct vg_map *keys;              /* of struct rate_key */
    struct rate_key *newest, *oldest; /* by use: what is forgotten first is at the end */
    struct rate_key *dirty;           /* keys with something to settle */
    struct rate_key *ahead;           /* keys of which Redis may have counted requests ahead */
    struct vg_timer *ahead_timer;     /* runs while there are any */
    bool late; /* Redis owes an answer beyond the budget: decide here until it has come */
    struct bus_script script;
};

struct bus_leases {
    struct vg_map *tenants; /* of struct lease_tenant */
    struct vg_map *calls;   /* of struct lease, by call id */
    struct vg_timer *renew;
    unsigned ttl_seconds;
    struct bus_script script;
};

struct bus_lives {
    struct vg_map *calls;         /* of struct live, by call id */
    struct live *dirty;           /* to be written */
    struct live *newest, *oldest; /* by the time of their last write */
    struct vg_timer *renew;
};

struct drop_item;
struct bus_drops {
    struct drop_item *first, *last;
    unsigned count;
};

struct vg_bus {
    struct vg_loop *loop;
    struct bus_url url;
    char instance_id[64];
    unsigned instances;
    int64_t budget_us; /* longest wait of a request for Redis; then it is decided here */
    atomic_bool up;    /* ATOMIC: relaxed; written by the loop */
    struct bus_link *commands, *subscriber;
    struct bus_deadlines deadlines;
    struct bus_publishes publishes;
    struct bus_rates rates;
    struct bus_leases leases;
    struct bus_lives lives;
    struct bus_drops drops;
    struct vg_map *subscriptions; /* of struct subscription, by channel */
};

#define BUS_LIVE_TTL_SECONDS 120 /* a macro: it is sent as text, too */

enum {
    BUS_WORDS_MAX = 128, /* of one command */
};

/* Sends one command of NUL-terminated words on the command connection. */
int bus_send(struct vg_bus *bus, redisCallbackFn *fn, void *arg, int argc, const char **argv) VG_MUST_CHECK;
/* EVALSHA or EVAL of `script` with one to two keys and numbers or words. */
int bus_script_call(struct vg_bus *bus, struct bus_script *script, redisCallbackFn *fn, void *arg, int keys,
                    int argc, const char **words) VG_MUST_CHECK;
/* Asks Redis for the script's SHA-1. */
void bus_script_load(struct vg_bus *bus, struct bus_script *script);
/* True if `reply` says that Redis lost the script: call it again, that time its text is sent. */
bool bus_script_lost(struct bus_script *script, const redisReply *reply);

int publish_init(struct vg_bus *bus, size_t bytes_max) VG_MUST_CHECK;
void publish_free(struct vg_bus *bus);
void publish_flush(struct vg_bus *bus);
void publish_down(struct vg_bus *bus);

int rate_init(struct vg_bus *bus) VG_MUST_CHECK;
void rate_free(struct vg_bus *bus);
void rate_flush(struct vg_bus *bus);
void rate_up(struct vg_bus *bus);
void rate_down(struct vg_bus *bus);

int lease_init(struct vg_bus *bus) VG_MUST_CHECK;
void lease_free(struct vg_bus *bus);
void lease_up(struct vg_bus *bus);

int live_init(struct vg_bus *bus) VG_MUST_CHECK;
void live_free(struct vg_bus *bus);
void live_flush(struct vg_bus *bus);
void live_up(struct vg_bus *bus);

int subscribe_init(struct vg_bus *bus) VG_MUST_CHECK;
void subscribe_free(struct vg_bus *bus);
void subscribe_up(void *bus);

/* Removes a key, or `member` of the sorted set `key`; while Redis is away it is remembered for `ttl_seconds`,
 * after which the thing is gone by itself. */
void drop_send(struct vg_bus *bus, const char *key, const char *member, unsigned ttl_seconds);
void drop_up(struct vg_bus *bus);
void drop_free(struct vg_bus *bus);

#endif
