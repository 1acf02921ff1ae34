/* The one JSON form of a call, whether it is live here or read from the record. src/api alone. */
#ifndef VG_API_CALL_JSON_H
#define VG_API_CALL_JSON_H

#include "base/buf.h"
#include "call/registry.h"

/* {call_id, session_id, tenant_id, user_id, agent_id, status, ...}; times in Unix seconds. */
void call_json_write(struct vg_buf *out, const struct vg_call_spec *spec, const struct vg_call_snapshot *s);

#endif
