/* The JSON form of a call; see call_out.h. */
#include "proto/call_out.h"

static void text_or_null(struct vg_json *j, const char *key, const char *text)
{
    vg_json_str(j, key, *text ? text : NULL);
}

static void time_or_null(struct vg_json *j, const char *key, int64_t utc_us)
{
    if (utc_us)
        vg_json_seconds(j, key, utc_us);
    else
        vg_json_null(j, key);
}

void vg_call_out_members(struct vg_json *j, const struct vg_call_out *c)
{
    vg_json_str(j, "call_id", c->call_id);
    vg_json_str(j, "session_id", c->session_id);
    vg_json_str(j, "tenant_id", c->tenant_id);
    text_or_null(j, "user_id", c->user_id);
    text_or_null(j, "agent_id", c->agent_id);
    vg_json_str(j, "status", c->status);
    vg_json_str(j, "direction", c->direction);
    vg_json_str(j, "channel", c->channel);
    vg_json_str(j, "language", c->language);
    vg_json_str(j, "voice_id", c->voice_id);
    vg_json_seconds(j, "started_at", c->started_at_us);
    time_or_null(j, "answered_at", c->answered_at_us);
    time_or_null(j, "ended_at", c->ended_at_us);
    vg_json_seconds(j, "duration_seconds", c->duration_us);
    text_or_null(j, "end_reason", c->end_reason);
    vg_json_int(j, "turns", c->turns);
    vg_json_raw(j, "metadata", *c->metadata ? c->metadata : "{}");
}

void vg_call_out_write(struct vg_buf *out, const struct vg_call_out *c)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_call_out_members(&j, c);
    vg_json_end(&j);
}
