/* hiredis's event hooks over the loop's vg_io. */
#ifndef VG_BUS_LINK_IO_H
#define VG_BUS_LINK_IO_H

#include <hiredis/async.h>

#include "net/loop.h"

struct link_io;
/* What is done with readiness; may free the context. */
typedef void (*link_io_fn)(void *arg, redisAsyncContext *ac, int events);

/* Attaches `ac` to the loop; it owns what is made here and ends it in its own clean-up. */
int link_io_attach(redisAsyncContext *ac, struct vg_loop *loop, link_io_fn fn, void *arg) VG_MUST_CHECK;
/* As if hiredis had something to write. */
void link_io_want_write(redisAsyncContext *ac);

#endif
