/* What operators and load balancers look at: /, /health, /readyz, /healthz, /metrics; and GET /v1/voices. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"
#include "net/nursery.h"
#include "obs/metrics.h"
#include "provider/tts/voices.h"
#include "store/record.h"
#include "store/spool.h"

void handle_root(struct exchange *ex)
{
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "name", ex->api->shared->config->app_name);
    vg_json_str(&j, "version", VG_VERSION);
    vg_json_end(&j);
    exchange_answer(ex);
}

struct checks {
    bool redis, postgres, spool, spool_hangs, engines, draining, room, overloaded;
};

static struct checks look(struct exchange *ex)
{
    const struct vg_api_shared *shared = ex->api->shared;
    return (struct checks){.redis = vg_bus_up(ex->api->shard->bus),
                           .postgres = vg_record_up(shared->record),
                           .spool = vg_spool_ok(ex->api->shard->spool),
                           .spool_hangs = vg_spool_hangs(ex->api->shard->spool),
                           .engines = vg_nursery_alive(shared->nursery),
                           .draining = atomic_load(&ex->api->shared->draining),
                           .room = vg_calls_live(shared->calls) < (uint32_t)shared->config->calls_max,
                           .overloaded = ex->api->shard->overloaded};
}

static void write_health(struct exchange *ex, const struct checks *c, const char *status)
{
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "status", status);
    vg_json_seconds(&j, "timestamp", vg_utc_us());
    vg_json_str(&j, "version", VG_VERSION);
    vg_json_object(&j, "checks");
    vg_json_str(&j, "redis", c->redis ? "ok" : "no connection");
    vg_json_str(&j, "postgres", c->postgres ? "ok" : "no connection");
    vg_json_str(&j, "spool",
                c->spool         ? "ok"
                : c->spool_hangs ? "the disk does not answer"
                                 : "the disk refuses");
    vg_json_str(&j, "engines", c->engines ? "ok" : "their parent process is gone: restart");
    vg_json_str(&j, "calls",
                c->draining     ? "draining"
                : !c->room      ? "no free slot"
                : c->overloaded ? "the processor is busy with those that are up"
                                : "ok");
    vg_json_end(&j);
    vg_json_end(&j);
}

void handle_health(struct exchange *ex)
{
    struct checks c = look(ex);
    write_health(ex, &c, c.redis && c.postgres && c.spool && c.engines ? "healthy" : "degraded");
    exchange_answer(ex);
}

void handle_readyz(struct exchange *ex)
{
    struct checks c = look(ex);
    /* Else no call could start, or none would be heard. */
    bool ready = !c.draining && c.room && !c.overloaded && c.spool && c.engines;
    ex->status = ready ? 200 : 503;
    write_health(ex, &c,
                 c.draining              ? "draining"
                 : !ready                ? "unavailable"
                 : c.redis && c.postgres ? "ready"
                                         : "degraded");
    if (!ready)
        snprintf(ex->retry_after, sizeof ex->retry_after, "5");
    exchange_answer(ex);
}

/* Settings were checked at start, so a process that answers has good ones. */
void handle_healthz(struct exchange *ex)
{
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "status", "ok");
    vg_json_array(&j, "invalid");
    vg_json_end(&j);
    vg_json_end(&j);
    exchange_answer(ex);
}

void handle_metrics(struct exchange *ex)
{
    const char *wanted = ex->api->shared->config->metrics_token;
    const char *given = vg_http_header(ex->request, "authorization");
    if (wanted && *wanted) {
        given = given && strncasecmp(given, "Bearer ", 7) == 0 ? given + 7 : "";
        if (!vg_equal_const_time(wanted, strlen(wanted), given, strlen(given))) {
            exchange_refuse(ex, "metrics", "metrics need the configured bearer token");
            return;
        }
    }
    ex->content_type = "text/plain; version=0.0.4; charset=utf-8";
    vg_metrics_write(&ex->body);
    exchange_answer(ex);
}

void handle_voices(struct exchange *ex)
{
    const struct vg_voice *voices;
    size_t n = vg_voice_list(&voices);
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_array(&j, "voices");
    for (size_t i = 0; i < n; i++) {
        vg_json_object(&j, NULL);
        vg_json_str(&j, "id", voices[i].id);
        vg_json_str(&j, "language", voices[i].language);
        vg_json_str(&j, "engine", voices[i].engine);
        vg_json_str(&j, "gender", voices[i].gender);
        vg_json_str(&j, "description", voices[i].description);
        vg_json_end(&j);
    }
    vg_json_end(&j);
    vg_json_end(&j);
    exchange_answer(ex);
}
