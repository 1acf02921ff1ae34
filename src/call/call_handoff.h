/* Handing a live call to a person: what the call does about it. src/call alone. */
#ifndef VG_CALL_CALL_HANDOFF_H
#define VG_CALL_CALL_HANDOFF_H

struct vg_call;

/* The caller asked for a person: queues the call by itself, through the spool. */
void call_request_handoff(struct vg_call *c, const char *reason);

#endif
