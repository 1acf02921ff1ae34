/* The arithmetic of a rate limit, apart from Redis and clocks: the sliding window over two fixed ones, and
 * the local token bucket that decides while Redis is away. Time is an argument. Any thread. */
#ifndef VG_BUS_RATE_H
#define VG_BUS_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* What two counters say at a moment: `previous` counts only for the part of its window that the sliding one
 * still covers. */
struct rate_window {
    int64_t window_us;
    int64_t elapsed_us; /* since the present fixed window began */
    int64_t current, previous;
    uint32_t limit;
};

/* Requests that the window has room for now. */
int64_t rate_window_room(const struct rate_window *w);
/* Microseconds until it has room for one; 0: it has. */
int64_t rate_window_wait_us(const struct rate_window *w);
/* Whole seconds, rounded up. */
uint32_t rate_seconds_up(int64_t us);

/* What Redis counts ahead for an instance is at most this part of what is left, and nothing where that is
 * fewer than the least: near the limit each request is asked for. */
#define RATE_AHEAD_SHARE 20
#define RATE_AHEAD_MIN   8

struct rate_bucket {
    double tokens, capacity;
    int64_t window_us; /* in which an empty bucket fills */
    int64_t at_us;     /* of `tokens`, monotonic */
};

/* Refills, and follows a changed limit; a bucket of all zeros is made full. */
void rate_bucket_turn(struct rate_bucket *b, double capacity, int64_t window_us, int64_t now_us);
/* Takes one token, as far as there is one. */
bool rate_bucket_take(struct rate_bucket *b);
/* Takes what was granted elsewhere; the bucket is never in debt. */
void rate_bucket_debit(struct rate_bucket *b, double n);
int64_t rate_bucket_wait_us(const struct rate_bucket *b);

#endif
