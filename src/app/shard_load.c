/* Load of a shard; see shard_load.h. */
#include "app/shard_load.h"

enum {
    HOT_LAG_US = 50000,
    COOL_LAG_US = 25000,
    COOL_MARGIN_PCT = 10,
    HOT_SECONDS = 3, /* a burst of arrivals is no load */
    COOL_SECONDS = 2,
};

void shard_load_lag(struct shard_load *l, int64_t lag_us)
{
    l->lag_us += lag_us;
    l->lags++;
}

static bool is_hot(const struct shard_load *l, int64_t lag_us, int limit_pct)
{
    if (l->overloaded)
        return l->share_pct > limit_pct - COOL_MARGIN_PCT || lag_us > COOL_LAG_US;
    return l->share_pct >= limit_pct || lag_us >= HOT_LAG_US;
}

static void judge(struct shard_load *l, bool hot)
{
    if (hot == l->overloaded) {
        l->seconds = 0;
        return;
    }
    if (++l->seconds < (hot ? HOT_SECONDS : COOL_SECONDS))
        return;
    l->overloaded = hot;
    l->seconds = 0;
}

bool shard_load_sample(struct shard_load *l, int64_t now_us, int64_t loop_cpu_us, int64_t media_cpu_us,
                       int limit_pct)
{
    if (l->at_us && now_us > l->at_us) {
        int64_t loop_us = loop_cpu_us - l->loop_cpu_us;
        int64_t media_us = media_cpu_us - l->media_cpu_us;
        l->share_pct = (int)((loop_us > media_us ? loop_us : media_us) * 100 / (now_us - l->at_us));
        judge(l, limit_pct > 0 && is_hot(l, l->lags ? l->lag_us / l->lags : 0, limit_pct));
    }
    l->at_us = now_us;
    l->loop_cpu_us = loop_cpu_us;
    l->media_cpu_us = media_cpu_us;
    l->lag_us = 0;
    l->lags = 0;
    return l->overloaded;
}
