/* See rate.h. */
#include "bus/rate.h"

#include "base/clock.h"

static double weight(const struct rate_window *w)
{
    double left = (double)(w->window_us - w->elapsed_us) / (double)w->window_us;
    return left < 0 ? 0 : left > 1 ? 1 : left;
}

int64_t rate_window_room(const struct rate_window *w)
{
    double room = (double)w->limit - (double)w->current - (double)w->previous * weight(w);
    return room < 1 ? 0 : (int64_t)room;
}

/* When a count that falls evenly from `count` at the start of a window to 0 at its end reaches `target`. */
static int64_t falls_to_us(int64_t count, int64_t target, int64_t window_us)
{
    if (count <= target)
        return 0;
    double share = 1 - (double)target / (double)count;
    return (int64_t)(share * (double)window_us) + 1;
}

int64_t rate_window_wait_us(const struct rate_window *w)
{
    if (rate_window_room(w) > 0)
        return 0;
    if (w->limit == 0)
        return w->window_us; /* never; asking again makes no sense before long */
    int64_t target = (int64_t)w->limit - 1;
    if (w->current <= target) {
        int64_t at_us = falls_to_us(w->previous, target - w->current, w->window_us);
        return at_us > w->elapsed_us ? at_us - w->elapsed_us : 1;
    }
    return w->window_us - w->elapsed_us + falls_to_us(w->current, target, w->window_us);
}

uint32_t rate_seconds_up(int64_t us)
{
    return (uint32_t)((us + VG_US_PER_S - 1) / VG_US_PER_S);
}

void rate_bucket_turn(struct rate_bucket *b, double capacity, int64_t window_us, int64_t now_us)
{
    if (b->capacity == 0)
        b->tokens = capacity;
    else if (capacity != b->capacity)
        b->tokens *= capacity / b->capacity;
    else if (now_us > b->at_us)
        b->tokens += capacity * (double)(now_us - b->at_us) / (double)window_us;
    if (b->tokens > capacity)
        b->tokens = capacity;
    b->capacity = capacity;
    b->window_us = window_us;
    b->at_us = now_us;
}

bool rate_bucket_take(struct rate_bucket *b)
{
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}

void rate_bucket_debit(struct rate_bucket *b, double n)
{
    b->tokens = b->tokens > n ? b->tokens - n : 0;
}

int64_t rate_bucket_wait_us(const struct rate_bucket *b)
{
    if (b->tokens >= 1)
        return 0;
    return (int64_t)((1 - b->tokens) / b->capacity * (double)b->window_us) + 1;
}
