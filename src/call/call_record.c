/* What of a call goes to the spool, and the acknowledgements that come back: persist before tell. Owner's
 * loop; acknowledgements come in the order of the appends. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/bus.h"
#include "bus/events.h"
#include "call/call_create.h"
#include "call/call_internal.h"
#include "obs/metrics.h"
#include "store/record_body.h"
#include "store/spool.h"

static void spool_failed(struct vg_call *c, int err)
{
    vg_log_error("call.not_recorded", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
    if (!c->recorder.failed && !c->ending)
        call_emit_error(c, "RECORD_FAILED", "this conversation cannot be recorded at the moment", false);
    c->recorder.failed = true;
}

static void on_ack(void *arg, int err)
{
    struct vg_call *c = arg;
    if (c->recorder.late) { /* what it was waited for has been told otherwise */
        c->recorder.late--;
        if (c->ending)
            call_free_if_done(c);
        return;
    }
    c->recorder.acked++;
    c->recorder.waiting_us = vg_mono_us();
    if (err) {
        spool_failed(c, err);
        call_outbox_drop_finals(c); /* what is not recorded is not told as final */
    } else {
        c->recorder.failed = false;
    }
    if (c->recorder.acked == c->recorder.appended)
        vg_observe_us(turn_persist_seconds, vg_mono_us() - c->recorder.appended_us);
    call_outbox_flush(c);
    if (c->ending)
        call_free_if_done(c); /* last: may free the call */
    else
        reply_pump(c);
}

/* The caller is told at once what cannot be confirmed: events behind one that is late are late as well. */
static void give_up(struct vg_call *c)
{
    struct recorder *r = &c->recorder;
    r->late += r->appended - r->acked;
    r->acked = r->appended;
    spool_failed(c, VG_ETIMEOUT);
}

void call_record_check(struct vg_call *c, int64_t now_us)
{
    const struct recorder *r = &c->recorder;
    if (r->acked == r->appended || now_us - r->waiting_us <= VG_SPOOL_DEADLINE_US)
        return;
    vg_count1(spool_timeouts_total, c->ending ? "end" : "turn");
    give_up(c);
    call_outbox_drop_finals(c);
    call_outbox_flush(c);
    if (c->ending)
        call_free_if_done(c); /* tells the end; the acknowledgements that are owed keep the call */
    else
        reply_pump(c);
}

/* Takes the content of `body`. */
static void append(struct vg_call *c, enum vg_record_kind kind, struct vg_buf *body)
{
    struct vg_record_event event = {.kind = kind,
                                    .tenant_id = c->spec->tenant_id,
                                    .call_id = c->spec->call_id,
                                    .owner_epoch = 1,
                                    .ordinal = atomic_fetch_add(&c->entry->ordinal, 1) + 1,
                                    .body = vg_buf_str(body)};
    int err = body->failed ? VG_ENOMEM : vg_spool_append(c->shard->spool, &event, c->shard->loop, on_ack, c);
    vg_buf_free(body);
    c->recorder.refused = err != 0;
    if (err) {
        spool_failed(c, err);
        return;
    }
    int64_t now_us = vg_mono_us();
    if (c->recorder.acked == c->recorder.appended)
        c->recorder.waiting_us = now_us;
    c->recorder.appended++;
    c->recorder.appended_us = now_us;
    if (c->recorder.late) {
        c->recorder.refused = true;
        give_up(c);
    }
}

void call_record_caller(struct vg_call *c, const char *text, const struct utterance *u, double confidence)
{
    char id[VG_ID_SIZE];
    vg_id_new(id, VG_ID_MESSAGE);
    struct vg_record_message m = {
        .message_id = id,
        .session_id = c->spec->session_id,
        .role = "user",
        .text = text,
        .turn = c->state.turns,
        .start_ms = u ? u->start_samples / (VG_RATE_HZ / 1000) : -1,
        .end_ms = u ? u->end_samples / (VG_RATE_HZ / 1000) : -1,
        .confidence = u ? confidence : -1,
        .at_us = vg_utc_us(),
    };
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_message(&b, &m);
    append(c, VG_RECORD_MESSAGE, &b);
}

void call_record_reply(struct vg_call *c, const char *text, const char *heard_text, bool interrupted)
{
    const struct reply *r = &c->reply;
    struct vg_record_message m = {
        .message_id = r->message_id,
        .session_id = c->spec->session_id,
        .role = "assistant",
        .text = text,
        .heard_text = heard_text,
        .turn = c->state.turns,
        .start_ms = -1,
        .end_ms = -1,
        .confidence = -1,
        .interrupted = interrupted,
        .at_us = vg_utc_us(),
        .intent = *r->intent ? r->intent : NULL,
        .sentiment = r->result.sentiment,
        .has_sentiment = r->llm_done && !r->by_agent_alone,
    };
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_message(&b, &m);
    append(c, VG_RECORD_MESSAGE, &b);
}

void call_record_usage(struct vg_call *c, const struct usage *u)
{
    char id[VG_ID_SIZE], quantity[32];
    vg_id_new(id, VG_ID_EVENT);
    snprintf(quantity, sizeof quantity, "%" PRId64 ".%06" PRId64, u->quantity_micro / 1000000,
             u->quantity_micro % 1000000);
    struct vg_record_usage r = {
        .event_id = id,
        .session_id = c->spec->session_id,
        .agent_id = c->spec->agent_id,
        .kind = u->kind,
        .provider = u->provider,
        .unit = u->unit,
        .quantity = quantity,
        .unique_key = u->key,
        .billed_as = u->billed_as ? u->billed_as : "",
        .turn = c->state.turns,
        .at_us = vg_utc_us(),
        .tokens_in = u->tokens_in,
        .tokens_out = u->tokens_out,
    };
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_usage(&b, &r);
    append(c, VG_RECORD_USAGE, &b);
}

void call_record_state(struct vg_call *c)
{
    struct vg_record_call_state s = {.status = vg_call_status_name(c->state.status), .at_us = vg_utc_us()};
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_call_state(&b, &s);
    append(c, VG_RECORD_CALL_STATE, &b);
}

static void write_ended(struct vg_buf *b, const struct vg_call_snapshot *s)
{
    struct vg_record_call_ended r = {.reason = s->end_reason,
                                     .status = vg_call_status_name(s->status),
                                     .ended_at_us = s->ended_utc_us,
                                     .duration_ms = s->duration_us / VG_US_PER_MS,
                                     .turns = s->turns};
    vg_record_write_call_ended(b, &r);
}

void call_record_ended(struct vg_call *c)
{
    struct vg_buf b = VG_BUF_INIT;
    write_ended(&b, &c->state);
    append(c, VG_RECORD_CALL_ENDED, &b);
}

void call_record_unclaimed_end(struct vg_shard *shard, struct vg_call_entry *e)
{
    struct vg_call_snapshot s = vg_calls_look(shard->calls, e);
    struct vg_buf b = VG_BUF_INIT;
    write_ended(&b, &s);
    struct vg_record_event event = {.kind = VG_RECORD_CALL_ENDED,
                                    .tenant_id = e->spec->tenant_id,
                                    .call_id = e->spec->call_id,
                                    .owner_epoch = 1,
                                    .ordinal = atomic_fetch_add(&e->ordinal, 1) + 1,
                                    .body = vg_buf_str(&b)};
    if (b.failed || vg_spool_append(shard->spool, &event, shard->loop, NULL, NULL))
        vg_log_error("call.not_recorded", "call_id=%s", e->spec->call_id);
    vg_buf_free(&b);
}

/* The event carries what POST /handoff answers. */
static void announce_handoff(struct vg_call *c, const char *queue, const char *context_json)
{
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "status", "queued");
    vg_json_str(&j, "queue", queue);
    vg_json_int(&j, "estimated_wait_seconds", HANDOFF_WAIT_UNKNOWN_S);
    vg_json_raw(&j, "context", context_json);
    vg_json_end(&j);
    call_announce(c->shard->bus, c->spec, "handoff.requested", vg_buf_str(&data));
    vg_buf_free(&data);
}

void call_record_handoff(struct vg_call *c, const char *handoff_id, const char *queue, const char *reason)
{
    struct vg_buf context = VG_BUF_INIT, b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&context);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "call_id", c->spec->call_id);
    vg_json_str(&j, "reason", reason);
    vg_json_int(&j, "duration_seconds", (vg_loop_now_us(c->shard->loop) - c->attached_us) / VG_US_PER_S);
    vg_json_raw(&j, "transcript", call_transcript_json(c));
    vg_json_raw(&j, "intents", call_intents_json(c));
    vg_json_str(&j, "sentiment", call_sentiment(c));
    vg_json_end(&j);
    struct vg_record_handoff r = {.handoff_id = handoff_id,
                                  .queue = queue,
                                  .reason = reason,
                                  .context = vg_buf_str(&context),
                                  .at_us = vg_utc_us()};
    vg_record_write_handoff(&b, &r);
    append(c, VG_RECORD_HANDOFF, &b);
    announce_handoff(c, queue, vg_buf_str(&context));
    vg_buf_free(&context);
}

void call_publish(struct vg_call *c, const char *name, const char *event_type, const char *data_json)
{
    char channel[VG_ID_SIZE + 32];
    struct vg_buf payload = VG_BUF_INIT;
    vg_text_join(channel, sizeof channel, (const char *[]){name, ":", c->spec->call_id, NULL});
    vg_event_write(&payload, event_type, c->spec->call_id, vg_utc_us(), data_json);
    if (!payload.failed)
        vg_bus_publish(c->shard->bus, channel, payload.data, payload.len);
    vg_buf_free(&payload);
}
