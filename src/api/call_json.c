/* JSON of a call of this process; see call_json.h. */
#include "api/call_json.h"

#include "base/clock.h"
#include "base/json.h"

static void time_or_null(struct vg_json *j, const char *key, int64_t utc_us)
{
    if (utc_us)
        vg_json_seconds(j, key, utc_us);
    else
        vg_json_null(j, key);
}

void call_json_write(struct vg_buf *out, const struct vg_call_spec *spec, const struct vg_call_snapshot *s)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "call_id", spec->call_id);
    vg_json_str(&j, "session_id", spec->session_id);
    vg_json_str(&j, "tenant_id", spec->tenant_id);
    vg_json_str(&j, "user_id", *spec->user_id ? spec->user_id : NULL);
    vg_json_str(&j, "agent_id", *spec->agent_id ? spec->agent_id : NULL);
    vg_json_str(&j, "status", vg_call_status_name(s->status));
    vg_json_str(&j, "direction", spec->direction);
    vg_json_str(&j, "channel", spec->channel);
    vg_json_str(&j, "language", *s->language ? s->language : spec->language);
    vg_json_str(&j, "voice_id", spec->voice_id);
    vg_json_seconds(&j, "started_at", spec->started_utc_us);
    time_or_null(&j, "answered_at", s->answered_utc_us);
    time_or_null(&j, "ended_at", s->ended_utc_us);
    vg_json_seconds(&j, "duration_seconds", s->duration_us);
    vg_json_str(&j, "end_reason", *s->end_reason ? s->end_reason : NULL);
    vg_json_int(&j, "turns", s->turns);
    vg_json_raw(&j, "metadata", spec->metadata ? spec->metadata : "{}");
    vg_json_end(&j);
}
