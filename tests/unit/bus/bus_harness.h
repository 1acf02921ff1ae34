/* Runs a loop in the test's own thread until something has become true. */
#ifndef TESTS_BUS_HARNESS_H
#define TESTS_BUS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"
#include "net/loop.h"

/* True if `done(arg)` became true within `ms`; looked at every millisecond. NULL: runs for `ms`. */
bool harness_run(struct vg_loop *loop, bool (*done)(void *arg), void *arg, int ms);
/* The same for a flag that a callback counts up. */
bool harness_until(struct vg_loop *loop, const int *counter, int at_least, int ms);
/* The same for the bus. */
bool harness_until_up(struct vg_loop *loop, struct vg_bus *bus, bool up, int ms);
/* A metric's value, summed over its labels; what `grep '^name'` of the exposition gives. */
double harness_metric(const char *name);

#endif
