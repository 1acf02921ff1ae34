/* What the life of a call shares with its creation: live state, places, announcements. src/call alone. */
#ifndef VG_CALL_CALL_CREATE_H
#define VG_CALL_CALL_CREATE_H

#include "call/call.h"

struct vg_bus;

/* Writes (or, once it has ended, removes) the call's live state in Redis. Any loop thread. */
void call_show_live(struct vg_call_entry *e);
/* Gives places, lease and live state of an ended call back, once. Any loop thread. */
void call_release(struct vg_call_entry *e);
/* Publishes a CallEvent named like its channel. */
void call_announce(struct vg_bus *bus, const struct vg_call_spec *spec, const char *channel,
                   const char *data_json);
/* Publishes, counts and logs the end of a call. */
void call_announce_ended(struct vg_bus *bus, const struct vg_call_spec *spec,
                         const struct vg_call_snapshot *s);
/* Appends CALL_ENDED of a call that was never connected. */
void call_record_unclaimed_end(struct vg_shard *shard, struct vg_call_entry *e);

#endif
