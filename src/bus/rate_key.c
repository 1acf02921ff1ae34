/* What a rate limit knows of each key: see rate_key.h. */
#include "bus/rate_key.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { KEYS_MAX = 65536 }; /* beyond, the least used one is forgotten */

void rate_list_add(struct rate_list *list, struct rate_request *r)
{
    r->next = NULL;
    *(list->last ? &list->last->next : &list->first) = r;
    list->last = r;
}

struct rate_request *rate_list_take(struct rate_list *list)
{
    struct rate_request *r = list->first;
    if (r && !(list->first = r->next))
        list->last = NULL;
    return r;
}

bool rate_list_remove(struct rate_list *list, struct rate_request *r)
{
    struct rate_request *before = NULL, *at = list->first;
    for (; at && at != r; at = at->next)
        before = at;
    if (!at)
        return false;
    *(before ? &before->next : &list->first) = r->next;
    if (list->last == r)
        list->last = before;
    return true;
}

int64_t rate_window_now(uint32_t window_seconds, int64_t *elapsed_us)
{
    int64_t now_us = vg_utc_us(), window_us = (int64_t)window_seconds * VG_US_PER_S;
    *elapsed_us = now_us % window_us;
    return (now_us - *elapsed_us) / VG_US_PER_S;
}

void rate_debt_turn(struct rate_debt *debt, int64_t window, uint32_t window_seconds)
{
    if (debt->window == window)
        return;
    debt->before = debt->window + window_seconds == window ? debt->now : 0;
    debt->now = 0;
    debt->window = window;
}

void rate_debt_pay(struct rate_debt *debt, const struct rate_debt *paid, uint32_t window_seconds)
{
    struct rate_debt p = *paid;
    rate_debt_turn(&p, debt->window, window_seconds);
    debt->now -= p.now;
    debt->before -= p.before;
}

void rate_debt_unsure(struct rate_debt *debt, const struct rate_debt *asked, uint32_t window_seconds)
{
    struct rate_debt back = {.window = asked->window,
                             .now = asked->now < 0 ? asked->now : 0,
                             .before = asked->before < 0 ? asked->before : 0};
    rate_debt_pay(debt, &back, window_seconds);
}

void rate_debt_add(struct rate_debt *debt, int64_t window, uint32_t window_seconds, int64_t n)
{
    if (window > debt->window)
        rate_debt_turn(debt, window, window_seconds);
    if (window == debt->window)
        debt->now += n;
    else if (window + window_seconds == debt->window)
        debt->before += n;
}

bool rate_debt_none(const struct rate_debt *debt)
{
    return debt->now == 0 && debt->before == 0;
}

struct vg_rate_result rate_key_result(const struct rate_key *k, bool allowed, int64_t used, int64_t previous,
                                      int64_t elapsed_us)
{
    struct rate_window w = {.window_us = (int64_t)k->window_seconds * VG_US_PER_S,
                            .elapsed_us = elapsed_us,
                            .current = used,
                            .previous = previous,
                            .limit = k->limit};
    int64_t room = rate_window_room(&w), wait_us = room > 0 ? 0 : rate_window_wait_us(&w);
    struct vg_rate_result result = {.allowed = allowed, .limit = k->limit, .remaining = (uint32_t)room};
    result.reset_seconds = rate_seconds_up(wait_us ? wait_us : w.window_us - w.elapsed_us);
    if (!allowed) {
        result.remaining = 0;
        result.retry_after_seconds = rate_seconds_up(wait_us ? wait_us : 1);
    }
    return result;
}

void rate_key_bucket_turn(struct rate_key *k)
{
    double capacity = (double)k->limit / k->bus->instances;
    rate_bucket_turn(&k->bucket, capacity < 1 ? 1 : capacity, (int64_t)k->window_seconds * VG_US_PER_S,
                     vg_loop_now_us(k->bus->loop));
    rate_bucket_debit(&k->bucket, (double)k->ahead.taken);
    k->ahead.taken = 0;
}

static void use_unlink(struct rate_key *k)
{
    struct bus_rates *all = &k->bus->rates;
    *(k->newer ? &k->newer->older : &all->newest) = k->older;
    *(k->older ? &k->older->newer : &all->oldest) = k->newer;
}

static void use_link(struct rate_key *k)
{
    struct bus_rates *all = &k->bus->rates;
    k->newer = NULL;
    k->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = k;
    all->newest = k;
}

static bool key_idle(const struct rate_key *k)
{
    return !k->pinned && !k->dirty && !k->in_flight && !k->waiting.first && !k->asked.first &&
           !k->ahead.listed;
}

void rate_key_forget(struct rate_key *k)
{
    use_unlink(k);
    vg_map_remove(k->bus->rates.keys, k->name);
    free(k);
}

/* Forgets keys that say nothing any more, a few at a time, and the least used one when there are too many. */
static void keys_tidy(struct vg_bus *bus)
{
    int64_t now_us = vg_loop_now_us(bus->loop);
    for (int i = 0; i < 2; i++) {
        struct rate_key *k = bus->rates.oldest;
        if (!k || !key_idle(k))
            return;
        bool full = vg_map_count(bus->rates.keys) >= KEYS_MAX;
        if (!full && (!rate_debt_none(&k->debt) || now_us - k->bucket.at_us < 2 * k->bucket.window_us))
            return;
        rate_key_forget(k);
    }
}

struct rate_key *rate_key_find(struct vg_bus *bus, const char *name)
{
    char cut[RATE_KEY_SIZE];
    vg_text_copy(cut, sizeof cut, name);
    for (char *p = cut; (p += strcspn(p, "{}"), *p); p++)
        *p = '_'; /* braces would change the hash tag */
    struct rate_key *k = vg_map_get(bus->rates.keys, cut);
    if (k && k != bus->rates.newest) {
        use_unlink(k);
        use_link(k);
    }
    if (k)
        return k;
    keys_tidy(bus);
    k = calloc(1, sizeof *k);
    if (!k || vg_map_put(bus->rates.keys, cut, k) != VG_OK) {
        free(k);
        return NULL;
    }
    k->bus = bus;
    memcpy(k->name, cut, sizeof k->name);
    use_link(k);
    return k;
}
