/* The metrics registry: lock-free updates here, the text format in metrics_write.c.
 *
 * Each metric owns a small open-addressed table of atomic slots that point to its series (one a pair of label
 * values). Series come from fixed pools and live as long as the process, so a reader needs no lock. Counters
 * and histograms are sharded by thread; a reader adds the shards up. Start with series_find(). */
#include "obs/metrics.h"

#include <math.h>
#include <string.h>

#include "obs/metrics_internal.h"

enum { SERIES_POOL = 4096, HISTOGRAM_POOL = 384 };

const struct metric_def vg_metric_defs[VG_METRIC_COUNT] = {
#define VG_METRIC(id_, name_, type_, label1_, label2_, help_)                                                \
    {.name = (name_), .type = METRIC_##type_, .label = {(label1_), (label2_)}, .help = (help_)},
#include "obs/metrics_table.inc"
#undef VG_METRIC
};

static struct {
    struct metric_family family[VG_METRIC_COUNT];
    struct metric_series series[SERIES_POOL];
    atomic_uint series_used; /* relaxed: a bump allocator; a series is published by its slot */
    struct metric_histogram histogram[HISTOGRAM_POOL];
    atomic_uint histograms_used; /* relaxed, likewise */
    struct metric_series lost;   /* takes what no pool has room for; never shown */
    atomic_uint threads;         /* relaxed: hands out shards */
} registry;

struct metric_family *metric_family_of(enum vg_metric m)
{
    return &registry.family[m];
}

/* The calling thread's shard, given out in turn. */
static unsigned shard_here(void)
{
    static _Thread_local unsigned shard_plus_one;
    if (shard_plus_one == 0)
        shard_plus_one =
            1 + atomic_fetch_add_explicit(&registry.threads, 1, memory_order_relaxed) % METRIC_SHARDS;
    return shard_plus_one - 1;
}

/* Copies a label value, cut to the bound and to printable ASCII (so that equal text is one series, and the
 * exposition stays valid UTF-8 whatever a peer sent); mixes it into the FNV-1a `hash`. */
static uint32_t label_copy(char out[METRIC_LABEL_SIZE], const char *value, uint32_t hash)
{
    unsigned n = 0;
    for (; value && value[n] != '\0' && n < METRIC_LABEL_SIZE - 1; n++) {
        unsigned char c = (unsigned char)value[n];
        out[n] = c >= 0x20 && c < 0x7f ? (char)c : '?';
        hash = (hash ^ (unsigned char)out[n]) * 16777619u;
    }
    memset(out + n, 0, METRIC_LABEL_SIZE - n);
    return (hash ^ 0xffu) * 16777619u;
}

static struct metric_series *series_take(void)
{
    unsigned i = atomic_fetch_add_explicit(&registry.series_used, 1, memory_order_relaxed);
    if (i < SERIES_POOL)
        return &registry.series[i];
    atomic_fetch_sub_explicit(&registry.series_used, 1, memory_order_relaxed);
    return NULL;
}

/* Finds or adds the series of `labels`. NULL: the metric's bound, or the pool's, is reached. `beyond` lets
 * the series "other" in although the bound is reached. */
static struct metric_series *series_probe(struct metric_family *f, char labels[2][METRIC_LABEL_SIZE],
                                          uint32_t hash, bool beyond)
{
    struct metric_series *fresh = NULL;
    for (unsigned i = 0; i < METRIC_SLOTS; i++) {
        _Atomic(struct metric_series *) *slot = &f->slot[(hash + i) % METRIC_SLOTS];
        /* Acquire pairs with the release of the exchange below: the labels are written before. */
        struct metric_series *s = atomic_load_explicit(slot, memory_order_acquire);
        if (!s) {
            if (!beyond && atomic_load_explicit(&f->count, memory_order_relaxed) >= METRIC_SERIES_MAX)
                return NULL;
            fresh = fresh ? fresh : series_take();
            if (!fresh)
                return NULL;
            memcpy(fresh->label, labels, sizeof fresh->label);
            if (atomic_compare_exchange_strong_explicit(slot, &s, fresh, memory_order_acq_rel,
                                                        memory_order_acquire)) {
                atomic_fetch_add_explicit(&f->count, 1, memory_order_relaxed);
                return fresh;
            }
        }
        if (memcmp(s->label, labels, sizeof s->label) == 0)
            return s; /* `fresh`, if any, stays unused: two threads met once, it is not worth a free list */
    }
    return NULL;
}

static struct metric_series *series_find(enum vg_metric m, const char *label1, const char *label2)
{
    const struct metric_def *def = &vg_metric_defs[m];
    struct metric_family *f = &registry.family[m];
    if (!def->label[0])
        return &f->plain;
    char labels[2][METRIC_LABEL_SIZE];
    uint32_t hash = label_copy(labels[0], label1, 2166136261u);
    hash = label_copy(labels[1], def->label[1] ? label2 : NULL, hash);
    struct metric_series *s = series_probe(f, labels, hash, false);
    if (s)
        return s;
    hash = label_copy(labels[0], "other", 2166136261u);
    hash = label_copy(labels[1], def->label[1] ? "other" : NULL, hash);
    s = series_probe(f, labels, hash, true);
    return s ? s : &registry.lost;
}

void vg_metric_add(enum vg_metric m, const char *label1, const char *label2, int64_t n)
{
    struct metric_series *s = series_find(m, label1, label2);
    if (vg_metric_defs[m].type == METRIC_gauge) {
        double was = atomic_load_explicit(&s->value, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&s->value, &was, was + (double)n, memory_order_relaxed,
                                                      memory_order_relaxed)) {
        }
        return;
    }
    atomic_fetch_add_explicit(&s->shard[shard_here()].n, n, memory_order_relaxed);
}

void vg_metric_set(enum vg_metric m, const char *label1, const char *label2, double value)
{
    atomic_store_explicit(&series_find(m, label1, label2)->value, value, memory_order_relaxed);
}

static struct metric_histogram *histogram_of(struct metric_series *s)
{
    struct metric_histogram *h = atomic_load_explicit(&s->histogram, memory_order_acquire);
    if (h)
        return h;
    unsigned i = atomic_fetch_add_explicit(&registry.histograms_used, 1, memory_order_relaxed);
    if (i >= HISTOGRAM_POOL) {
        atomic_fetch_sub_explicit(&registry.histograms_used, 1, memory_order_relaxed);
        return NULL;
    }
    struct metric_histogram *fresh = &registry.histogram[i];
    if (atomic_compare_exchange_strong_explicit(&s->histogram, &h, fresh, memory_order_acq_rel,
                                                memory_order_acquire))
        return fresh;
    return h;
}

void vg_metric_observe(enum vg_metric m, const char *label1, const char *label2, int64_t value)
{
    struct metric_histogram *h = histogram_of(series_find(m, label1, label2));
    if (!h)
        return;
    struct metric_buckets buckets = metric_buckets_of(m);
    unsigned i = 0;
    while (i < buckets.count && value > buckets.bound[i])
        i++;
    struct metric_histogram_shard *shard = &h->shard[shard_here()];
    atomic_fetch_add_explicit(&shard->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->sum, value, memory_order_relaxed);
}

void vg_metric_observe_us(enum vg_metric m, const char *label1, const char *label2, int64_t us)
{
    vg_metric_observe(m, label1, label2, us);
}
