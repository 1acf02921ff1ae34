/* What the gateway counts itself and a client cannot see: a page of /metrics, and the difference between two.
 */
#ifndef VG_CLI_BENCH_COUNTS_H
#define VG_CLI_BENCH_COUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/bench/wire.h"

enum { COUNTS_BUCKETS_MAX = 40 };

/* A histogram of Prometheus: `count[i]` values of at most `bound_s[i]`; the last bound is infinite. */
struct counted_times {
    size_t buckets;
    double bound_s[COUNTS_BUCKETS_MAX], count[COUNTS_BUCKETS_MAX];
};

struct server_counts {
    bool there;
    double frames_in, dropped, late, tick_late;
    struct counted_times to_ring, to_stt;
};

/* Blocking. `there` is false if nothing answers. */
void counts_read(struct server_counts *out, const struct wire_url *url);
void counts_parse(struct server_counts *out, const char *metrics);
/* The time that `share` (0..1) of the values between two readings did not exceed, linear within a bucket, in
 * milliseconds; the largest finite bound for what lies beyond it; 0 if there are none. */
double counts_quantile_ms(const struct counted_times *before, const struct counted_times *after,
                          double share);

#endif
