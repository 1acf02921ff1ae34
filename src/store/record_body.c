/* Writers of spool event bodies; see record_body.h. */
#include "store/record_body.h"

#include "base/json.h"

static void text(struct vg_json *j, const char *key, const char *value)
{
    if (value)
        vg_json_str(j, key, value);
}

static void id(struct vg_json *j, const char *key, const char *value)
{
    if (value && *value)
        vg_json_str(j, key, value);
}

static void count(struct vg_json *j, const char *key, int64_t value)
{
    if (value >= 0)
        vg_json_int(j, key, value);
}

static void object(struct vg_json *j, const char *key, const char *json)
{
    vg_json_raw(j, key, json && *json ? json : "{}");
}

static struct vg_json start(struct vg_buf *out)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    return j;
}

void vg_record_write_call_started(struct vg_buf *out, const struct vg_record_call_started *r)
{
    struct vg_json j = start(out);
    id(&j, "session_id", r->session_id);
    text(&j, "user_id", r->user_id);
    id(&j, "agent_id", r->agent_id);
    vg_json_int(&j, "agent_version", r->agent_version);
    text(&j, "direction", r->direction);
    text(&j, "channel", r->channel);
    text(&j, "language", r->language);
    text(&j, "voice_id", r->voice_id);
    object(&j, "metadata", r->metadata);
    text(&j, "caller_number", r->caller_number);
    text(&j, "called_number", r->called_number);
    vg_json_int(&j, "started_at_us", r->started_at_us);
    text(&j, "instance_id", r->instance_id);
    vg_json_end(&j);
}

void vg_record_write_call_state(struct vg_buf *out, const struct vg_record_call_state *r)
{
    struct vg_json j = start(out);
    text(&j, "status", r->status);
    vg_json_int(&j, "at_us", r->at_us);
    vg_json_end(&j);
}

void vg_record_write_message(struct vg_buf *out, const struct vg_record_message *r)
{
    struct vg_json j = start(out);
    id(&j, "message_id", r->message_id);
    id(&j, "session_id", r->session_id);
    text(&j, "role", r->role);
    vg_json_str(&j, "text", r->text ? r->text : "");
    text(&j, "heard_text", r->heard_text);
    vg_json_int(&j, "turn", r->turn);
    count(&j, "start_ms", r->start_ms);
    count(&j, "end_ms", r->end_ms);
    if (r->confidence >= 0)
        vg_json_num(&j, "confidence", r->confidence, 4);
    vg_json_bool(&j, "interrupted", r->interrupted);
    vg_json_int(&j, "at_us", r->at_us);
    text(&j, "intent", r->intent);
    if (r->has_sentiment)
        vg_json_num(&j, "sentiment", r->sentiment, 4);
    vg_json_end(&j);
}

void vg_record_write_usage(struct vg_buf *out, const struct vg_record_usage *r)
{
    struct vg_json j = start(out);
    id(&j, "event_id", r->event_id);
    id(&j, "session_id", r->session_id);
    id(&j, "agent_id", r->agent_id);
    text(&j, "kind", r->kind);
    text(&j, "provider", r->provider);
    text(&j, "unit", r->unit);
    text(&j, "quantity", r->quantity);
    text(&j, "unique_key", r->unique_key);
    text(&j, "billed_as", r->billed_as);
    vg_json_int(&j, "turn", r->turn);
    vg_json_int(&j, "at_us", r->at_us);
    count(&j, "tokens_in", r->tokens_in);
    count(&j, "tokens_out", r->tokens_out);
    vg_json_end(&j);
}

void vg_record_write_call_ended(struct vg_buf *out, const struct vg_record_call_ended *r)
{
    struct vg_json j = start(out);
    text(&j, "reason", r->reason);
    text(&j, "status", r->status);
    vg_json_int(&j, "ended_at_us", r->ended_at_us);
    vg_json_int(&j, "duration_ms", r->duration_ms);
    count(&j, "turns", r->turns);
    vg_json_end(&j);
}

void vg_record_write_handoff(struct vg_buf *out, const struct vg_record_handoff *r)
{
    struct vg_json j = start(out);
    id(&j, "handoff_id", r->handoff_id);
    text(&j, "queue", r->queue);
    text(&j, "reason", r->reason);
    object(&j, "context", r->context);
    vg_json_int(&j, "at_us", r->at_us);
    vg_json_end(&j);
}
