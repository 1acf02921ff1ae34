/* Events out. An event stays in the queue until Redis has answered its PUBLISH: when the connection is lost,
 * those on their way are sent again (at least once, in order). The bound counts both; over it the oldest
 * event that is not on its way is dropped. Little is handed to hiredis at once, because its own buffer has no
 * bound. */
#include <string.h>

#include "bus/bus_internal.h"
#include "obs/metrics.h"

enum { SENT_BYTES_MAX = 1 << 20 };

struct publish_item {
    struct publish_item *next;
    size_t payload_bytes, channel_bytes;
    char text[]; /* channel, then payload */
};

static size_t item_size(const struct publish_item *item)
{
    return sizeof *item + item->channel_bytes + item->payload_bytes;
}

int publish_init(struct vg_bus *bus, size_t bytes_max)
{
    bus->publishes.bytes_max = bytes_max;
    return VG_OK;
}

static void gauge_tell(struct bus_publishes *p)
{
    if (p->bytes == p->bytes_told)
        return;
    vg_gauge_add(bus_queue_bytes, (int64_t)p->bytes - (int64_t)p->bytes_told);
    p->bytes_told = p->bytes;
}

static void first_remove(struct bus_publishes *p)
{
    struct publish_item *item = p->first;
    p->first = item->next;
    if (p->sent_last == item)
        p->sent_last = NULL;
    if (!p->first)
        p->last = NULL;
    p->bytes -= item_size(item);
    free(item);
}

void publish_free(struct vg_bus *bus)
{
    while (bus->publishes.first)
        first_remove(&bus->publishes);
    gauge_tell(&bus->publishes);
}

/* Replies come in the order of the commands, so this one is for the first. */
static void on_published(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct vg_bus *bus = arg;
    struct bus_publishes *p = &bus->publishes;
    const redisReply *r = reply;
    if (!r || !p->first || p->first == p->unsent)
        return; /* the connection is lost: publish_down() starts again */
    p->sent_bytes -= item_size(p->first);
    first_remove(p);
    if (r->type == REDIS_REPLY_ERROR)
        vg_count(bus_dropped_total);
    else
        vg_count(bus_published_total);
    if (p->unsent && p->sent_bytes < SENT_BYTES_MAX / 2)
        bus_link_want_write(bus->commands);
    else if (!p->first)
        gauge_tell(p);
}

void publish_flush(struct vg_bus *bus)
{
    struct bus_publishes *p = &bus->publishes;
    while (p->unsent && p->sent_bytes < SENT_BYTES_MAX) {
        struct publish_item *item = p->unsent;
        const char *argv[] = {"PUBLISH", item->text, item->text + item->channel_bytes};
        size_t bytes[] = {7, item->channel_bytes, item->payload_bytes};
        if (bus_link_send(bus->commands, on_published, bus, 3, argv, bytes) != VG_OK)
            break;
        p->sent_bytes += item_size(item);
        p->unsent = item->next;
        p->sent_last = item;
    }
    gauge_tell(p);
}

void publish_down(struct vg_bus *bus)
{
    bus->publishes.unsent = bus->publishes.first;
    bus->publishes.sent_last = NULL;
    bus->publishes.sent_bytes = 0;
}

/* Drops the oldest event that is not on its way. The ones that are stand before it. */
static void oldest_drop(struct bus_publishes *p)
{
    struct publish_item *item = p->unsent;
    if (p->first == item) {
        p->unsent = item->next;
        first_remove(p);
    } else {
        struct publish_item *before = p->sent_last;
        before->next = p->unsent = item->next;
        if (p->last == item)
            p->last = before;
        p->bytes -= item_size(item);
        free(item);
    }
    vg_count(bus_dropped_total);
}

void vg_bus_publish(struct vg_bus *bus, const char *channel, const char *payload, size_t bytes)
{
    struct bus_publishes *p = &bus->publishes;
    size_t channel_bytes = strlen(channel), size = sizeof(struct publish_item) + channel_bytes + bytes;
    while (p->unsent && p->bytes + size > p->bytes_max)
        oldest_drop(p);
    struct publish_item *item = p->bytes + size <= p->bytes_max ? malloc(size) : NULL;
    if (!item) {
        vg_count(bus_dropped_total);
        return;
    }
    item->next = NULL;
    item->channel_bytes = channel_bytes;
    item->payload_bytes = bytes;
    memcpy(item->text, channel, channel_bytes);
    memcpy(item->text + channel_bytes, payload, bytes);
    *(p->last ? &p->last->next : &p->first) = item;
    p->last = item;
    p->bytes += size;
    if (!p->unsent)
        p->unsent = item;
    bus_link_want_write(bus->commands);
    if (!bus_link_is_up(bus->commands))
        gauge_tell(p);
}
