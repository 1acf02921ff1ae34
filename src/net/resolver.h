/* Names to addresses without blocking: c-ares on the loop, a cache that obeys the records' life, and the last
 * good answer kept for when the name servers are away. The only place of Voxgate that resolves names;
 * libraries (hiredis, libpq, curl, lws clients) are given addresses. Loop thread. */
#ifndef VG_NET_RESOLVER_H
#define VG_NET_RESOLVER_H

#include <stdbool.h>

#include "net/loop.h"

struct vg_resolver;
struct vg_resolve; /* one question; lives until its answer or vg_resolve_cancel() */

enum { VG_RESOLVED_MAX = 8, VG_ADDRESS_SIZE = 48 };

struct vg_resolved {
    unsigned count; /* at least 1 in an answer without error */
    bool stale;     /* the name servers did not answer; this is the last good answer */
    char address[VG_RESOLVED_MAX][VG_ADDRESS_SIZE]; /* numeric, IPv4 and IPv6 in the resolver's order */
};

/* `servers`: "1.2.3.4:53,...", NULL: those of the system. NULL without memory or a bad list. */
struct vg_resolver *vg_resolver_new(struct vg_loop *loop, const char *servers);
/* Open questions are not answered any more. Not from inside an answer. */
struct vg_resolver *vg_resolver_free(struct vg_resolver *r);

/* `answer` is borrowed and NULL on error: VG_ENOENT (no such name), VG_ETIMEOUT or VG_EUNAVAIL (no name
 * server answered and none ever did). */
typedef void (*vg_resolve_fn)(void *arg, int err, const struct vg_resolved *answer);
/* Asks for `name` (a host name or a numeric address). `fn` runs once, in a later turn of the loop, within 5
 * s. NULL without memory or for a name that is empty or longer than 255 bytes. */
struct vg_resolve *vg_resolve(struct vg_resolver *r, const char *name, vg_resolve_fn fn, void *arg);
/* After this `fn` is not called. */
void vg_resolve_cancel(struct vg_resolve *question);

#endif
