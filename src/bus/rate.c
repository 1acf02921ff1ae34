/* Rate limits over Redis. The requests of one key that arrive while its script is on its way, or in one loop
 * turn, share the next call of it (cost n, so that none is counted wrong); each waits BUS_BUDGET_US at most
 * and is then decided by the key's local bucket. What was admitted locally is a debt that the next call adds
 * to Redis. The arithmetic is in rate_window.c. */
#include "bus/rate.h"

#include <string.h>

#include "base/clock.h"
#include "bus/bus_internal.h"
#include "obs/metrics.h"

enum {
    KEYS_MAX = 65536, /* beyond, the least used one is forgotten */
    COST_MAX = 4096,  /* of one call; the rest takes the next */
    REDIS_KEY_SIZE = 224,
    RATE_KEY_SIZE = 160,
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

struct rate_request {
    struct rate_request *next; /* in its key's list */
    struct rate_key *key;
    struct bus_deadline deadline;
    vg_rate_fn done;
    void *arg;
};

struct request_list {
    struct rate_request *first, *last;
};

/* Admitted here, not yet counted by Redis. */
struct rate_debt {
    int64_t window; /* the present one, by its start in Unix seconds */
    int64_t now, before;
};

struct rate_key {
    struct vg_bus *bus;
    struct rate_key *newer, *older; /* by use */
    struct rate_key *dirty_next;
    bool dirty, in_flight;
    uint32_t limit, window_seconds; /* of the latest request */
    struct request_list waiting;    /* for the next call */
    struct request_list asked;      /* in the call on its way, and not decided yet */
    int64_t asked_count, asked_elapsed_us;
    struct rate_debt asked_debt;
    struct rate_debt debt;
    unsigned pinned; /* in use by a function below: not to be forgotten */
    struct rate_bucket bucket;
    char name[RATE_KEY_SIZE];
};

/* --- small helpers ---------------------------------------------------------------------------------------
 */

static void list_add(struct request_list *list, struct rate_request *r)
{
    r->next = NULL;
    *(list->last ? &list->last->next : &list->first) = r;
    list->last = r;
}

static struct rate_request *list_take(struct request_list *list)
{
    struct rate_request *r = list->first;
    if (r && !(list->first = r->next))
        list->last = NULL;
    return r;
}

static bool list_remove(struct request_list *list, struct rate_request *r)
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

static uint32_t seconds_up(int64_t us)
{
    return (uint32_t)((us + VG_US_PER_S - 1) / VG_US_PER_S);
}

/* The fixed window of the present time: its start in Unix seconds, and how much of it has passed. */
static int64_t window_now(uint32_t window_seconds, int64_t *elapsed_us)
{
    int64_t now_us = vg_utc_us(), window_us = (int64_t)window_seconds * VG_US_PER_S;
    *elapsed_us = now_us % window_us;
    return (now_us - *elapsed_us) / VG_US_PER_S;
}

/* Ends a request. Its function may ask for more. */
static void request_tell(struct rate_request *r, const struct vg_rate_result *result)
{
    bus_deadline_clear(&r->key->bus->deadlines, &r->deadline);
    r->done(r->arg, result);
    free(r);
}

/* --- keys ------------------------------------------------------------------------------------------------
 */

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
    return !k->pinned && !k->dirty && !k->in_flight && !k->waiting.first && !k->asked.first;
}

static void key_forget(struct rate_key *k)
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
        if (!full && (k->debt.now > 0 || now_us - k->bucket.at_us < 2 * k->bucket.window_us))
            return;
        key_forget(k);
    }
}

static struct rate_key *key_find(struct vg_bus *bus, const char *name)
{
    char cut[RATE_KEY_SIZE];
    snprintf(cut, sizeof cut, "%s", name);
    for (char *p = cut; *p; p++)
        *p = *p == '{' || *p == '}' ? '_' : *p; /* braces would change the hash tag */
    struct rate_key *k = vg_map_get(bus->rates.keys, cut);
    if (k) {
        use_unlink(k);
        use_link(k);
        return k;
    }
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

/* --- deciding here ---------------------------------------------------------------------------------------
 */

static void bucket_turn(struct rate_key *k)
{
    double capacity = (double)k->limit / k->bus->instances;
    rate_bucket_turn(&k->bucket, capacity < 1 ? 1 : capacity, (int64_t)k->window_seconds * VG_US_PER_S,
                     vg_loop_now_us(k->bus->loop));
}

/* Carries a debt into the present window: what is older than the window before is forgiven. */
static void debt_turn(struct rate_debt *debt, int64_t window, uint32_t window_seconds)
{
    if (debt->window == window)
        return;
    debt->before = debt->window + window_seconds == window ? debt->now : 0;
    debt->now = 0;
    debt->window = window;
}

/* Redis has counted `paid`. */
static void debt_pay(struct rate_debt *debt, const struct rate_debt *paid, uint32_t window_seconds)
{
    struct rate_debt p = *paid;
    debt_turn(&p, debt->window, window_seconds);
    debt->now = debt->now > p.now ? debt->now - p.now : 0;
    debt->before = debt->before > p.before ? debt->before - p.before : 0;
}

static struct vg_rate_result decide_here(struct rate_key *k)
{
    int64_t elapsed_us;
    bucket_turn(k);
    struct vg_rate_result result = {.local = true,
                                    .limit = k->limit,
                                    .allowed = rate_bucket_take(&k->bucket)};
    if (result.allowed) {
        debt_turn(&k->debt, window_now(k->window_seconds, &elapsed_us), k->window_seconds);
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
static void list_decide_here(struct rate_key *k, struct request_list *requests)
{
    struct request_list list = *requests;
    struct rate_request *r;
    *requests = (struct request_list){0};
    k->pinned++;
    while ((r = list_take(&list))) {
        struct vg_rate_result result = decide_here(k);
        request_tell(r, &result);
    }
    k->pinned--;
}

static void on_late(void *arg)
{
    struct rate_request *r = arg;
    struct rate_key *k = r->key;
    if (!list_remove(&k->waiting, r))
        list_remove(&k->asked, r);
    k->bus->rates.late = true;
    struct vg_rate_result result = decide_here(k);
    request_tell(r, &result);
}

/* --- asking Redis ----------------------------------------------------------------------------------------
 */

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
    int64_t window = window_now(k->window_seconds, &k->asked_elapsed_us);
    debt_turn(&k->debt, window, k->window_seconds);
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
    while (k->asked_count < COST_MAX && (r = list_take(&k->waiting))) {
        list_add(&k->asked, r);
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
    struct request_list list = k->asked;
    k->asked = (struct request_list){0};
    int64_t used = current - granted;
    struct rate_request *r;
    bucket_turn(k);
    k->pinned++;
    while ((r = list_take(&list))) {
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
        debt_pay(&k->debt, &k->asked_debt, k->window_seconds);
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

/* --- the interface ---------------------------------------------------------------------------------------
 */

void vg_bus_rate(struct vg_bus *bus, const char *key, uint32_t limit, uint32_t window_seconds,
                 vg_rate_fn done, void *arg)
{
    struct rate_key *k = key_find(bus, key);
    struct rate_request *r = k ? calloc(1, sizeof *r) : NULL;
    if (!r) {
        /* No memory to count with: serving is better than refusing. */
        done(arg, &(struct vg_rate_result){
                      .allowed = true, .limit = limit, .remaining = 0, .reset_seconds = 1, .local = true});
        return;
    }
    k->limit = limit;
    k->window_seconds = window_seconds ? window_seconds : 1;
    bucket_turn(k);
    *r =
        (struct rate_request){.key = k, .done = done, .arg = arg, .deadline = {.expired = on_late, .arg = r}};
    if (!bus_link_is_up(bus->commands) || bus->rates.late) {
        struct vg_rate_result result = decide_here(k);
        if (bus->rates.late)
            key_mark(k);
        request_tell(r, &result);
        return;
    }
    list_add(&k->waiting, r);
    bus_deadline_set(&bus->deadlines, &r->deadline, BUS_BUDGET_US);
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
        key_forget(k);
    }
    bus->rates.keys = vg_map_free(bus->rates.keys);
}
