/* A call of this process in the form that every surface shows; see registry.h and proto/call_out.h. */
#include "call/registry.h"

struct vg_call_out vg_call_out_of(const struct vg_call_spec *spec, const struct vg_call_snapshot *s)
{
    return (struct vg_call_out){.call_id = spec->call_id,
                                .session_id = spec->session_id,
                                .tenant_id = spec->tenant_id,
                                .user_id = spec->user_id,
                                .agent_id = spec->agent_id,
                                .status = vg_call_status_name(s->status),
                                .direction = spec->direction,
                                .channel = spec->channel,
                                .language = *s->language ? s->language : spec->language,
                                .voice_id = spec->voice_id,
                                .started_at_us = spec->started_utc_us,
                                .answered_at_us = s->answered_utc_us,
                                .ended_at_us = s->ended_utc_us,
                                .duration_us = s->duration_us,
                                .end_reason = s->end_reason,
                                .turns = s->turns,
                                .metadata = spec->metadata ? spec->metadata : ""};
}
