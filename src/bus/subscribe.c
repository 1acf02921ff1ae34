/* Events in, on a connection of its own that is made with the first subscription. */
#include <string.h>

#include "bus/bus_internal.h"

struct subscription {
    vg_bus_message_fn fn;
    void *arg;
};

int subscribe_init(struct vg_bus *bus)
{
    bus->subscriptions = vg_map_new();
    return bus->subscriptions ? VG_OK : VG_ENOMEM;
}

void subscribe_free(struct vg_bus *bus)
{
    size_t cursor = 0;
    struct subscription *s;
    while (bus->subscriptions && (s = vg_map_next(bus->subscriptions, &cursor, NULL)))
        free(s);
    bus->subscriptions = vg_map_free(bus->subscriptions);
}

/* hiredis gives confirmations (integer) and messages (string) to the same function. */
static void on_message(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct vg_bus *bus = arg;
    const redisReply *r = reply;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 3 || r->element[2]->type != REDIS_REPLY_STRING)
        return;
    const struct subscription *s = vg_map_get(bus->subscriptions, r->element[1]->str);
    if (s)
        s->fn(s->arg, r->element[1]->str, r->element[2]->str, r->element[2]->len);
}

static void subscribe_send(struct vg_bus *bus, const char *command, const char *channel)
{
    const char *argv[] = {command, channel};
    size_t bytes[] = {strlen(command), strlen(channel)};
    redisCallbackFn *fn = *command == 'S' ? on_message : NULL;
    if (bus_link_send(bus->subscriber, fn, bus, 2, argv, bytes) != VG_OK)
        return; /* away: subscribe_up() sends what is wanted then */
}

void subscribe_up(void *arg)
{
    struct vg_bus *bus = arg;
    size_t cursor = 0;
    const char *channel;
    while (vg_map_next(bus->subscriptions, &cursor, &channel))
        subscribe_send(bus, "SUBSCRIBE", channel);
}

int vg_bus_subscribe(struct vg_bus *bus, const char *channel, vg_bus_message_fn fn, void *arg)
{
    if (!channel || !*channel || !fn)
        return VG_EINVAL;
    if (vg_map_get(bus->subscriptions, channel))
        return VG_EEXIST;
    struct subscription *s = malloc(sizeof *s);
    if (!s)
        return VG_ENOMEM;
    *s = (struct subscription){.fn = fn, .arg = arg};
    int err = vg_map_put(bus->subscriptions, channel, s);
    if (err) {
        free(s);
        return err;
    }
    bus_link_start(bus->subscriber);
    subscribe_send(bus, "SUBSCRIBE", channel);
    return VG_OK;
}

void vg_bus_unsubscribe(struct vg_bus *bus, const char *channel)
{
    struct subscription *s = vg_map_remove(bus->subscriptions, channel);
    if (!s)
        return;
    free(s);
    subscribe_send(bus, "UNSUBSCRIBE", channel);
}
