/* Removals that must not be lost: what was given up while Redis was away would otherwise stand there until
 * its time runs out. A removal is kept until Redis has answered it. */
#include <string.h>

#include "bus/bus_internal.h"

enum { DROPS_MAX = 16384 };

struct drop_item {
    struct vg_bus *bus;
    struct drop_item *prev, *next;
    int64_t until_us; /* monotonic; then it is gone by itself */
    char *member;     /* into `key`; NULL: the key itself is removed */
    char key[];
};

static void drop_remove(struct drop_item *item)
{
    struct bus_drops *all = &item->bus->drops;
    *(item->prev ? &item->prev->next : &all->first) = item->next;
    *(item->next ? &item->next->prev : &all->last) = item->prev;
    all->count--;
    free(item);
}

static void on_dropped(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct drop_item *item = arg;
    if (reply)
        drop_remove(item);
}

static void drop_try(struct drop_item *item)
{
    const char *one[] = {"DEL", item->key};
    const char *member[] = {"ZREM", item->key, item->member};
    int err = item->member ? bus_send(item->bus, on_dropped, item, 3, member)
                           : bus_send(item->bus, on_dropped, item, 2, one);
    (void)err; /* away: drop_up() tries again */
}

void drop_send(struct vg_bus *bus, const char *key, const char *member, unsigned ttl_seconds)
{
    struct bus_drops *all = &bus->drops;
    size_t key_bytes = strlen(key) + 1, member_bytes = member ? strlen(member) + 1 : 0;
    struct drop_item *item =
        all->count < DROPS_MAX ? calloc(1, sizeof *item + key_bytes + member_bytes) : NULL;
    if (!item)
        return; /* it runs out by itself */
    item->bus = bus;
    item->until_us = vg_loop_now_us(bus->loop) + (int64_t)ttl_seconds * 1000000;
    memcpy(item->key, key, key_bytes);
    if (member)
        item->member = memcpy(item->key + key_bytes, member, member_bytes);
    item->prev = all->last;
    *(all->last ? &all->last->next : &all->first) = item;
    all->last = item;
    all->count++;
    drop_try(item);
}

void drop_up(struct vg_bus *bus)
{
    int64_t now_us = vg_loop_now_us(bus->loop);
    for (struct drop_item *item = bus->drops.first, *next; item; item = next) {
        next = item->next;
        if (item->until_us < now_us)
            drop_remove(item);
        else
            drop_try(item);
    }
}

void drop_free(struct vg_bus *bus)
{
    while (bus->drops.first)
        drop_remove(bus->drops.first);
}
