/* Whether a shard is so busy that a new call would be at the cost of those that are up. Plain state stepped
 * once a second; no clock, no thread of its own. */
#ifndef VG_APP_SHARD_LOAD_H
#define VG_APP_SHARD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct shard_load {
    int64_t at_us, loop_cpu_us, media_cpu_us; /* the last sample; at_us 0: none yet */
    int64_t lag_us;                           /* sum since then of how late the loop ran a timer */
    unsigned lags;
    unsigned seconds; /* in a row that speak against the present judgement */
    int share_pct;    /* of a core: the busier of the two threads in the last second */
    bool overloaded;
};

void shard_load_lag(struct shard_load *l, int64_t lag_us);
/* Once a second: CPU time that loop and media thread have used so far. Over `limit_pct` of a core, or with
 * timers that run 50 ms late in the mean, for three seconds in a row it is overloaded; below both by a margin
 * for two, it is not any more. `limit_pct` 0: never. Returns `overloaded`. */
bool shard_load_sample(struct shard_load *l, int64_t now_us, int64_t loop_cpu_us, int64_t media_cpu_us,
                       int limit_pct);

#endif
