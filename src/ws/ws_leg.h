/* A WebSocket as a leg of a call: its messages in (proto/ws_in.h), the core's events out (proto/ws_out.h).
 * Whether a client may connect is decided before, by the upgrade handler in src/api. */
#ifndef VG_WS_WS_LEG_H
#define VG_WS_WS_LEG_H

#include "call/call.h"
#include "net/http.h"

/* Accepts an upgrade: fills `accept` with a leg that joins `entry` (a reference, taken) once the socket is
 * open. LOOP of `shard`. VG_ENOMEM: `entry` stays the caller's. */
int vg_ws_leg_accept(struct vg_shard *shard, struct vg_call_entry *entry, const struct vg_joining *how,
                     struct vg_ws_accept *accept) VG_MUST_CHECK;

#endif
