/* The bus as a whole: its two connections and what runs when they come and go. Loop thread. The parts are in
 * publish.c, rate.c, lease.c, live.c and subscribe.c; what they share is in bus_internal.h. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/bus_internal.h"
#include "obs/metrics.h"

enum { QUEUE_BYTES_DEFAULT = 8 << 20, LEASE_TTL_SECONDS_DEFAULT = 60, BUDGET_MS_DEFAULT = 50 };

bool vg_bus_up(const struct vg_bus *bus)
{
    return atomic_load_explicit(&bus->up, memory_order_relaxed);
}

int bus_send(struct vg_bus *bus, redisCallbackFn *fn, void *arg, int argc, const char **argv)
{
    size_t bytes[BUS_WORDS_MAX];
    VG_ASSERT(argc <= BUS_WORDS_MAX);
    for (int i = 0; i < argc; i++)
        bytes[i] = strlen(argv[i]);
    return bus_link_send(bus->commands, fn, arg, argc, argv, bytes);
}

/* --- scripts --- */

static void on_script_loaded(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct bus_script *script = arg;
    const redisReply *r = reply;
    if (r && r->type == REDIS_REPLY_STRING && r->len == sizeof script->sha - 1)
        memcpy(script->sha, r->str, sizeof script->sha);
}

void bus_script_load(struct vg_bus *bus, struct bus_script *script)
{
    const char *argv[] = {"SCRIPT", "LOAD", script->text};
    script->sha[0] = '\0';
    if (bus_send(bus, on_script_loaded, script, 3, argv) != VG_OK)
        vg_log_debug("redis.script", "error=%s", "not sent");
}

int bus_script_call(struct vg_bus *bus, struct bus_script *script, redisCallbackFn *fn, void *arg, int keys,
                    int argc, const char **words)
{
    const char *argv[BUS_WORDS_MAX];
    char keys_text[VG_TEXT_INT_SIZE];
    VG_ASSERT(argc + 3 <= BUS_WORDS_MAX);
    vg_text_int(keys_text, keys);
    argv[0] = script->sha[0] ? "EVALSHA" : "EVAL";
    argv[1] = script->sha[0] ? script->sha : script->text;
    argv[2] = keys_text;
    memcpy(argv + 3, words, (size_t)argc * sizeof *words);
    return bus_send(bus, fn, arg, argc + 3, argv);
}

bool bus_script_lost(struct bus_script *script, const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return false;
    if (strncmp(reply->str, "NOSCRIPT", 8) != 0) {
        vg_log_warn("redis.script_failed", "error=%s", reply->str);
        return false;
    }
    script->sha[0] = '\0';
    return true;
}

/* --- coming and going --- */

/* What is held here is written again whatever Redis still knows: it may have come back empty. */
static void on_up(void *arg)
{
    struct vg_bus *bus = arg;
    atomic_store_explicit(&bus->up, true, memory_order_relaxed);
    vg_gauge_add(redis_up, 1);
    bus_script_load(bus, &bus->rates.script);
    bus_script_load(bus, &bus->leases.script);
    drop_up(bus);
    lease_up(bus);
    live_up(bus);
    rate_up(bus);
    publish_flush(bus);
}

static void on_down(void *arg)
{
    struct vg_bus *bus = arg;
    atomic_store_explicit(&bus->up, false, memory_order_relaxed);
    vg_gauge_add(redis_up, -1);
    rate_down(bus);
    publish_down(bus);
}

/* Once a loop turn in which something was gathered. */
static void on_writable(void *arg)
{
    struct vg_bus *bus = arg;
    rate_flush(bus);
    live_flush(bus);
    publish_flush(bus);
}

static void on_subscriber_down(void *arg)
{
    (void)arg; /* it subscribes again when it is up */
}

static void on_subscriber_writable(void *arg)
{
    (void)arg;
}

/* --- life --- */

static int url_take(struct vg_bus *bus, const char *text)
{
    int err = bus_url_parse(text, &bus->url);
    if (err == VG_ENOTSUP && text && strncmp(text, "rediss:", 7) == 0)
        vg_log_error("redis.url", "reason=%s",
                     "rediss:// (TLS) is not supported; use redis:// over a private network, stunnel or a "
                     "Unix socket");
    else if (err)
        vg_log_error("redis.url", "reason=%s",
                     "expected redis://[user:password@]host[:port][/db] or unix:///path");
    return err;
}

static int links_new(struct vg_bus *bus)
{
    struct bus_link_config config = {
        .loop = bus->loop,
        .url = &bus->url,
        .name = "commands",
        .instance_id = bus->instance_id,
        .up = on_up,
        .down = on_down,
        .writable = on_writable,
        .arg = bus,
    };
    bus->commands = bus_link_new(&config);
    config.name = "subscriber";
    config.subscriber = true;
    config.up = subscribe_up;
    config.down = on_subscriber_down;
    config.writable = on_subscriber_writable;
    bus->subscriber = bus_link_new(&config);
    return bus->commands && bus->subscriber ? VG_OK : VG_ENOMEM;
}

int vg_bus_new(struct vg_bus **out, struct vg_loop *loop, const struct vg_bus_config *config)
{
    struct vg_bus *bus = calloc(1, sizeof *bus);
    if (!bus)
        return VG_ENOMEM;
    bus->loop = loop;
    bus->instances = config->instances_hint ? config->instances_hint : 1;
    bus->budget_us = (config->budget_ms ? config->budget_ms : BUDGET_MS_DEFAULT) * (int64_t)VG_US_PER_MS;
    snprintf(bus->instance_id, sizeof bus->instance_id, "%s",
             config->instance_id ? config->instance_id : "voxgate");
    bus->leases.ttl_seconds =
        config->lease_ttl_seconds ? config->lease_ttl_seconds : LEASE_TTL_SECONDS_DEFAULT;
    int err = url_take(bus, config->url);
    err = err ? err : bus_deadlines_init(&bus->deadlines, loop);
    err = err ? err
              : publish_init(bus, config->queue_bytes_max ? config->queue_bytes_max : QUEUE_BYTES_DEFAULT);
    err = err ? err : rate_init(bus);
    err = err ? err : lease_init(bus);
    err = err ? err : live_init(bus);
    err = err ? err : subscribe_init(bus);
    err = err ? err : links_new(bus);
    if (err) {
        vg_bus_free(bus);
        return err;
    }
    bus_link_start(bus->commands);
    *out = bus;
    return VG_OK;
}

struct vg_bus *vg_bus_free(struct vg_bus *bus)
{
    if (!bus)
        return NULL;
    /* The connections first: every reply that is still due tells its part (NULL) while the part is whole. */
    if (vg_bus_up(bus))
        on_down(bus);
    bus->commands = bus_link_free(bus->commands);
    bus->subscriber = bus_link_free(bus->subscriber);
    rate_free(bus);
    lease_free(bus);
    live_free(bus);
    drop_free(bus);
    publish_free(bus);
    subscribe_free(bus);
    bus_deadlines_free(&bus->deadlines);
    bus_url_free(&bus->url);
    free(bus);
    return NULL;
}
