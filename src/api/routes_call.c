/* POST /call/start, GET /call/{id}, POST /call/{id}/end: from caches, Redis and the spool; PostgreSQL is
 * asked only for calls that this process does not know. */
#include <string.h>

#include "api/call_spec.h"
#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "call/call.h"
#include "config/config.h"
#include "obs/trace.h"
#include "proto/rest_in.h"

/* --- start ------------------------------------------------------------------------------------------------
 */

struct start_request {
    struct vg_rest_call_start body;
    char *metadata; /* as text, or NULL */
};

static void free_start(void *state)
{
    struct start_request *q = state;
    vg_rest_free(&q->body.json);
    free(q->metadata);
    free(q);
}

/* A Host that is no name or address is not handed back to anybody. */
static bool host_is_sound(const char *host)
{
    size_t n = strlen(host);
    return n > 0 && n <= 260 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:[]%") == n;
}

static void write_ws_url(struct vg_json *j, struct exchange *ex, const char *call_id)
{
    const char *base = ex->api->shared->config->public_base_url;
    const char *host = vg_http_header(ex->request, "host");
    struct vg_buf url = VG_BUF_INIT;
    if (base && strncmp(base, "http", 4) == 0) {
        vg_buf_puts(&url, "ws");
        vg_buf_add(&url, base + 4, strlen(base) - 4 - (base[strlen(base) - 1] == '/'));
    } else {
        vg_buf_puts(&url, vg_http_is_tls(ex->request) ? "wss://" : "ws://");
        vg_buf_puts(&url, host && host_is_sound(host) ? host : "localhost");
    }
    vg_buf_puts(&url, "/ws/");
    vg_buf_puts(&url, call_id);
    vg_json_str(j, "ws_url", vg_buf_str(&url));
    vg_buf_free(&url);
}

static void write_started(struct exchange *ex, const struct vg_call_entry *entry, uint32_t limit,
                          uint32_t used)
{
    const struct vg_call_spec *spec = entry->spec;
    const struct vg_config *config = ex->api->shared->config;
    int64_t now_s = vg_utc_us() / VG_US_PER_S, expires_s = now_s + config->call_max_seconds;
    struct vg_buf token = VG_BUF_INIT;
    if (vg_tokens_mint_session(ex->api->shared->tokens, spec->call_id, spec->tenant_id, now_s, expires_s,
                               &token))
        ex->body.failed = true;
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "call_id", spec->call_id);
    vg_json_str(&j, "session_token", vg_buf_str(&token));
    write_ws_url(&j, ex, spec->call_id);
    vg_json_str(&j, "status", "ready");
    vg_json_str(&j, "session_id", spec->session_id);
    vg_json_int(&j, "expires_at", now_s + config->ready_seconds);
    vg_json_str(&j, "language", spec->language);
    vg_json_str(&j, "voice_id", spec->voice_id);
    vg_json_object(&j, "stt");
    vg_json_str(&j, "engine", spec->stt_name);
    vg_json_str(&j, "language", spec->language);
    vg_json_bool(&j, "open_speech", spec->stt_open_speech);
    vg_json_end(&j);
    vg_json_object(&j, "concurrency");
    vg_json_int(&j, "limit", limit);
    vg_json_int(&j, "remaining", limit > used ? limit - used : 0);
    vg_json_end(&j);
    vg_json_end(&j);
    vg_buf_free(&token);
}

static void on_created(void *arg, int err, struct vg_call_entry *entry, uint32_t limit, uint32_t used)
{
    struct exchange *ex = arg;
    if (err)
        vg_span_error(ex->span, vg_strerror(err));
    if (err == VG_ELIMIT) {
        snprintf(ex->retry_after, sizeof ex->retry_after, "5");
        exchange_error(ex, VG_ERROR_CONCURRENCY_LIMIT, NULL, NULL);
    } else if (err == VG_ECAPACITY) {
        snprintf(ex->retry_after, sizeof ex->retry_after, "5");
        exchange_error(ex, VG_ERROR_CAPACITY, NULL, NULL);
    } else if (err) {
        exchange_error(ex, VG_ERROR_UNAVAILABLE, "the call cannot be recorded at the moment", NULL);
    } else {
        vg_span_str(ex->span, "call.id", entry->spec->call_id);
        write_started(ex, entry, limit, used);
        exchange_answer(ex);
    }
}

static uint32_t concurrent_limit(const struct exchange *ex)
{
    const struct vg_tenant *t = ex->identity.tenant;
    return t && t->concurrent_calls_max ? t->concurrent_calls_max
                                        : (uint32_t)ex->api->shared->config->concurrent_calls;
}

static void on_agent(void *arg, int err, const struct vg_agent *agent)
{
    struct exchange *ex = arg;
    const struct start_request *q = ex->state;
    if (err == VG_ENOENT && q->body.agent_id) {
        exchange_error(ex, VG_ERROR_AGENT_NOT_FOUND, NULL, NULL);
        return;
    }
    if (err && err != VG_ENOENT) {
        exchange_error(ex, VG_ERROR_UNAVAILABLE, "the agent cannot be loaded at the moment", NULL);
        return;
    }
    struct call_wish wish = {.tenant_id = q->body.tenant_id,
                             .user_id = q->body.user_id,
                             .language = vg_rest_language_name((enum vg_rest_language)q->body.language),
                             .voice_id = q->body.voice_id,
                             .metadata = q->metadata,
                             .channel = "websocket",
                             .direction = "inbound",
                             .publish_audio = q->body.publish & VG_REST_PUBLISH_AUDIO};
    struct vg_bind_details details = {0};
    struct vg_call_spec *spec;
    err = call_spec_make(&spec, &wish, err ? NULL : agent, ex->api->shared->config, ex->api->shard->engines,
                         &details);
    if (err == VG_EINVAL) {
        exchange_set_invalid(ex, &details);
        exchange_answer(ex);
        return;
    }
    if (err) {
        exchange_error_of(ex, err);
        return;
    }
    memcpy(spec->key_id, ex->identity.key_id, sizeof spec->key_id);
    vg_text_copy(spec->request_id, sizeof spec->request_id, vg_http_request_id(ex->request));
    spec->trace = vg_span_context_of(ex->span);
    vg_call_create(ex->api->shard, spec, concurrent_limit(ex), on_created, ex);
}

void handle_call_start(struct exchange *ex)
{
    struct start_request *q = exchange_take_body(ex, BODY_CALL_START, sizeof *q, free_start);
    if (!q)
        return;
    if (!exchange_may_act_for(ex, q->body.tenant_id)) {
        exchange_answer(ex);
        return;
    }
    if (atomic_load(&ex->api->shared->draining)) {
        exchange_error(ex, VG_ERROR_DRAINING, NULL, NULL);
        return;
    }
    ex->span = exchange_span(ex, "start_call");
    vg_span_str(ex->span, "tenant.id", q->body.tenant_id);
    if (q->body.metadata)
        q->metadata = json_dumps(q->body.metadata, JSON_COMPACT);
    vg_directory_agent(ex->api->shared->directory, ex->api->shard->loop, q->body.tenant_id, q->body.agent_id,
                       on_agent, ex);
}

/* --- get and end ------------------------------------------------------------------------------------------
 */

/* The call of the path, if this process knows it and it is the asker's. */
static bool find_call(struct exchange *ex)
{
    struct vg_call_entry *e = vg_calls_find(ex->api->shared->calls, ex->params[0]);
    if (e && ex->identity.tenant && strcmp(e->spec->tenant_id, ex->identity.tenant_id) != 0) {
        vg_call_entry_put(e);
        e = NULL;
    }
    ex->call = e;
    return e != NULL;
}

static void answer_call(struct exchange *ex)
{
    struct vg_call_snapshot s = vg_calls_look(ex->api->shared->calls, ex->call);
    struct vg_call_out call = vg_call_out_of(ex->call->spec, &s);
    vg_call_out_write(&ex->body, &call);
    exchange_answer(ex);
}

static bool check_id(struct exchange *ex)
{
    if (vg_id_valid(ex->params[0], VG_ID_CALL))
        return true;
    exchange_error(ex, VG_ERROR_NOT_FOUND, NULL, NULL);
    return false;
}

void handle_call_get(struct exchange *ex)
{
    if (!check_id(ex))
        return;
    if (find_call(ex))
        answer_call(ex);
    else
        exchange_work(ex, NULL);
}

static void on_ended(void *arg, int err)
{
    struct exchange *ex = arg;
    if (err)
        exchange_error(ex, VG_ERROR_UNAVAILABLE,
                       "the call has ended; its end cannot be recorded at the moment", NULL);
    else
        answer_call(ex);
}

void handle_call_end(struct exchange *ex)
{
    struct vg_rest_reason body = {0};
    if (!check_id(ex))
        return;
    if (!exchange_read_body(ex, BODY_REASON, &body)) {
        exchange_answer(ex);
        return;
    }
    if (find_call(ex))
        vg_call_end(ex->api->shard, ex->call, body.reason && *body.reason ? body.reason : "api_request",
                    on_ended, ex);
    else
        exchange_work(ex, NULL); /* ended long ago, or another instance's */
    vg_rest_free(&body.json);
}

void handle_ws_plain(struct exchange *ex)
{
    exchange_error(ex, VG_ERROR_UPGRADE_REQUIRED, NULL, NULL);
}
