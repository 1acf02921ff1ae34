/* The life of a call: its first leg, what it says, limits, the end. Owner's loop. See call.h; later legs are
 * in call_legs.c, settings in call_settings.c. */
#include "call/call.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "bus/bus.h"
#include "call/call_create.h"
#include "call/call_internal.h"
#include "config/config.h"
#include "obs/metrics.h"

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_DRAINING = 1001,
    CLOSE_POLICY = 1008,
    CLOSE_TOKEN = 4401,
    CLOSE_GONE = 4404
};

/* --- state ------------------------------------------------------------------------------------------------
 */

void call_publish_state(struct vg_call *c)
{
    vg_calls_update(c->shard->calls, c->entry, &c->state);
}

static void make_resume_token(struct vg_call *c)
{
    uint8_t random[24];
    vg_random_bytes(random, sizeof random);
    int n = vg_base64url_encode(c->state.resume_token, sizeof c->state.resume_token, random, sizeof random);
    VG_ASSERT(n > 0);
}

/* A token ends by the wall clock, so a clock that is set forward ends it early, as it would at the next
 * request. Only a connection stands on it: who comes back to a lost one brings a good token. */
static bool token_has_expired(const struct vg_call *c)
{
    return c->host && c->token_expires_s && vg_utc_us() >= c->token_expires_s * VG_US_PER_S;
}

static void housekeeping(void *arg)
{
    struct vg_call *c = arg;
    const struct vg_config *config = c->shard->config;
    int64_t now = vg_loop_now_us(c->shard->loop);
    call_record_check(c, vg_mono_us());
    if (c->ending)
        return;
    if (now - c->attached_us > config->call_max_seconds * VG_US_PER_S)
        call_finish(c, "max_duration", VG_CALL_ENDED);
    else if (token_has_expired(c))
        call_finish(c, VG_CALL_TOKEN_EXPIRED, VG_CALL_ENDED);
    else if (!c->host && now - c->detached_us > config->resume_seconds * VG_US_PER_S)
        call_finish(c, "connection_lost", VG_CALL_ENDED);
}

/* --- first leg --------------------------------------------------------------------------------------------
 */

static struct vg_call *call_new(struct vg_shard *shard, struct vg_call_entry *entry)
{
    struct vg_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    c->shard = shard;
    c->entry = entry;
    c->spec = entry->spec;
    c->settings = (struct vg_leg_settings){.lead_ms = -1, .endpointing_ms = -1, .barge_in = -1};
    memcpy(c->language, c->spec->language, sizeof c->language);
    struct vg_media_config media = {.loop = shard->loop,
                                    .clock = shard->clock,
                                    .pool = shard->pool,
                                    .turn = call_turn_config(c),
                                    .lead_us = (int64_t)call_lead_ms(c) * VG_US_PER_MS,
                                    .barge_in = call_barge_in(c),
                                    .events = &call_media_events,
                                    .arg = c};
    c->media = vg_media_new(&media);
    c->housekeeping = vg_timer_new(shard->loop, housekeeping, c);
    if (!c->media || !c->housekeeping) {
        if (c->media)
            vg_media_stop(c->media, NULL, NULL);
        vg_timer_free(c->housekeeping);
        vg_call_entry_put(entry);
        free(c);
        return NULL;
    }
    return c;
}

static void greet(struct vg_call *c)
{
    if (c->caller.choosing_language)
        reply_say(c, reply_choose_language(), c->language);
    else if (!c->spec->stt_open_speech)
        reply_say(c, reply_no_open_speech(c), c->language); /* never pretend to understand */
    else if (c->spec->greeting && *c->spec->greeting)
        reply_say(c, c->spec->greeting, c->language);
}

static void begin(struct vg_call *c)
{
    int64_t now = vg_loop_now_us(c->shard->loop);
    c->attached_us = c->last_input_us = now;
    c->state = vg_calls_look(c->shard->calls, c->entry);
    c->state.status = VG_CALL_IN_PROGRESS;
    c->state.answered_utc_us = vg_utc_us();
    make_resume_token(c);
    c->state.connected = true;
    vg_calls_set_call(c->shard->calls, c->entry, c);
    call_publish_state(c);
    c->span = vg_span_begin("call", &c->spec->trace);
    vg_span_str(c->span, "call.id", c->spec->call_id);
    vg_timer_start(c->housekeeping, VG_US_PER_S, VG_US_PER_S);
    call_record_state(c);
    call_show_live(c->entry);
    int err = call_turn_open(c);
    call_send_ready(c, false);
    if (err) {
        vg_log_warn("call.stt_unavailable", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
        call_emit_error(c, "ASR_FAILED", "speech recognition is not available for this call", false);
    }
    greet(c);
    vg_log_info("call.answered", "call_id=%s tenant_id=%s shard=%u", c->spec->call_id, c->spec->tenant_id,
                c->shard->index);
}

/* Out of memory: the call cannot live. Its entry ends as failed; `c` may be NULL. */
static void give_up(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_call *c)
{
    struct vg_call_snapshot s = vg_calls_look(shard->calls, entry);
    s.status = VG_CALL_FAILED;
    s.ended_utc_us = vg_utc_us();
    snprintf(s.end_reason, sizeof s.end_reason, "out_of_memory");
    vg_calls_update(shard->calls, entry, &s);
    call_record_unclaimed_end(shard, entry);
    call_release(entry);
    if (c) {
        c->ending = c->end_told = true;
        call_free_if_done(c);
    }
}

int call_attach_first(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_leg *leg,
                      int64_t token_expires_s)
{
    int err = vg_calls_claim(shard->calls, entry, shard);
    if (err)
        return err;
    struct vg_call *c = call_new(shard, entry);
    struct vg_leg_host *host = c ? host_new(c, leg) : NULL;
    if (!host || call_apply_settings(c, &leg->settings)) {
        host_discard(host);
        give_up(shard, entry, c);
        return VG_ENOMEM;
    }
    c->host = host;
    c->token_expires_s = token_expires_s;
    begin(c);
    return 0;
}

/* --- what the leg says ------------------------------------------------------------------------------------
 */

static void change_settings(struct vg_call *c, const struct vg_leg_settings *s)
{
    int err = call_apply_settings(c, s);
    if (err)
        call_emit_error(c, "BAD_FIELD", vg_strerror(err), false);
    else
        call_send_ready(c, false);
}

void call_message(struct vg_call *c, const struct vg_leg_in *in)
{
    if (c->ending)
        return;
    c->last_input_us = vg_loop_now_us(c->shard->loop);
    switch (in->type) {
    case VG_IN_BARGE_IN: reply_interrupt(c, "message"); break;
    case VG_IN_PING: {
        struct vg_leg_out out = {.type = VG_OUT_PONG, .number = in->number};
        call_emit_now(c, &out);
        break;
    }
    case VG_IN_TEXT: call_turn_accept(c, in->text, 1.0, NULL, "text"); break;
    case VG_IN_DTMF: call_turn_dtmf(c, in->digit); break;
    case VG_IN_PLAYED: break; /* the playout clock is what counts; kept for clients that report it */
    case VG_IN_SETTINGS: change_settings(c, &in->settings); break;
    case VG_IN_ERROR: {
        struct vg_leg_out out = {.type = VG_OUT_ERROR, .code = in->code, .text = in->text, .flag = in->fatal};
        call_emit_now(c, &out);
        break;
    }
    case VG_IN_END: call_finish(c, in->text && *in->text ? in->text : "client_ended", VG_CALL_ENDED); break;
    }
}

/* --- the end ----------------------------------------------------------------------------------------------
 */

static void on_media_stopped(void *arg)
{
    struct vg_call *c = arg;
    c->media_stopped = true;
    call_free_if_done(c);
}

static void stop_media_when_free(struct vg_call *c)
{
    if (c->media && !c->host && !c->host_closing) {
        struct vg_media *m = c->media;
        c->media = NULL;
        vg_media_stop(m, on_media_stopped, c);
    }
}

static int close_code(const char *reason)
{
    if (strcmp(reason, "server_draining") == 0)
        return CLOSE_DRAINING;
    if (strcmp(reason, VG_CALL_TENANT_SUSPENDED) == 0)
        return CLOSE_POLICY;
    bool token = strcmp(reason, VG_CALL_TOKEN_REVOKED) == 0 || strcmp(reason, VG_CALL_TOKEN_EXPIRED) == 0;
    return token ? CLOSE_TOKEN : CLOSE_NORMAL;
}

static void tell_why(struct vg_call *c, int code)
{
    bool expired = strcmp(c->state.end_reason, VG_CALL_TOKEN_EXPIRED) == 0;
    if (code == CLOSE_TOKEN)
        call_emit_error(c, "TOKEN_EXPIRED",
                        expired ? "the access token that opened this connection has expired"
                                : "the key that this call was started with was revoked",
                        true);
    else if (code == CLOSE_POLICY)
        call_emit_error(c, "TENANT_SUSPENDED", "the tenant is suspended", true);
}

static void tell_end(struct vg_call *c)
{
    c->end_told = true;
    vg_timer_stop(c->housekeeping);
    int code = close_code(c->state.end_reason);
    tell_why(c, code);
    struct vg_leg_out out = {.type = VG_OUT_CALL_ENDED,
                             .text = c->state.end_reason,
                             .end_ms = c->state.duration_us / VG_US_PER_MS};
    call_emit_now(c, &out);
    if (c->host) {
        struct vg_leg_host *host = c->host;
        c->host = NULL;
        c->host_closing = true;
        host_close(host, code, c->state.end_reason);
    }
    call_refuse_arrival(c);
    call_release(c->entry);
    while (c->end_waiters) {
        struct end_waiter *w = c->end_waiters;
        c->end_waiters = w->next;
        w->err = c->recorder.late ? VG_ETIMEOUT : 0;
        vg_loop_post(w->loop, &w->message);
    }
}

void call_finish(struct vg_call *c, const char *reason, enum vg_call_status status)
{
    if (c->ending)
        return;
    reply_interrupt(c, "end");
    call_turn_close(c);
    c->ending = true;
    c->state.status = status;
    c->state.ended_utc_us = vg_utc_us();
    c->state.duration_us = vg_loop_now_us(c->shard->loop) - c->attached_us;
    snprintf(c->state.end_reason, sizeof c->state.end_reason, "%s", reason);
    call_publish_state(c);
    call_record_usage(c, &(struct usage){.kind = "call",
                                         .provider = "voxgate",
                                         .unit = "second",
                                         .quantity_micro = c->state.duration_us,
                                         .key = "call",
                                         .tokens_in = -1,
                                         .tokens_out = -1});
    call_record_ended(c);
    call_announce_ended(c->shard->bus, c->spec, &c->state);
    c->span = vg_span_end(c->span);
    call_free_if_done(c);
}

/* Told when all of it is in the spool, or when that is no longer waited for; freed when leg, media and spool
 * let go. */
void call_free_if_done(struct vg_call *c)
{
    if (!c->ending)
        return;
    bool recorded = c->recorder.acked == c->recorder.appended;
    if (recorded && !c->end_told) {
        call_outbox_flush(c);
        tell_end(c);
    }
    if (!c->end_told)
        return;
    stop_media_when_free(c);
    if (c->media || !c->media_stopped || c->host_closing || c->recorder.late)
        return;
    vg_calls_set_call(c->shard->calls, c->entry, NULL);
    reply_clear(c);
    vg_timer_free(c->reply.played_out);
    free(c->reply.clauses);
    vg_timer_free(c->housekeeping);
    call_outbox_free(c);
    history_free(c);
    vg_call_entry_put(c->entry);
    free(c);
}
