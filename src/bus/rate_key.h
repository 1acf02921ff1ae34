/* What a rate limit keeps of each key (a tenant, an address): the requests that wait, what was admitted here
 * and is not yet counted by Redis, what Redis has counted ahead, and the local bucket. Used by the
 * files rate*.c alone. Loop thread. */
#ifndef VG_BUS_RATE_KEY_H
#define VG_BUS_RATE_KEY_H

#include "bus/bus_internal.h"
#include "bus/rate.h"

enum { RATE_KEY_SIZE = 160 };

struct rate_request {
    struct rate_request *next; /* in its key's list */
    struct rate_key *key;
    struct bus_deadline deadline;
    vg_rate_fn done;
    void *arg;
};

struct rate_list {
    struct rate_request *first, *last;
};

/* Admitted here, not yet counted by Redis; below zero: counted by Redis, and to be given back. */
struct rate_debt {
    int64_t window; /* the present one, by its start in Unix seconds */
    int64_t now, before;
};

/* Requests that Redis has counted before they came, and how fast they come; see rate_ahead.c. */
struct rate_ahead {
    int64_t window;            /* in which they are counted: they are good for no other */
    int64_t in_hand;           /* how many are left */
    int64_t current, previous; /* the counters as Redis told them with the last ones */
    int64_t slice_us;          /* when the present slice began, monotonic */
    int64_t used, used_before; /* requests of the key in the present slice, and in the one before */
    int64_t taken;             /* out of the hand; the local bucket is not debited yet */
    struct rate_key *next;     /* in the list of those that the timer looks at */
    bool listed;
};

struct rate_key {
    struct vg_bus *bus;
    struct rate_key *newer, *older; /* by use */
    struct rate_key *dirty_next;
    bool dirty, in_flight;
    uint32_t limit, window_seconds; /* of the latest request */
    struct rate_list waiting;       /* for the next call */
    struct rate_list asked;         /* in the call on its way, and not decided yet */
    int64_t asked_count, asked_ahead, asked_elapsed_us;
    struct rate_debt asked_debt;
    struct rate_debt debt;
    struct rate_ahead ahead;
    unsigned pinned; /* in use by a function of rate.c: not to be forgotten */
    struct rate_bucket bucket;
    char name[RATE_KEY_SIZE];
};

void rate_list_add(struct rate_list *list, struct rate_request *r);
/* The first one, NULL if there is none. */
struct rate_request *rate_list_take(struct rate_list *list);
/* False: it is not there. O(1) for the oldest, which is what runs late. */
bool rate_list_remove(struct rate_list *list, struct rate_request *r);

/* The fixed window of the present time: its start in Unix seconds, and how much of it has passed. */
int64_t rate_window_now(uint32_t window_seconds, int64_t *elapsed_us);
/* Carries a debt into the present window: what is older than the window before is forgiven. */
void rate_debt_turn(struct rate_debt *debt, int64_t window, uint32_t window_seconds);
/* Redis has counted `paid`. */
void rate_debt_pay(struct rate_debt *debt, const struct rate_debt *paid, uint32_t window_seconds);
/* Whether Redis has counted `asked` is not known: what it was to give back is not given back again. */
void rate_debt_unsure(struct rate_debt *debt, const struct rate_debt *asked, uint32_t window_seconds);
/* Adds `n` (below zero: to be given back) that belong to `window`; those of an old one are forgiven. */
void rate_debt_add(struct rate_debt *debt, int64_t window, uint32_t window_seconds, int64_t n);
bool rate_debt_none(const struct rate_debt *debt);
/* Brings the local bucket to the present time and to the key's limit. */
void rate_key_bucket_turn(struct rate_key *k);
/* What a request is told when the counters say `used` (itself among them) and `previous`. */
struct vg_rate_result rate_key_result(const struct rate_key *k, bool allowed, int64_t used, int64_t previous,
                                      int64_t elapsed_us);

/* --- rate_script.c --- */

extern const char rate_script_text[];

struct rate_answer {
    int64_t granted;           /* of those asked for */
    int64_t current, previous; /* the counters after it */
    int64_t ahead;             /* counted besides */
};

/* Asks for `asked_count` and `asked_ahead` of the key and tells its debt, which it notes in `asked_debt`. */
int rate_script_ask(struct rate_key *k, redisCallbackFn *fn) VG_MUST_CHECK;
/* False: it is no answer of the script. */
bool rate_script_read(const redisReply *reply, struct rate_answer *out);

/* --- rate_ahead.c --- */

/* Counts a request into the key's present slice. */
void rate_ahead_seen(struct rate_key *k);
/* Answers a request out of the hand; false: the hand is empty. `*low`: more should be asked for. */
bool rate_ahead_take(struct rate_key *k, struct vg_rate_result *result, bool *low);
/* How many to ask Redis for ahead, with the call that is about to leave. */
int64_t rate_ahead_wish(const struct rate_key *k);
/* Redis counted `n` ahead in the window of the last call, and told its counters. */
void rate_ahead_got(struct rate_key *k, int64_t n, int64_t current, int64_t previous);
/* Gives up what is left without telling Redis: the limit's window has another length now. */
void rate_ahead_forget(struct rate_key *k);
int rate_ahead_init(struct vg_bus *bus) VG_MUST_CHECK;
void rate_ahead_free(struct vg_bus *bus);
/* rate.c: settles the key with Redis in this loop turn. */
void rate_key_mark(struct rate_key *k);

/* Finds or makes a key; NULL without memory. Forgets a few that say nothing any more. */
struct rate_key *rate_key_find(struct vg_bus *bus, const char *name);
void rate_key_forget(struct rate_key *k);

#endif
