/* Rate limits over Redis. The requests of one key that arrive while its script is on its way, or in one loop
 * turn, share the next call of it (cost n, so that none is counted wrong); each waits the budget at most
 * and is then decided by the key's local bucket. What was admitted locally is a debt that the next call adds
 * to Redis. For a busy key Redis counts some requests ahead, which are then answered at once (rate_ahead.c).
 * The arithmetic is in rate_window.c, what is kept of a key in rate_key.c. */
#include "bus/rate_key.h"

#include <string.h>

#include "base/clock.h"
#include "obs/metrics.h"

enum { COST_MAX = 4096 }; /* of one call; the rest takes the next */

/* Ends a request. Its function may ask for more. */
static void request_tell(struct rate_request *r, const struct vg_rate_result *result)
{
    bus_deadline_clear(&r->key->bus->deadlines, &r->deadline);
    r->done(r->arg, result);
    free(r);
}

/* --- deciding here --- */

static struct vg_rate_result decide_here(struct rate_key *k)
{
    int64_t elapsed_us;
    rate_key_bucket_turn(k);
    struct vg_rate_result result = {.local = true,
                                    .limit = k->limit,
                                    .allowed = rate_bucket_take(&k->bucket)};
    if (result.allowed) {
        rate_debt_turn(&k->debt, rate_window_now(k->window_seconds, &elapsed_us), k->window_seconds);
        k->debt.now++;
    }
    vg_count1(rate_local_total, result.allowed ? "allowed" : "refused");
    int64_t wait_us = rate_bucket_wait_us(&k->bucket);
    result.remaining = (uint32_t)k->bucket.tokens;
    result.reset_seconds = rate_seconds_up(wait_us ? wait_us : 1);
    result.retry_after_seconds = result.allowed ? 0 : result.reset_seconds;
    return result;
}

/* Decides a whole list, which is empty before the first function runs. */
static void list_decide_here(struct rate_key *k, struct rate_list *requests)
{
    struct rate_list list = *requests;
    struct rate_request *r;
    *requests = (struct rate_list){0};
    k->pinned++;
    while ((r = rate_list_take(&list))) {
        struct vg_rate_result result = decide_here(k);
        request_tell(r, &result);
    }
    k->pinned--;
}

static void on_late(void *arg)
{
    struct rate_request *r = arg;
    struct rate_key *k = r->key;
    if (!rate_list_remove(&k->waiting, r))
        rate_list_remove(&k->asked, r);
    k->bus->rates.late = true;
    struct vg_rate_result result = decide_here(k);
    request_tell(r, &result);
}

/* --- asking Redis --- */

static void on_settled(redisAsyncContext *ac, void *reply, void *arg);

void rate_key_mark(struct rate_key *k)
{
    if (k->dirty || k->in_flight)
        return;
    k->dirty = true;
    k->dirty_next = k->bus->rates.dirty;
    k->bus->rates.dirty = k;
    bus_link_want_write(k->bus->commands);
}

/* Gathers the next call of a key. */
static void key_settle(struct rate_key *k)
{
    struct rate_request *r;
    k->asked_count = 0;
    while (k->asked_count < COST_MAX && (r = rate_list_take(&k->waiting))) {
        rate_list_add(&k->asked, r);
        k->asked_count++;
    }
    k->asked_ahead = rate_ahead_wish(k);
    if (k->asked_count == 0 && k->asked_ahead == 0 && rate_debt_none(&k->debt) && !k->bus->rates.late)
        return; /* while Redis is late an empty call is the way to learn that it is not any more */
    k->in_flight = true;
    if (rate_script_ask(k, on_settled) == VG_OK)
        return;
    k->in_flight = false;
    list_decide_here(k, &k->asked);
}

/* Gives the grants to those who still wait, in their order. Grants of requests that were decided here
 * meanwhile were counted twice: once by Redis, once as debt. `current` is the count before what was taken
 * ahead. */
static void grants_share(struct rate_key *k, int64_t granted, int64_t current, int64_t previous)
{
    struct rate_list list = k->asked;
    k->asked = (struct rate_list){0};
    int64_t used = current - granted;
    struct rate_request *r;
    rate_key_bucket_turn(k);
    while ((r = rate_list_take(&list))) {
        bool allowed = granted > 0;
        granted -= allowed;
        used += allowed;
        if (allowed)
            rate_bucket_debit(&k->bucket, 1);
        struct vg_rate_result result = rate_key_result(k, allowed, used, previous, k->asked_elapsed_us);
        request_tell(r, &result);
    }
    rate_debt_add(&k->debt, k->asked_debt.window, k->window_seconds, -granted);
}

/* Those who came while the call was on its way, as far as the hand goes. */
static void waiting_serve(struct rate_key *k)
{
    struct vg_rate_result result;
    bool low;
    while (k->waiting.first && rate_ahead_take(k, &result, &low))
        request_tell(rate_list_take(&k->waiting), &result);
}

static void settled_well(struct rate_key *k, const struct rate_answer *answer)
{
    rate_debt_pay(&k->debt, &k->asked_debt, k->window_seconds);
    rate_ahead_got(k, answer->ahead, answer->current, answer->previous);
    grants_share(k, answer->granted, answer->current - answer->ahead, answer->previous);
    waiting_serve(k);
}

static void on_settled(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct rate_key *k = arg;
    struct rate_answer answer;
    if (bus_script_lost(&k->bus->rates.script, reply) && rate_script_ask(k, on_settled) == VG_OK)
        return;
    k->in_flight = false;
    k->bus->rates.late = false;
    k->pinned++;
    bool more = rate_script_read(reply, &answer);
    if (more) {
        settled_well(k, &answer);
        more = !rate_debt_none(&k->debt); /* given back meanwhile */
    } else {
        rate_debt_unsure(&k->debt, &k->asked_debt, k->window_seconds);
        list_decide_here(k, &k->asked);
    }
    k->pinned--;
    if ((k->waiting.first || more) && bus_link_is_up(k->bus->commands))
        rate_key_mark(k);
    else
        list_decide_here(k, &k->waiting);
}

static struct rate_key *dirty_take(struct vg_bus *bus)
{
    struct rate_key *k = bus->rates.dirty;
    if (k) {
        bus->rates.dirty = k->dirty_next;
        k->dirty = false;
        k->dirty_next = NULL;
    }
    return k;
}

void rate_flush(struct vg_bus *bus)
{
    struct rate_key *k;
    while (bus_link_is_up(bus->commands) && (k = dirty_take(bus)))
        key_settle(k);
}

/* What was admitted here while Redis was away is counted there now, asked for or not. */
void rate_up(struct vg_bus *bus)
{
    for (struct rate_key *k = bus->rates.newest; k; k = k->older)
        if (!rate_debt_none(&k->debt))
            rate_key_mark(k);
    rate_flush(bus);
}

void rate_down(struct vg_bus *bus)
{
    struct rate_key *k;
    bus->rates.late = false;
    while ((k = dirty_take(bus)))
        list_decide_here(k, &k->waiting);
}

/* --- the interface --- */

/* No memory to count with: serving is better than refusing. */
static const struct vg_rate_result *uncounted(struct vg_rate_result *result, uint32_t limit)
{
    *result = (struct vg_rate_result){.allowed = true, .limit = limit, .reset_seconds = 1, .local = true};
    return result;
}

static void key_turn(struct rate_key *k, uint32_t limit, uint32_t window_seconds)
{
    if (k->window_seconds != window_seconds)
        rate_ahead_forget(k);
    k->limit = limit;
    k->window_seconds = window_seconds;
    rate_ahead_seen(k);
}

void vg_bus_rate(struct vg_bus *bus, const char *key, uint32_t limit, uint32_t window_seconds,
                 vg_rate_fn done, void *arg)
{
    struct vg_rate_result result;
    bool low;
    struct rate_key *k = rate_key_find(bus, key);
    if (!k) {
        done(arg, uncounted(&result, limit));
        return;
    }
    key_turn(k, limit, window_seconds ? window_seconds : 1);
    if (!k->waiting.first && rate_ahead_take(k, &result, &low)) {
        if (low)
            rate_key_mark(k);
        done(arg, &result);
        return;
    }
    rate_key_bucket_turn(k);
    if (!bus_link_is_up(bus->commands) || bus->rates.late) {
        result = decide_here(k);
        if (bus->rates.late)
            rate_key_mark(k);
        done(arg, &result);
        return;
    }
    struct rate_request *r = calloc(1, sizeof *r);
    if (!r) {
        done(arg, uncounted(&result, limit));
        return;
    }
    *r =
        (struct rate_request){.key = k, .done = done, .arg = arg, .deadline = {.expired = on_late, .arg = r}};
    rate_list_add(&k->waiting, r);
    bus_deadline_set(&bus->deadlines, &r->deadline, bus->budget_us);
    rate_key_mark(k);
}

int rate_init(struct vg_bus *bus)
{
    bus->rates.keys = vg_map_new();
    bus->rates.script.text = rate_script_text;
    return bus->rates.keys ? rate_ahead_init(bus) : VG_ENOMEM;
}

void rate_free(struct vg_bus *bus)
{
    struct rate_key *k;
    rate_ahead_free(bus);
    while ((k = bus->rates.oldest)) {
        list_decide_here(k, &k->waiting);
        rate_key_forget(k);
    }
    bus->rates.keys = vg_map_free(bus->rates.keys);
}
