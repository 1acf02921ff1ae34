/* The table of calls; see registry.h. */
#include "call/registry.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "obs/metrics.h"

enum { ENDED_MAX = 1000 }; /* ended calls that are remembered; older ones are asked of PostgreSQL */

struct vg_calls {
    pthread_mutex_t lock;
    struct vg_map *entries;                          /* one reference each */
    struct vg_call_entry *ended_first, **ended_last; /* those of them that have ended, oldest first */
    size_t ended_count;
    struct vg_calls_limits limits;
    _Atomic uint32_t live, stt_streams;
};

const char *vg_call_status_name(enum vg_call_status status)
{
    static const char *const NAMES[] = {"ready", "ringing", "in_progress", "handed_off", "ended", "failed"};
    return NAMES[status];
}

struct vg_call_spec *vg_call_spec_new(void)
{
    return calloc(1, sizeof(struct vg_call_spec));
}

struct vg_call_spec *vg_call_spec_free(struct vg_call_spec *spec)
{
    if (!spec)
        return NULL;
    free(spec->metadata);
    free(spec->system_prompt);
    free(spec->greeting);
    for (uint32_t i = 0; i < spec->vocabulary_count; i++)
        free(spec->vocabulary[i]);
    free(spec->vocabulary);
    free(spec);
    return NULL;
}

struct vg_calls *vg_calls_new(const struct vg_calls_limits *limits)
{
    struct vg_calls *calls = calloc(1, sizeof *calls);
    if (!calls)
        return NULL;
    calls->entries = vg_map_new();
    if (!calls->entries) {
        free(calls);
        return NULL;
    }
    pthread_mutex_init(&calls->lock, NULL);
    calls->ended_last = &calls->ended_first;
    calls->limits = *limits;
    vg_metric_set(VG_M_stt_streams_max, NULL, NULL, limits->stt_streams_max);
    return calls;
}

struct vg_calls *vg_calls_free(struct vg_calls *calls)
{
    if (!calls)
        return NULL;
    size_t cursor = 0;
    struct vg_call_entry *e;
    while ((e = vg_map_next(calls->entries, &cursor, NULL)))
        vg_call_entry_put(e);
    vg_map_free(calls->entries);
    pthread_mutex_destroy(&calls->lock);
    free(calls);
    return NULL;
}

struct vg_call_entry *vg_call_entry_get(struct vg_call_entry *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

struct vg_shard *vg_call_owner(const struct vg_call_entry *e)
{
    /* Acquire pairs with the release in vg_calls_claim(). */
    return atomic_load_explicit(&e->owner, memory_order_acquire);
}

void vg_call_entry_put(struct vg_call_entry *e)
{
    if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    vg_call_spec_free((struct vg_call_spec *)(uintptr_t)e->spec);
    free(e);
}

/* Takes one of a bounded number. */
static bool take_one(_Atomic uint32_t *used, uint32_t max)
{
    uint32_t n = atomic_load_explicit(used, memory_order_relaxed);
    do {
        if (n >= max)
            return false;
    } while (
        !atomic_compare_exchange_weak_explicit(used, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
    return true;
}

static int take_places(struct vg_calls *calls, const struct vg_call_spec *spec)
{
    if (!take_one(&calls->live, calls->limits.calls_max)) {
        vg_count1(capacity_refused_total, "calls");
        return VG_ECAPACITY;
    }
    if (spec->stt_embedded && !take_one(&calls->stt_streams, calls->limits.stt_streams_max)) {
        atomic_fetch_sub_explicit(&calls->live, 1, memory_order_relaxed);
        vg_count1(capacity_refused_total, "stt_streams");
        return VG_ECAPACITY;
    }
    return 0;
}

static void give_places(struct vg_calls *calls, const struct vg_call_spec *spec)
{
    atomic_fetch_sub_explicit(&calls->live, 1, memory_order_relaxed);
    if (spec->stt_embedded)
        atomic_fetch_sub_explicit(&calls->stt_streams, 1, memory_order_relaxed);
    vg_metric_set(VG_M_stt_streams, NULL, NULL, vg_calls_stt_streams(calls));
    vg_metric_add(VG_M_calls_live, spec->channel, NULL, -1);
}

int vg_calls_add(struct vg_calls *calls, struct vg_call_spec *spec, struct vg_shard *home,
                 struct vg_call_entry **out)
{
    int err = take_places(calls, spec);
    if (err)
        return err;
    vg_metric_add(VG_M_calls_live, spec->channel, NULL, 1);
    vg_metric_set(VG_M_stt_streams, NULL, NULL, vg_calls_stt_streams(calls));
    struct vg_call_entry *e = calloc(1, sizeof *e);
    if (!e) {
        give_places(calls, spec);
        return VG_ENOMEM;
    }
    e->spec = spec;
    e->home = home;
    e->created_us = vg_mono_us();
    atomic_init(&e->refs, 2); /* the table's and the caller's */
    pthread_mutex_lock(&calls->lock);
    err = vg_map_put(calls->entries, spec->call_id, e);
    pthread_mutex_unlock(&calls->lock);
    if (err) {
        give_places(calls, spec);
        free(e);
        return err;
    }
    *out = e;
    return 0;
}

struct vg_call_entry *vg_calls_find(struct vg_calls *calls, const char *call_id)
{
    pthread_mutex_lock(&calls->lock);
    struct vg_call_entry *e = vg_map_get(calls->entries, call_id);
    if (e)
        vg_call_entry_get(e);
    pthread_mutex_unlock(&calls->lock);
    return e;
}

struct vg_call_snapshot vg_calls_look(struct vg_calls *calls, const struct vg_call_entry *entry)
{
    pthread_mutex_lock(&calls->lock);
    struct vg_call_snapshot s = entry->state;
    pthread_mutex_unlock(&calls->lock);
    if (s.answered_utc_us && !s.ended_utc_us)
        s.duration_us = vg_utc_us() - s.answered_utc_us;
    return s;
}

int vg_calls_claim(struct vg_calls *calls, struct vg_call_entry *entry, struct vg_shard *owner)
{
    int err = VG_ESTATE;
    pthread_mutex_lock(&calls->lock);
    if (!vg_call_owner(entry) && entry->state.status <= VG_CALL_RINGING) {
        atomic_store_explicit(&entry->owner, owner, memory_order_release);
        err = 0;
    }
    pthread_mutex_unlock(&calls->lock);
    return err;
}

void vg_calls_set_call(struct vg_calls *calls, struct vg_call_entry *entry, struct vg_call *call)
{
    pthread_mutex_lock(&calls->lock);
    entry->call = call;
    pthread_mutex_unlock(&calls->lock);
}

void vg_calls_update(struct vg_calls *calls, struct vg_call_entry *entry,
                     const struct vg_call_snapshot *state)
{
    pthread_mutex_lock(&calls->lock);
    entry->state = *state;
    pthread_mutex_unlock(&calls->lock);
}

int vg_calls_end_unclaimed(struct vg_calls *calls, struct vg_call_entry *entry, const char *reason)
{
    int err = VG_ESTATE;
    pthread_mutex_lock(&calls->lock);
    if (!vg_call_owner(entry) && entry->state.status <= VG_CALL_RINGING) {
        entry->state.status = VG_CALL_ENDED;
        entry->state.ended_utc_us = vg_utc_us();
        snprintf(entry->state.end_reason, sizeof entry->state.end_reason, "%s", reason);
        err = 0;
    }
    pthread_mutex_unlock(&calls->lock);
    return err;
}

/* Forgets the ended call that is remembered for longest. Under the lock. */
static void forget_oldest(struct vg_calls *calls)
{
    struct vg_call_entry *e = calls->ended_first;
    calls->ended_first = e->ended_next;
    if (!calls->ended_first)
        calls->ended_last = &calls->ended_first;
    calls->ended_count--;
    vg_map_remove(calls->entries, e->spec->call_id);
    vg_call_entry_put(e); /* a call that still winds up has a reference of its own */
}

bool vg_calls_release(struct vg_calls *calls, struct vg_call_entry *entry)
{
    if (atomic_exchange_explicit(&entry->released, true, memory_order_relaxed))
        return false;
    give_places(calls, entry->spec);
    pthread_mutex_lock(&calls->lock);
    *calls->ended_last = entry;
    calls->ended_last = &entry->ended_next;
    if (++calls->ended_count > ENDED_MAX)
        forget_oldest(calls);
    pthread_mutex_unlock(&calls->lock);
    return true;
}

uint32_t vg_calls_live(const struct vg_calls *calls)
{
    return atomic_load_explicit(&calls->live, memory_order_relaxed);
}

uint32_t vg_calls_stt_streams(const struct vg_calls *calls)
{
    return atomic_load_explicit(&calls->stt_streams, memory_order_relaxed);
}

size_t vg_calls_sweep(struct vg_calls *calls, const struct vg_shard *home, int64_t ended_before_us,
                      int64_t created_before_us, struct vg_call_entry **ready, size_t max)
{
    size_t n = 0, cursor = 0;
    struct vg_call_entry *e;
    pthread_mutex_lock(&calls->lock);
    while (calls->ended_first && calls->ended_first->state.ended_utc_us < ended_before_us)
        forget_oldest(calls);
    while (n < max && (e = vg_map_next(calls->entries, &cursor, NULL))) {
        if (e->home == home && !vg_call_owner(e) && e->state.status == VG_CALL_READY &&
            e->created_us < created_before_us)
            ready[n++] = vg_call_entry_get(e);
    }
    pthread_mutex_unlock(&calls->lock);
    return n;
}

size_t vg_calls_all_live(struct vg_calls *calls, struct vg_call_entry ***out)
{
    size_t n = 0, cursor = 0;
    struct vg_call_entry *e;
    pthread_mutex_lock(&calls->lock);
    *out = calloc(vg_map_count(calls->entries) + 1, sizeof **out);
    while (*out && (e = vg_map_next(calls->entries, &cursor, NULL))) {
        if (e->state.status < VG_CALL_ENDED)
            (*out)[n++] = vg_call_entry_get(e);
    }
    pthread_mutex_unlock(&calls->lock);
    return n;
}

void vg_calls_by_tenant(struct vg_calls *calls,
                        void (*visit)(void *arg, const char *tenant_id, uint32_t live), void *arg)
{
    struct vg_map *counts = vg_map_new(); /* tenant -> its count, as a pointer's value */
    if (!counts)
        return;
    size_t cursor = 0;
    struct vg_call_entry *e;
    pthread_mutex_lock(&calls->lock);
    while ((e = vg_map_next(calls->entries, &cursor, NULL))) {
        if (e->state.status >= VG_CALL_ENDED)
            continue;
        uintptr_t n = (uintptr_t)vg_map_get(counts, e->spec->tenant_id) + 1;
        if (vg_map_put(counts, e->spec->tenant_id, (void *)n))
            break;
    }
    pthread_mutex_unlock(&calls->lock);
    const char *tenant;
    void *value;
    for (cursor = 0; (value = vg_map_next(counts, &cursor, &tenant));)
        visit(arg, tenant, (uint32_t)(uintptr_t)value);
    vg_map_free(counts);
}
