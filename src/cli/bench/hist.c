/* Log-linear histograms; see hist.h. */
#include "cli/bench/hist.h"

enum { SUB_BITS = 5, SUB = 1 << SUB_BITS, LARGEST_US = (1 << 27) - 1 };

static unsigned index_of(int64_t us)
{
    uint64_t v = us < 0 ? 0 : us > LARGEST_US ? LARGEST_US : (uint64_t)us;
    if (v < SUB)
        return (unsigned)v;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(v);
    return (exponent - SUB_BITS + 1) * SUB + (unsigned)((v >> (exponent - SUB_BITS)) - SUB);
}

/* The largest duration that falls into bucket `i`. */
static int64_t upper_us(unsigned i)
{
    if (i < SUB)
        return i;
    unsigned shift = i / SUB - 1;
    return (int64_t)((uint64_t)(i % SUB + SUB + 1) << shift) - 1;
}

void hist_add(struct hist *h, int64_t us)
{
    h->n++;
    h->bucket[index_of(us)]++;
    if (us > h->max_us)
        h->max_us = us;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    into->n += from->n;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

int64_t hist_quantile_us(const struct hist *h, double share)
{
    uint64_t rank = (uint64_t)(share * (double)h->n + 0.999999), seen = 0;
    if (h->n == 0)
        return 0;
    if (rank < 1)
        rank = 1;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank)
            return upper_us(i) < h->max_us ? upper_us(i) : h->max_us;
    }
    return h->max_us;
}
