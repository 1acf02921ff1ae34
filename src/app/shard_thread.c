/* A shard and its thread; see shard_thread.h. */
#include "app/shard_thread.h"

#include "app/catalog.h"
#include "audio/block.h"
#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"
#include "call/call.h"
#include "call/media_clock.h"
#include "net/loop.h"
#include "net/server.h"
#include "obs/metrics.h"

enum {
    LAG_PERIOD_US = 100000,
    EVENT_QUEUE_BYTES = 8 << 20,
    POOL_BYTES_A_CALL = 24 << 10, /* pre-roll, and a chunk of a quarter of a second on its way */
    POOL_BYTES_USUAL = 64 << 20,
    POOL_BYTES_MOST = 1 << 30,
    POOL_BYTES_LEAST = 1 << 20,
};

/* Told when it changes, not every second. */
static void judge_load(struct shard_thread *t)
{
    bool before = t->shard.overloaded;
    t->shard.overloaded =
        shard_load_sample(&t->load, vg_mono_us(), vg_thread_cpu_us(), vg_media_clock_cpu_us(t->shard.clock),
                          (int)t->shard.config->load_max_pct);
    char shard[16];
    snprintf(shard, sizeof shard, "%u", t->shard.index);
    vg_metric_set(VG_M_shard_load_percent, shard, NULL, t->load.share_pct);
    if (t->shard.overloaded && !before)
        vg_log_warn("shard.overloaded", "shard=%u load_percent=%d effect=\"new calls get 503 CAPACITY\"",
                    t->shard.index, t->load.share_pct);
    else if (!t->shard.overloaded && before)
        vg_log_info("shard.has_room", "shard=%u load_percent=%d", t->shard.index, t->load.share_pct);
}

static void sweep(void *arg)
{
    struct shard_thread *t = arg;
    vg_call_sweep(&t->shard);
    vg_api_sweep(t->api);
    judge_load(t);
}

/* How late the loop runs a timer is how long its callbacks hold it. */
static void measure_lag(void *arg)
{
    struct shard_thread *t = arg;
    int64_t now = vg_mono_us();
    if (t->lag_due_us && now > t->lag_due_us) {
        vg_observe_us(loop_lag_seconds, now - t->lag_due_us);
        shard_load_lag(&t->load, now - t->lag_due_us);
    }
    t->lag_due_us = now + LAG_PERIOD_US;
}

static int make_server(struct shard_thread *t, const struct shard_parts *parts, int port)
{
    const struct vg_config *c = parts->config;
    struct vg_server_config server = {
        .host = c->host,
        .port = port,
        .listen_fd = -1,
        .tls_cert_file = c->tls_cert_file,
        .tls_key_file = c->tls_key_file,
        .body_bytes_max = (size_t)c->body_bytes_max,
        .ws_queue_bytes_max = (size_t)c->ws_queue_bytes,
        .connections_max = (unsigned)((c->connections_max + parts->count - 1) / parts->count),
        .half_open_max_per_ip = (unsigned)((c->half_open_per_ip + parts->count - 1) / parts->count),
        .header_timeout_us = c->header_timeout_ms * VG_US_PER_MS,
        .idle_timeout_us = c->idle_timeout_ms * VG_US_PER_MS,
        .cors_origins = c->cors_origins,
        .trusted_proxies = c->trusted_proxies,
    };
    struct vg_server_handlers handlers = vg_api_handlers(t->api);
    return vg_server_new(&t->server, t->shard.loop, &server, &handlers);
}

static int make_bus(struct shard_thread *t, const struct shard_parts *parts)
{
    struct vg_bus_config bus = {.url = parts->config->redis_url,
                                .instance_id = parts->instance_id,
                                .queue_bytes_max = EVENT_QUEUE_BYTES,
                                .instances_hint = (unsigned)parts->config->instances_hint * parts->count};
    return vg_bus_new(&t->shard.bus, t->shard.loop, &bus);
}

/* Any shard may come to hold all calls. */
static size_t pool_bytes(const struct vg_config *config)
{
    int64_t asked = config->block_pool_bytes;
    if (asked)
        return (size_t)(asked > POOL_BYTES_LEAST ? asked : POOL_BYTES_LEAST);
    int64_t bytes = config->calls_max * POOL_BYTES_A_CALL;
    if (bytes > POOL_BYTES_MOST)
        return POOL_BYTES_MOST;
    return (size_t)(bytes > POOL_BYTES_USUAL ? bytes : POOL_BYTES_USUAL);
}

int shard_thread_init(struct shard_thread *t, unsigned index, const struct shard_parts *parts, int port)
{
    char name[16];
    *t = (struct shard_thread){.shard = {.index = index,
                                         .spool = parts->spool,
                                         .calls = parts->calls,
                                         .config = parts->config,
                                         .engines = &vg_catalog,
                                         .env = parts->env,
                                         .instance_id = parts->instance_id}};
    snprintf(name, sizeof name, "loop-%u", index);
    t->shard.loop = vg_loop_new(name);
    snprintf(name, sizeof name, "media-%u", index);
    t->shard.clock = vg_media_clock_new(name);
    t->shard.pool = vg_block_pool_new(pool_bytes(parts->config));
    t->api = vg_api_new(&t->shard, parts->api);
    if (!t->shard.loop || !t->shard.clock || !t->shard.pool || !t->api)
        return VG_ENOMEM;
    vg_loop_set_batching(t->shard.loop, parts->config->loop_batch_us);
    t->shard.env.loop = t->shard.loop;
    t->sweep = vg_timer_new(t->shard.loop, sweep, t);
    t->lag = vg_timer_new(t->shard.loop, measure_lag, t);
    if (!t->sweep || !t->lag)
        return VG_ENOMEM;
    vg_timer_start(t->sweep, VG_US_PER_S, VG_US_PER_S);
    vg_timer_start(t->lag, LAG_PERIOD_US, LAG_PERIOD_US);
    int err = make_bus(t, parts);
    return err ? err : make_server(t, parts, port);
}

static void *run(void *arg)
{
    struct shard_thread *t = arg;
    vg_loop_run(t->shard.loop);
    return NULL;
}

int shard_thread_start(struct shard_thread *t)
{
    char name[16];
    if (pthread_create(&t->thread, NULL, run, t))
        return VG_EIO;
    snprintf(name, sizeof name, "loop-%u", t->shard.index);
    pthread_setname_np(t->thread, name);
    t->running = true;
    return 0;
}

void shard_thread_stop(struct shard_thread *t)
{
    if (!t->running)
        return;
    vg_loop_stop(t->shard.loop);
    pthread_join(t->thread, NULL);
    t->running = false;
}

void shard_thread_clear(struct shard_thread *t)
{
    vg_server_free(t->server);
    vg_bus_free(t->shard.bus);
    vg_timer_free(t->sweep);
    vg_timer_free(t->lag);
    vg_media_clock_free(t->shard.clock);
    vg_api_free(t->api);
    vg_loop_free(t->shard.loop);
    vg_block_pool_free(t->shard.pool);
    *t = (struct shard_thread){0};
}
