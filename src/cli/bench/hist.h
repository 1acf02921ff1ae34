/* Histograms of durations for `voxgate bench`: 32 buckets for each power of two, so that a quantile is right
 * to 3 %, from 1 us to a minute. Plain data: one thread fills it, another merges it when the first is done.
 */
#ifndef VG_CLI_BENCH_HIST_H
#define VG_CLI_BENCH_HIST_H

#include <stdint.h>

enum { HIST_BUCKETS = 736 };

struct hist {
    uint64_t n;
    int64_t max_us;
    uint32_t bucket[HIST_BUCKETS];
};

/* Durations below 0 count as 0. */
void hist_add(struct hist *h, int64_t us);
void hist_merge(struct hist *into, const struct hist *from);
/* The duration that `share` (0..1) of the values do not exceed, 0 if there are none. */
int64_t hist_quantile_us(const struct hist *h, double share);

#endif
