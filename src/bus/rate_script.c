/* The script that counts in Redis: its text, its call and its answer. See rate_key.h. */
#include "bus/rate_key.h"

#include "base/text.h"

enum { REDIS_KEY_SIZE = 224 };

/* KEYS: the present window's counter, the one before. ARGV: limit, window, elapsed (ms), cost, the debts of
 * both (below zero: given back), how many are wanted ahead, how many of those are in hand. Admits as many of
 * `cost` as there is room for and adds the debts in any case; then counts ahead, up to a share of what is
 * left. Refused requests are not counted. A count never falls below nothing: Redis may have forgotten what is
 * given back. */
const char rate_script_text[] =
    "local cur = tonumber(redis.call('GET', KEYS[1]) or '0')\n"
    "local prev = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
    "local limit, window, elapsed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local cost, debt, debt_before = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])\n"
    "local want, in_hand = tonumber(ARGV[7]), tonumber(ARGV[8])\n"
    "local function count(key, was, n)\n"
    "  if was + n < 0 then n = -was end\n"
    "  if n == 0 then return was end\n"
    "  local now = redis.call('INCRBY', key, n)\n"
    "  redis.call('PEXPIRE', key, 2 * window + 1000)\n"
    "  return now\n"
    "end\n"
    "prev = count(KEYS[2], prev, debt_before)\n"
    "cur = count(KEYS[1], cur, debt)\n"
    "local room = math.floor(limit - cur - prev * (window - elapsed) / window)\n"
    "local granted = math.max(0, math.min(cost, room))\n"
    "local ahead = 0\n"
    "if want > 0 then\n"
    "  local share = math.floor((room - granted) / " VG_TEXT_OF(
        RATE_AHEAD_SHARE) ")\n"
                          "  if share >= " VG_TEXT_OF(
                              RATE_AHEAD_MIN) " then ahead = math.max(0, math.min(want, share - in_hand)) "
                                              "end\n"
                                              "end\n"
                                              "if granted + ahead > 0 then cur = count(KEYS[1], cur, granted "
                                              "+ ahead) end\n"
                                              "return {granted, cur, prev, ahead}\n";

/* "ratelimit:{<name>}:<window>" */
static void put_redis_key(char out[REDIS_KEY_SIZE], const struct rate_key *k, int64_t window)
{
    char number[VG_TEXT_INT_SIZE];
    vg_text_int(number, window);
    vg_text_join(out, REDIS_KEY_SIZE, (const char *[]){"ratelimit:{", k->name, "}:", number, NULL});
}

int rate_script_ask(struct rate_key *k, redisCallbackFn *fn)
{
    char present[REDIS_KEY_SIZE], before[REDIS_KEY_SIZE], number[8][VG_TEXT_INT_SIZE];
    int64_t window = rate_window_now(k->window_seconds, &k->asked_elapsed_us);
    rate_debt_turn(&k->debt, window, k->window_seconds);
    k->asked_debt = k->debt;
    put_redis_key(present, k, window);
    put_redis_key(before, k, window - k->window_seconds);
    const int64_t values[] = {k->limit,
                              (int64_t)k->window_seconds * 1000,
                              k->asked_elapsed_us / 1000,
                              k->asked_count,
                              k->asked_debt.now,
                              k->asked_debt.before,
                              k->asked_ahead,
                              k->ahead.in_hand};
    const char *words[10] = {present, before};
    for (int i = 0; i < 8; i++) {
        vg_text_int(number[i], values[i]);
        words[2 + i] = number[i];
    }
    return bus_script_call(k->bus, &k->bus->rates.script, fn, k, 2, 10, words);
}

static bool is_four_numbers(const redisReply *r)
{
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 4)
        return false;
    for (size_t i = 0; i < r->elements; i++)
        if (r->element[i]->type != REDIS_REPLY_INTEGER)
            return false;
    return true;
}

bool rate_script_read(const redisReply *r, struct rate_answer *out)
{
    if (!is_four_numbers(r))
        return false;
    *out = (struct rate_answer){.granted = r->element[0]->integer,
                                .current = r->element[1]->integer,
                                .previous = r->element[2]->integer,
                                .ahead = r->element[3]->integer};
    return true;
}
