/* Deadlines of requests: one ordered list and one timer for all. Most share one delay, so that a new deadline
 * belongs at the end: O(1). Loop thread only. */
#ifndef VG_BUS_DEADLINE_H
#define VG_BUS_DEADLINE_H

#include "net/loop.h"

struct bus_deadline {
    struct bus_deadline *prev, *next;
    int64_t at_us;              /* monotonic; 0: not armed */
    void (*expired)(void *arg); /* runs once, not armed any more */
    void *arg;
};

struct bus_deadlines {
    struct vg_loop *loop;
    struct vg_timer *timer;
    struct bus_deadline *first, *last;
};

int bus_deadlines_init(struct bus_deadlines *all, struct vg_loop *loop) VG_MUST_CHECK;
/* All must have been cleared. */
void bus_deadlines_free(struct bus_deadlines *all);
/* Arms `d` (borrowed until it expires or is cleared), whose function and argument are set. */
void bus_deadline_set(struct bus_deadlines *all, struct bus_deadline *d, int64_t delay_us);
/* Disarms it; nothing if it is not armed. */
void bus_deadline_clear(struct bus_deadlines *all, struct bus_deadline *d);

#endif
