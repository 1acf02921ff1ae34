/* Rate limits over Redis. The requests of one key that arrive while its script is on its way, or in one loop
 * turn, share the next call of it (cost n, so that none is counted wrong); each waits the budget at most
 * and is then decided by the key's local bucket. What was admitted locally is a debt that the next call adds
 * to Redis. The arithmetic is in rate_window.c, what is kept of a key in rate_key.c. */
#include "bus/rate_key.h"

#include <string.h>

#include "base/clock.h"
#include "obs/metrics.h"

enum {
    COST_MAX = 4096, /* of one call; the rest takes the next */
    REDIS_KEY_SIZE = 224,
};

/* KEYS: the present window's counter, the one before. ARGV: limit, window, elapsed (ms), cost, the debts of
 * both. Admits as many of `cost` as there is room for and adds the debts in any case. Refused requests are
 * not counted. */
static const char script_text[] =
    "local cur = tonumber(redis.call('GET', KEYS[1]) or '0')\n"
    "local prev = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
    "local limit, window, elapsed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local cost, debt, debt_before = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])\n"
    "local function count(key, n)\n"
    "  local now = redis.call('INCRBY', key, n)\n"
    "  redis.call('PEXPIRE', key, 2 * window + 1000)\n"
    "  return now\n"
    "end\n"
    "if debt_before > 0 then prev = count(KEYS[2], debt_before) end\n"
    "local room = math.floor(limit - cur - debt - prev * (window - elapsed) / window)\n"
    "local granted = math.max(0, math.min(cost, room))\n"
    "if granted + debt > 0 then cur = count(KEYS[1], granted + debt) end\n"
    "return {granted, cur, prev}\n";

static uint32_t seconds_up(int64_t us)
{
    return (uint32_t)((us + VG_US_PER_S - 1) / VG_US_PER_S);
}

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
    result.reset_seconds = seconds_up(wait_us ? wait_us : 1);
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

static void key_mark(struct rate_key *k)
{
    if (k->dirty || k->in_flight)
        return;
    k->dirty = true;
    k->dirty_next = k->bus->rates.dirty;
    k->bus->rates.dirty = k;
    bus_link_want_write(k->bus->commands);
}

static int key_ask(struct rate_key *k)
{
    char present[REDIS_KEY_SIZE], before[REDIS_KEY_SIZE], number[6][24];
    int64_t window = rate_window_now(k->window_seconds, &k->asked_elapsed_us);
    rate_debt_turn(&k->debt, window, k->window_seconds);
    k->asked_debt = k->debt;
    snprintf(present, sizeof present, "ratelimit:{%s}:%lld", k->name, (long long)window);
    snprintf(before, sizeof before, "ratelimit:{%s}:%lld", k->name, (long long)(window - k->window_seconds));
    const int64_t values[] = {k->limit,
                              (int64_t)k->window_seconds * 1000,
                              k->asked_elapsed_us / 1000,
                              k->asked_count,
                              k->asked_debt.now,
                              k->asked_debt.before};
    const char *words[8] = {present, before};
    for (int i = 0; i < 6; i++) {
        snprintf(number[i], sizeof number[i], "%lld", (long long)values[i]);
        words[2 + i] = number[i];
    }
    return bus_script_call(k->bus, &k->bus->rates.script, on_settled, k, 2, 8, words);
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
    if (k->asked_count == 0 && k->debt.now == 0 && !k->bus->rates.late)
        return; /* while Redis is late an empty call is the way to learn that it is not any more */
    k->in_flight = true;
    if (key_ask(k) == VG_OK)
        return;
    k->in_flight = false;
    list_decide_here(k, &k->asked);
}

static bool reply_good(const redisReply *r)
{
    return r && r->type == REDIS_REPLY_ARRAY && r->elements == 3 &&
           r->element[0]->type == REDIS_REPLY_INTEGER && r->element[1]->type == REDIS_REPLY_INTEGER &&
           r->element[2]->type == REDIS_REPLY_INTEGER;
}

/* The result of one request when `used` of the present window's count are it and those before. */
static struct vg_rate_result result_of(const struct rate_key *k, bool allowed, int64_t used, int64_t previous)
{
    struct rate_window w = {.window_us = (int64_t)k->window_seconds * VG_US_PER_S,
                            .elapsed_us = k->asked_elapsed_us,
                            .current = used,
                            .previous = previous,
                            .limit = k->limit};
    int64_t room = rate_window_room(&w), wait_us = rate_window_wait_us(&w);
    struct vg_rate_result result = {.allowed = allowed, .limit = k->limit, .remaining = (uint32_t)room};
    result.reset_seconds = seconds_up(wait_us ? wait_us : w.window_us - w.elapsed_us);
    if (!allowed) {
        result.remaining = 0;
        result.retry_after_seconds = seconds_up(wait_us ? wait_us : 1);
    }
    return result;
}

/* Gives the grants to those who still wait, in their order. Grants of requests that were decided here
 * meanwhile were counted twice: once by Redis, once as debt. */
static void grants_share(struct rate_key *k, int64_t granted, int64_t current, int64_t previous)
{
    struct rate_list list = k->asked;
    k->asked = (struct rate_list){0};
    int64_t used = current - granted;
    struct rate_request *r;
    rate_key_bucket_turn(k);
    k->pinned++;
    while ((r = rate_list_take(&list))) {
        bool allowed = granted > 0;
        granted -= allowed;
        used += allowed;
        if (allowed)
            rate_bucket_debit(&k->bucket, 1);
        struct vg_rate_result result = result_of(k, allowed, used, previous);
        request_tell(r, &result);
    }
    k->debt.now = k->debt.now > granted ? k->debt.now - granted : 0;
    k->pinned--;
}

static void on_settled(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    struct rate_key *k = arg;
    const redisReply *r = reply;
    if (bus_script_lost(&k->bus->rates.script, r) && key_ask(k) == VG_OK)
        return;
    k->in_flight = false;
    k->bus->rates.late = false;
    k->pinned++;
    if (reply_good(r)) {
        rate_debt_pay(&k->debt, &k->asked_debt, k->window_seconds);
        grants_share(k, r->element[0]->integer, r->element[1]->integer, r->element[2]->integer);
    } else {
        list_decide_here(k, &k->asked);
    }
    k->pinned--;
    if (k->waiting.first && bus_link_is_up(k->bus->commands))
        key_mark(k);
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
        if (k->debt.now > 0)
            key_mark(k);
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

void vg_bus_rate(struct vg_bus *bus, const char *key, uint32_t limit, uint32_t window_seconds,
                 vg_rate_fn done, void *arg)
{
    struct rate_key *k = rate_key_find(bus, key);
    struct rate_request *r = k ? calloc(1, sizeof *r) : NULL;
    if (!r) {
        /* No memory to count with: serving is better than refusing. */
        done(arg, &(struct vg_rate_result){
                      .allowed = true, .limit = limit, .remaining = 0, .reset_seconds = 1, .local = true});
        return;
    }
    k->limit = limit;
    k->window_seconds = window_seconds ? window_seconds : 1;
    rate_key_bucket_turn(k);
    *r =
        (struct rate_request){.key = k, .done = done, .arg = arg, .deadline = {.expired = on_late, .arg = r}};
    if (!bus_link_is_up(bus->commands) || bus->rates.late) {
        struct vg_rate_result result = decide_here(k);
        if (bus->rates.late)
            key_mark(k);
        request_tell(r, &result);
        return;
    }
    rate_list_add(&k->waiting, r);
    bus_deadline_set(&bus->deadlines, &r->deadline, bus->budget_us);
    key_mark(k);
}

int rate_init(struct vg_bus *bus)
{
    bus->rates.keys = vg_map_new();
    bus->rates.script.text = script_text;
    return bus->rates.keys ? VG_OK : VG_ENOMEM;
}

void rate_free(struct vg_bus *bus)
{
    struct rate_key *k;
    while ((k = bus->rates.oldest)) {
        list_decide_here(k, &k->waiting);
        rate_key_forget(k);
    }
    bus->rates.keys = vg_map_free(bus->rates.keys);
}
