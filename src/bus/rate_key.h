/* What a rate limit keeps of each key (a tenant, an address): the requests that wait, what was admitted here
 * and is not yet counted by Redis, and the local bucket. Used by rate.c alone. Loop thread. */
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
    struct rate_list waiting;       /* for the next call */
    struct rate_list asked;         /* in the call on its way, and not decided yet */
    int64_t asked_count, asked_elapsed_us;
    struct rate_debt asked_debt;
    struct rate_debt debt;
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
/* Brings the local bucket to the present time and to the key's limit. */
void rate_key_bucket_turn(struct rate_key *k);

/* Finds or makes a key; NULL without memory. Forgets a few that say nothing any more. */
struct rate_key *rate_key_find(struct vg_bus *bus, const char *name);
void rate_key_forget(struct rate_key *k);

#endif
