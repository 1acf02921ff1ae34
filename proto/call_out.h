/* The one JSON form of a call, whether it is live here, read from the record or shown in Redis. Pure; any
 * thread. */
#ifndef VG_PROTO_CALL_OUT_H
#define VG_PROTO_CALL_OUT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

/* How a call stands. Strings are borrowed, "" where there is nothing; times are Unix microseconds, 0 where
 * not yet. */
struct vg_call_out {
    const char *call_id, *session_id, *tenant_id, *user_id, *agent_id;
    const char *status, *direction, *channel, *language, *voice_id;
    int64_t started_at_us, answered_at_us, ended_at_us;
    int64_t duration_us;
    const char *end_reason;
    uint32_t turns;
    const char *metadata; /* JSON object */
};

/* {"call_id":...}, the schema `call` of proto/schema/rest.json; times in Unix seconds. */
void vg_call_out_write(struct vg_buf *out, const struct vg_call_out *c);
/* The same members into an object that is open. */
void vg_call_out_members(struct vg_json *j, const struct vg_call_out *c);

#endif
