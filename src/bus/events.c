/* See events.h. */
#include "bus/events.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

const char *vg_channel_of_call(char out[VG_CHANNEL_SIZE], const char *type, const char *call_id)
{
    vg_text_join(out, VG_CHANNEL_SIZE, (const char *[]){type, ":", call_id, NULL});
    return out;
}

void vg_event_write(struct vg_buf *out, const char *event_type, const char *call_id, int64_t utc_us,
                    const char *data_json)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "event_type", event_type);
    vg_json_str(&j, "call_id", call_id);
    vg_json_seconds(&j, "timestamp", utc_us);
    vg_json_raw(&j, "data", data_json ? data_json : "{}");
    vg_json_end(&j);
}

/* The types that have a channel for each call. */
static bool per_call(const char *type)
{
    static const char *const types[] = {VG_EVENT_AUDIO, VG_EVENT_BARGE_IN, VG_EVENT_TRANSCRIPT, VG_EVENT_ASR};
    for (size_t i = 0; i < VG_COUNT_OF(types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

void vg_bus_event(struct vg_bus *bus, const char *event_type, const char *call_id, int64_t utc_us,
                  const char *data_json)
{
    char channel[VG_CHANNEL_SIZE];
    struct vg_buf payload = VG_BUF_INIT;
    vg_event_write(&payload, event_type, call_id, utc_us, data_json);
    bool of_call = call_id && per_call(event_type);
    if (!payload.failed)
        vg_bus_publish(bus, of_call ? vg_channel_of_call(channel, event_type, call_id) : event_type,
                       payload.data, payload.len);
    vg_buf_free(&payload);
}
