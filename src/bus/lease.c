/* Concurrency leases: a sorted set a tenant, one member a call, scored by when it runs out. Redis's own clock
 * counts, so instances need not agree about time. A lease that this instance gave while Redis was away, or
 * gave because the answer was late, is written there afterwards even above the limit: the call exists. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "bus/bus_internal.h"
#include "obs/metrics.h"

enum {
    RENEW_MEMBERS_MAX = 100, /* of one call */
    LEASE_KEY_SIZE = 160,
    MEMBER_SIZE = 192,
    TICK_MAX_US = 5 * VG_US_PER_S, /* between two looks at what is due */
};

/* KEYS: the tenant's set. ARGV: limit (-1: write in any case), ttl in ms, members. Answers {granted, in use}.
 */
static const char script_text[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local limit, ttl = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n"
    "local used = redis.call('ZCARD', KEYS[1])\n"
    "if limit >= 0 and used >= limit and not redis.call('ZSCORE', KEYS[1], ARGV[3]) then\n"
    "  return {0, used}\n"
    "end\n"
    "for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now + ttl, ARGV[i]) end\n"
    "if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end\n"
    "return {1, redis.call('ZCARD', KEYS[1])}\n";

struct lease_tenant {
    struct vg_bus *bus;
    struct lease *first;
    unsigned count;     /* held or asked for by this instance */
    unsigned in_flight; /* replies that will look at this */
    int64_t renewed_us;
    char key[LEASE_KEY_SIZE];
    char id[]; /* as the map has it */
};

struct lease {
    struct lease_tenant *tenant;
    struct lease *prev, *next;
    struct bus_deadline deadline;
    vg_lease_fn done; /* NULL: told */
    void *arg;
    uint32_t limit;
    bool asked;               /* Redis owes an answer that holds a pointer to this */
    bool held;                /* granted, by Redis or here */
    bool gone;                /* dropped or refused: freed when no answer is owed */
    char *call_id;            /* into `member` */
    char member[MEMBER_SIZE]; /* <instance id>/<call id> */
};

/* --- tenants --- */

static struct lease_tenant *tenant_find(struct vg_bus *bus, const char *id)
{
    struct lease_tenant *t = vg_map_get(bus->leases.tenants, id);
    if (t)
        return t;
    size_t n = strlen(id) + 1;
    t = calloc(1, sizeof *t + n);
    if (!t || vg_map_put(bus->leases.tenants, id, t) != VG_OK) {
        free(t);
        return NULL;
    }
    t->bus = bus;
    memcpy(t->id, id, n);
    snprintf(t->key, sizeof t->key, "voxgate:leases:{%s}", id);
    return t;
}

static void tenant_release(struct lease_tenant *t)
{
    if (t->first || t->in_flight > 0)
        return;
    vg_map_remove(t->bus->leases.tenants, t->id);
    free(t);
}

/* --- one lease --- */

/* Takes it out of its tenant; frees it now or when the answer that is owed has come. */
static void lease_end(struct lease *l)
{
    struct lease_tenant *t = l->tenant;
    if (!l->gone) {
        *(l->prev ? &l->prev->next : &t->first) = l->next;
        if (l->next)
            l->next->prev = l->prev;
        t->count--;
        l->gone = true;
        vg_map_remove(t->bus->leases.calls, l->call_id);
    }
    if (l->asked)
        return;
    free(l);
    tenant_release(t);
}

static void lease_tell(struct lease *l, bool granted, uint32_t used, bool local)
{
    vg_lease_fn done = l->done;
    void *arg = l->arg;
    struct vg_lease_result result = {.granted = granted, .limit = l->limit, .used = used, .local = local};
    l->done = NULL;
    bus_deadline_clear(&l->tenant->bus->deadlines, &l->deadline);
    l->held = granted;
    if (!granted)
        lease_end(l);
    if (done)
        done(arg, &result);
}

/* By this instance's own count, `l` among it. */
static void lease_decide_here(struct lease *l)
{
    uint32_t others = l->tenant->count - 1;
    bool granted = others < l->limit;
    vg_count1(lease_local_total, granted ? "granted" : "refused");
    lease_tell(l, granted, others + granted, true);
}

static void on_late(void *arg)
{
    lease_decide_here(arg);
}

static int lease_ask(struct lease *l);

static void on_answer(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct lease *l = arg;
    struct vg_bus *bus = l->tenant->bus;
    const redisReply *r = reply;
    if (bus_script_lost(&bus->leases.script, r) && lease_ask(l) == VG_OK)
        return;
    bool good =
        r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && r->element[0]->type == REDIS_REPLY_INTEGER;
    bool granted = good && r->element[0]->integer == 1;
    l->asked = false;
    if (l->gone) {
        if (granted)
            drop_send(bus, l->tenant->key, l->member, bus->leases.ttl_seconds);
        lease_end(l);
    } else if (l->done && good) {
        lease_tell(l, granted, (uint32_t)r->element[1]->integer, false);
    } else if (l->done) {
        lease_decide_here(l);
    }
    /* Else it was granted here when the answer was late; a renewal writes it if Redis refused. */
}

static int lease_ask(struct lease *l)
{
    char limit[VG_TEXT_INT_SIZE], ttl[VG_TEXT_INT_SIZE];
    struct vg_bus *bus = l->tenant->bus;
    vg_text_int(limit, l->limit);
    vg_text_int(ttl, 1000 * (int64_t)bus->leases.ttl_seconds);
    const char *words[] = {l->tenant->key, limit, ttl, l->member};
    l->asked = bus_script_call(bus, &bus->leases.script, on_answer, l, 1, 4, words) == VG_OK;
    return l->asked ? VG_OK : VG_EUNAVAIL;
}

/* --- keeping alive --- */

static void on_renewed(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct lease_tenant *t = arg;
    t->in_flight--;
    if (bus_script_lost(&t->bus->leases.script, reply))
        t->renewed_us = 0; /* the next tick does it again, with the text */
    tenant_release(t);
}

static void tenant_renew(struct lease_tenant *t)
{
    char ttl[VG_TEXT_INT_SIZE];
    vg_text_int(ttl, 1000 * (int64_t)t->bus->leases.ttl_seconds);
    const char *words[3 + RENEW_MEMBERS_MAX] = {t->key, "-1", ttl};
    int n = 0;
    t->renewed_us = vg_loop_now_us(t->bus->loop);
    for (struct lease *l = t->first; l; l = l->next) {
        if (l->held)
            words[3 + n++] = l->member;
        if (n == 0 || (n < RENEW_MEMBERS_MAX && l->next))
            continue;
        t->in_flight++;
        if (bus_script_call(t->bus, &t->bus->leases.script, on_renewed, t, 1, 3 + n, words) != VG_OK)
            t->in_flight--;
        n = 0;
    }
}

/* Renewing may not change the map: it only sends. */
static void tenants_renew(struct vg_bus *bus, bool all)
{
    int64_t now_us = vg_loop_now_us(bus->loop);
    struct lease_tenant *t;
    size_t cursor = 0;
    while (bus_link_is_up(bus->commands) && (t = vg_map_next(bus->leases.tenants, &cursor, NULL)))
        if (t->first &&
            (all || now_us - t->renewed_us >= (int64_t)t->bus->leases.ttl_seconds * VG_US_PER_S / 3))
            tenant_renew(t);
}

static void on_tick(void *arg)
{
    tenants_renew(arg, false);
}

void lease_up(struct vg_bus *bus)
{
    tenants_renew(bus, true);
}

/* --- the interface --- */

static struct lease *lease_new(struct vg_bus *bus, const char *tenant_id, const char *call_id)
{
    struct lease_tenant *t = tenant_find(bus, tenant_id);
    struct lease *l = t ? calloc(1, sizeof *l) : NULL;
    if (!l || vg_map_put(bus->leases.calls, call_id, l) != VG_OK) {
        free(l);
        if (t)
            tenant_release(t);
        return NULL;
    }
    size_t n =
        vg_text_join(l->member, sizeof l->member, (const char *[]){bus->instance_id, "/", call_id, NULL});
    l->call_id = l->member + n - strlen(call_id);
    l->tenant = t;
    l->next = t->first;
    if (t->first)
        t->first->prev = l;
    t->first = l;
    t->count++;
    return l;
}

void vg_bus_lease_take(struct vg_bus *bus, const char *tenant_id, const char *call_id, uint32_t limit,
                       vg_lease_fn done, void *arg)
{
    struct lease *l = vg_map_get(bus->leases.calls, call_id);
    if (l && !l->done) {
        done(arg, &(struct vg_lease_result){.granted = true, .limit = limit, .used = l->tenant->count});
        return;
    }
    l = l ? NULL : lease_new(bus, tenant_id, call_id);
    if (!l) {
        done(arg, &(struct vg_lease_result){.granted = false, .limit = limit, .local = true});
        return;
    }
    l->limit = limit;
    l->done = done;
    l->arg = arg;
    l->deadline = (struct bus_deadline){.expired = on_late, .arg = l};
    if (lease_ask(l) == VG_OK)
        bus_deadline_set(&bus->deadlines, &l->deadline, bus->budget_us);
    else
        lease_decide_here(l);
}

void vg_bus_lease_drop(struct vg_bus *bus, const char *tenant_id, const char *call_id)
{
    (void)tenant_id;
    struct lease *l = vg_map_get(bus->leases.calls, call_id);
    if (!l)
        return;
    struct lease_tenant *t = l->tenant;
    if (!l->asked)
        drop_send(bus, t->key, l->member, t->bus->leases.ttl_seconds);
    if (l->done)
        lease_tell(l, false, t->count - 1, true);
    else
        lease_end(l);
}

int lease_init(struct vg_bus *bus)
{
    bus->leases.tenants = vg_map_new();
    bus->leases.calls = vg_map_new();
    bus->leases.renew = vg_timer_new(bus->loop, on_tick, bus);
    bus->leases.script.text = script_text;
    if (!bus->leases.tenants || !bus->leases.calls || !bus->leases.renew)
        return VG_ENOMEM;
    int64_t tick_us = (int64_t)bus->leases.ttl_seconds * VG_US_PER_S / 6;
    tick_us = tick_us < TICK_MAX_US ? tick_us : TICK_MAX_US;
    vg_timer_start(bus->leases.renew, tick_us, tick_us);
    return VG_OK;
}

/* The leases themselves stay in Redis until they run out, or until their calls were dropped before. */
void lease_free(struct vg_bus *bus)
{
    size_t cursor = 0;
    struct lease_tenant *t;
    while (bus->leases.tenants && (t = vg_map_next(bus->leases.tenants, &cursor, NULL))) {
        for (struct lease *l = t->first, *next; l; l = next) {
            next = l->next;
            free(l);
        }
        free(t);
    }
    bus->leases.tenants = vg_map_free(bus->leases.tenants);
    bus->leases.calls = vg_map_free(bus->leases.calls);
    bus->leases.renew = vg_timer_free(bus->leases.renew);
}
