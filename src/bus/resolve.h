/* Looks a host name up without blocking the loop: getaddrinfo() on a thread of its own, its answer posted
 * back. hiredis would call it on the loop, where a silent name server costs seconds. Loop thread only. */
#ifndef VG_BUS_RESOLVE_H
#define VG_BUS_RESOLVE_H

#include "net/loop.h"

enum { BUS_ADDRESSES_MAX = 8, BUS_ADDRESS_SIZE = 48 };

struct bus_addresses {
    unsigned count;
    char text[BUS_ADDRESSES_MAX][BUS_ADDRESS_SIZE]; /* numeric */
};

struct bus_resolve;
/* `found` is borrowed; empty: the name has no address or no server answered. Runs on the loop. */
typedef void (*bus_resolve_fn)(void *arg, const struct bus_addresses *found);

/* NULL: no memory or no thread. Ends by `done` or by cancel, whichever comes first. */
struct bus_resolve *bus_resolve_start(struct vg_loop *loop, const char *host, bus_resolve_fn done, void *arg);
/* Forgets a look-up: `done` does not run. NULL is fine; returns NULL. */
struct bus_resolve *bus_resolve_cancel(struct bus_resolve *r);
/* True if `host` needs no look-up; then `out` holds it. */
bool bus_resolve_numeric(const char *host, struct bus_addresses *out);

#endif
