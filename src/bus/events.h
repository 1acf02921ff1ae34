/* What Voxgate publishes on Redis: the CallEvent payload and the names of its channels. docs/redis.md lists
 * them. Any thread, but vg_bus_event(). */
#ifndef VG_BUS_EVENTS_H
#define VG_BUS_EVENTS_H

#include "base/buf.h"
#include "bus/bus.h"

enum { VG_CHANNEL_SIZE = 96 }; /* room for any channel name with its NUL */

/* Event types. The channel of one about a call's stream has the call id appended: barge_in:call_0192... */
#define VG_EVENT_CALL_STARTED      "call.started"
#define VG_EVENT_CALL_ENDED        "call.ended"
#define VG_EVENT_HANDOFF_REQUESTED "handoff.requested"
#define VG_EVENT_INGEST_QUEUED     "ingest.queued"
#define VG_EVENT_AUDIO             "audio"      /* per call */
#define VG_EVENT_BARGE_IN          "barge_in"   /* per call */
#define VG_EVENT_TRANSCRIPT        "transcript" /* per call */
#define VG_EVENT_ASR               "asr"        /* per call; comes in */

/* Writes `<type>:<call_id>` and returns `out`. */
const char *vg_channel_of_call(char out[VG_CHANNEL_SIZE], const char *type, const char *call_id);

/* Appends {"event_type":..,"call_id":..,"timestamp":..,"data":..}: Unix seconds with six places; `call_id`
 * NULL writes null; `data_json` is valid JSON, NULL writes {}. */
void vg_event_write(struct vg_buf *out, const char *event_type, const char *call_id, int64_t utc_us,
                    const char *data_json);

/* Builds the payload and publishes it on the type's channel. Loop thread. */
void vg_bus_event(struct vg_bus *bus, const char *event_type, const char *call_id, int64_t utc_us,
                  const char *data_json);

#endif
