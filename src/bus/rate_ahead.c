/* Requests of a busy key that Redis has counted before they came, so that they are answered at once: the
 * script grants as many as the key saw in a tenth of a second, up to a share of what is left, and they are
 * used up here. What is counted is counted for all instances, so the limit is never passed; what is not used
 * within three tenths of a second is given back, with the next call or by the timer. See rate_key.h. */
#include "bus/rate_key.h"

#include "base/clock.h"

enum { SLICE_US = 100000 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void slice_turn(struct rate_ahead *a, int64_t now_us)
{
    int64_t passed_us = now_us - a->slice_us;
    if (passed_us < SLICE_US)
        return;
    a->used_before = passed_us < 2 * SLICE_US ? a->used : 0;
    a->used = 0;
    a->slice_us = now_us;
}

void rate_ahead_seen(struct rate_key *k)
{
    slice_turn(&k->ahead, vg_loop_now_us(k->bus->loop));
    k->ahead.used++;
}

/* What a tenth of a second takes; 0 where that is too few to be worth it. */
static int64_t pace(const struct rate_ahead *a)
{
    int64_t n = larger(a->used, a->used_before);
    return n < RATE_AHEAD_MIN ? 0 : n;
}

int64_t rate_ahead_wish(const struct rate_key *k)
{
    return larger(0, pace(&k->ahead) - k->ahead.in_hand);
}

/* Puts what is left on the debt, to be given back. */
static void give_back(struct rate_key *k, int64_t n)
{
    k->ahead.in_hand -= n;
    rate_debt_add(&k->debt, k->ahead.window, k->window_seconds, -n);
    if (bus_link_is_up(k->bus->commands))
        rate_key_mark(k);
}

bool rate_ahead_take(struct rate_key *k, struct vg_rate_result *result, bool *low)
{
    struct rate_ahead *a = &k->ahead;
    if (a->in_hand == 0)
        return false;
    int64_t elapsed_us;
    if (rate_window_now(k->window_seconds, &elapsed_us) != a->window) {
        give_back(k, a->in_hand);
        return false;
    }
    a->in_hand--;
    a->taken++;
    *result = rate_key_result(k, true, a->current - a->in_hand, a->previous, elapsed_us);
    int64_t share = result->remaining / RATE_AHEAD_SHARE;
    *low = share >= RATE_AHEAD_MIN && a->in_hand < smaller(pace(a), share) / 2;
    return true;
}

static void on_timer(void *arg)
{
    struct vg_bus *bus = arg;
    int64_t elapsed_us;
    for (struct rate_key **at = &bus->rates.ahead; *at;) {
        struct rate_key *k = *at;
        struct rate_ahead *a = &k->ahead;
        slice_turn(a, vg_loop_now_us(bus->loop));
        bool old = rate_window_now(k->window_seconds, &elapsed_us) != a->window;
        int64_t excess = a->in_hand - (old ? 0 : pace(a));
        if (excess > 0)
            give_back(k, excess);
        if (a->in_hand > 0) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        a->listed = false;
    }
    if (!bus->rates.ahead)
        vg_timer_stop(bus->rates.ahead_timer);
}

void rate_ahead_got(struct rate_key *k, int64_t n, int64_t current, int64_t previous)
{
    struct rate_ahead *a = &k->ahead;
    if (a->in_hand > 0 && a->window != k->asked_debt.window)
        give_back(k, a->in_hand);
    a->window = k->asked_debt.window;
    a->in_hand += n;
    a->current = current;
    a->previous = previous;
    if (a->listed || n == 0)
        return;
    struct bus_rates *all = &k->bus->rates;
    if (!all->ahead)
        vg_timer_start(all->ahead_timer, SLICE_US, SLICE_US);
    a->next = all->ahead;
    a->listed = true;
    all->ahead = k;
}

void rate_ahead_forget(struct rate_key *k)
{
    k->ahead.in_hand = 0;
}

int rate_ahead_init(struct vg_bus *bus)
{
    bus->rates.ahead_timer = vg_timer_new(bus->loop, on_timer, bus);
    return bus->rates.ahead_timer ? VG_OK : VG_ENOMEM;
}

void rate_ahead_free(struct vg_bus *bus)
{
    bus->rates.ahead = NULL;
    bus->rates.ahead_timer = vg_timer_free(bus->rates.ahead_timer);
}
