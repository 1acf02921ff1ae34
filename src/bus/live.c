/* Live call state: one key a call, written when it changes, kept alive in pipelined batches, and all of it
 * again when Redis comes back. Changes of one loop turn are one write; a call has one write on its way at
 * most, so that a slow Redis makes nothing pile up. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "bus/bus_internal.h"

#define TTL_TEXT VG_TEXT_OF(BUS_LIVE_TTL_SECONDS)

enum {
    RENEW_TICK_US = VG_US_PER_S,
    RENEW_AFTER_US = BUS_LIVE_TTL_SECONDS / 3 * VG_US_PER_S,
    RENEW_BATCH = 1000, /* of one tick */
    KEY_SIZE = 160,
};

/* On the list of dirty ones, or of those written, or on its way and on none. */
enum live_place { LIVE_DIRTY, LIVE_WRITTEN, LIVE_SENT };

struct live {
    struct vg_bus *bus;
    struct live *prev, *next;
    enum live_place place;
    bool changed; /* while it was on its way */
    bool dropped; /* while it was on its way: freed by the reply */
    int64_t written_us;
    char *json;
    vg_live_put_fn done; /* who waits for its next write; NULL: nobody */
    void *arg;
    struct bus_deadline deadline; /* of that */
    char key[KEY_SIZE];           /* of Redis */
};

static void live_key(char out[KEY_SIZE], const char *call_id)
{
    vg_text_join(out, KEY_SIZE, (const char *[]){"voxgate:call:{", call_id, "}", NULL});
}

static void list_remove(struct live *l)
{
    struct bus_lives *all = &l->bus->lives;
    if (l->place == LIVE_SENT)
        return;
    struct live **head = l->place == LIVE_DIRTY ? &all->dirty : &all->oldest;
    *(l->prev ? &l->prev->next : head) = l->next;
    if (l->next)
        l->next->prev = l->prev;
    else if (l->place == LIVE_WRITTEN)
        all->newest = l->prev;
    l->prev = l->next = NULL;
    l->place = LIVE_SENT;
}

/* Puts it, on no list, on the list of dirty ones. */
static void make_dirty(struct live *l)
{
    struct bus_lives *all = &l->bus->lives;
    l->place = LIVE_DIRTY;
    l->prev = NULL;
    l->next = all->dirty;
    if (all->dirty)
        all->dirty->prev = l;
    all->dirty = l;
    bus_link_want_write(l->bus->commands);
}

static void make_written(struct live *l)
{
    struct bus_lives *all = &l->bus->lives;
    l->place = LIVE_WRITTEN;
    l->written_us = vg_loop_now_us(l->bus->loop);
    l->next = NULL;
    l->prev = all->newest;
    *(all->newest ? &all->newest->next : &all->oldest) = l;
    all->newest = l;
}

/* Tells who waits for the write, if anybody does. */
static void live_tell(struct live *l, int err)
{
    vg_live_put_fn done = l->done;
    l->done = NULL;
    bus_deadline_clear(&l->bus->deadlines, &l->deadline);
    if (done)
        done(l->arg, err);
}

static void on_put_late(void *arg)
{
    live_tell(arg, VG_ETIMEOUT);
}

static void live_one_free(struct live *l)
{
    free(l->json);
    free(l);
}

static void on_written(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct live *l = arg;
    const redisReply *r = reply;
    /* An EXPIRE that found nothing answers 0: the key was lost, so it is written again. */
    bool kept = r && r->type != REDIS_REPLY_ERROR && !(r->type == REDIS_REPLY_INTEGER && r->integer == 0);
    bool changed = l->changed;
    l->changed = false;
    if (l->dropped) {
        live_one_free(l);
        return;
    }
    if (r && kept && !changed)
        make_written(l);
    else if (r && r->type == REDIS_REPLY_ERROR)
        make_written(l); /* refused (out of memory): the next renewal tries again */
    else
        make_dirty(l);
    live_tell(l, kept ? VG_OK : VG_EUNAVAIL);
}

static void live_write(struct live *l)
{
    const char *argv[] = {"SET", l->key, l->json, "EX", TTL_TEXT};
    list_remove(l);
    if (bus_send(l->bus, on_written, l, 5, argv) != VG_OK)
        make_dirty(l);
}

void live_flush(struct vg_bus *bus)
{
    while (bus->lives.dirty && bus_link_is_up(bus->commands)) {
        struct live *l = bus->lives.dirty;
        live_write(l);
        if (l->place == LIVE_DIRTY)
            return; /* not taken */
    }
}

void live_up(struct vg_bus *bus)
{
    while (bus->lives.oldest) {
        struct live *l = bus->lives.oldest;
        list_remove(l);
        make_dirty(l);
    }
    live_flush(bus);
}

static void on_renew(void *arg)
{
    struct vg_bus *bus = arg;
    int64_t now_us = vg_loop_now_us(bus->loop);
    for (int n = 0; n < RENEW_BATCH && bus_link_is_up(bus->commands); n++) {
        struct live *l = bus->lives.oldest;
        if (!l || now_us - l->written_us < RENEW_AFTER_US)
            return;
        const char *argv[] = {"EXPIRE", l->key, TTL_TEXT};
        list_remove(l);
        if (bus_send(bus, on_written, l, 3, argv) != VG_OK)
            make_dirty(l);
    }
}

int live_init(struct vg_bus *bus)
{
    bus->lives.calls = vg_map_new();
    bus->lives.renew = vg_timer_new(bus->loop, on_renew, bus);
    if (!bus->lives.calls || !bus->lives.renew)
        return VG_ENOMEM;
    vg_timer_start(bus->lives.renew, RENEW_TICK_US, RENEW_TICK_US);
    return VG_OK;
}

void live_free(struct vg_bus *bus)
{
    size_t cursor = 0;
    struct live *l;
    while (bus->lives.calls && (l = vg_map_next(bus->lives.calls, &cursor, NULL)))
        live_one_free(l);
    bus->lives.calls = vg_map_free(bus->lives.calls);
    bus->lives.renew = vg_timer_free(bus->lives.renew);
}

/* NULL without memory. */
static struct live *live_set(struct vg_bus *bus, const char *call_id, const char *json)
{
    struct live *l = vg_map_get(bus->lives.calls, call_id);
    char *copy = strdup(json);
    if (!copy)
        return NULL;
    if (!l) {
        l = calloc(1, sizeof *l);
        if (!l || vg_map_put(bus->lives.calls, call_id, l) != VG_OK) {
            free(l);
            free(copy);
            return NULL;
        }
        l->bus = bus;
        live_key(l->key, call_id);
        make_dirty(l);
    } else if (l->place == LIVE_WRITTEN) {
        list_remove(l);
        make_dirty(l);
    } else if (l->place == LIVE_SENT) {
        l->changed = true;
    }
    free(l->json);
    l->json = copy;
    return l;
}

void vg_bus_live_put(struct vg_bus *bus, const char *call_id, const char *json)
{
    (void)!live_set(bus, call_id, json);
}

void vg_bus_live_put_then(struct vg_bus *bus, const char *call_id, const char *json, vg_live_put_fn done,
                          void *arg)
{
    struct live *l = live_set(bus, call_id, json);
    if (!l || !bus_link_is_up(bus->commands)) {
        done(arg, l ? VG_EUNAVAIL : VG_ENOMEM);
        return;
    }
    l->done = done;
    l->arg = arg;
    l->deadline = (struct bus_deadline){.expired = on_put_late, .arg = l};
    bus_deadline_set(&bus->deadlines, &l->deadline, bus->budget_us);
}

void vg_bus_live_drop(struct vg_bus *bus, const char *call_id)
{
    struct live *l = vg_map_remove(bus->lives.calls, call_id);
    if (!l)
        return;
    live_tell(l, VG_EUNAVAIL);
    drop_send(bus, l->key, NULL, BUS_LIVE_TTL_SECONDS); /* after the SET that may be on its way */
    if (l->place == LIVE_SENT) {
        l->dropped = true;
        return;
    }
    list_remove(l);
    live_one_free(l);
}

/* --- reading --- */

struct live_get {
    struct vg_bus *bus;
    struct bus_deadline deadline;
    vg_live_fn done; /* NULL: it was told already */
    void *arg;
};

static void get_tell(struct live_get *get, int err, const char *json)
{
    vg_live_fn done = get->done;
    get->done = NULL;
    bus_deadline_clear(&get->bus->deadlines, &get->deadline);
    if (done)
        done(get->arg, err, json);
}

static void on_get_late(void *arg)
{
    get_tell(arg, VG_ETIMEOUT, NULL);
}

static void on_got(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct live_get *get = arg;
    const redisReply *r = reply;
    if (r && r->type == REDIS_REPLY_STRING)
        get_tell(get, VG_OK, r->str);
    else
        get_tell(get, r && r->type == REDIS_REPLY_NIL ? VG_OK : VG_EUNAVAIL, NULL);
    free(get);
}

void vg_bus_live_get(struct vg_bus *bus, const char *call_id, vg_live_fn done, void *arg)
{
    char key[KEY_SIZE];
    live_key(key, call_id);
    const char *argv[] = {"GET", key};
    struct live_get *get = calloc(1, sizeof *get);
    if (get)
        *get = (struct live_get){
            .bus = bus, .done = done, .arg = arg, .deadline = {.expired = on_get_late, .arg = get}};
    if (!get || bus_send(bus, on_got, get, 2, argv) != VG_OK) {
        free(get);
        done(arg, VG_EUNAVAIL, NULL);
        return;
    }
    bus_deadline_set(&bus->deadlines, &get->deadline, 5 * bus->budget_us);
}
