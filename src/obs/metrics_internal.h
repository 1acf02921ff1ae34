/* What metrics.c (updates) and metrics_write.c (the exposition) share. Not for other rooms. */
#ifndef VG_OBS_METRICS_INTERNAL_H
#define VG_OBS_METRICS_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "obs/metrics.h"

enum {
    METRIC_SHARDS = 8,  /* threads beyond this share; a counter is right all the same */
    METRIC_SLOTS = 256, /* twice the bound, so that a probe stays short */
    METRIC_SERIES_MAX = 128,
    METRIC_LABEL_SIZE = 64,
    METRIC_BUCKETS_MAX = 16,
};

enum metric_type { METRIC_counter, METRIC_gauge, METRIC_histogram };

struct metric_def {
    const char *name;
    enum metric_type type;
    const char *label[2];
    const char *help;
};

/* Upper bounds in the unit of the observations: microseconds, or a plain count. */
struct metric_buckets {
    const int64_t *bound;
    unsigned count;
    double unit; /* of one observation in the exported unit */
};

struct metric_histogram_shard {
    _Alignas(64) _Atomic int64_t bucket[METRIC_BUCKETS_MAX + 1]; /* ATOMIC: relaxed, not cumulative */
    _Atomic int64_t sum;                                         /* ATOMIC: relaxed */
};

struct metric_histogram {
    struct metric_histogram_shard shard[METRIC_SHARDS];
};

struct metric_counter_shard {
    _Alignas(64) _Atomic int64_t n; /* ATOMIC: relaxed */
};

struct metric_series {
    char label[2][METRIC_LABEL_SIZE];             /* RO once a slot points here */
    _Atomic double value;                         /* ATOMIC: relaxed; a gauge, or what a counter was set to */
    _Atomic(struct metric_histogram *) histogram; /* ATOMIC: acquire/release; NULL until observed */
    struct metric_counter_shard shard[METRIC_SHARDS];
};

struct metric_family {
    struct metric_series plain; /* the only series of a metric without labels */
    atomic_uint count;          /* ATOMIC: relaxed; slots in use */
    _Atomic(struct metric_series *) slot[METRIC_SLOTS];
};

extern const struct metric_def vg_metric_defs[VG_METRIC_COUNT];
struct metric_family *metric_family_of(enum vg_metric m);
struct metric_buckets metric_buckets_of(enum vg_metric m);
/* Sets the process_* metrics and those read from base. */
void metrics_process_read(void);

#endif
