/* What the rest of this folder may know about the loop: its libev loop. Foreign headers stay in src/net. */
#ifndef VG_NET_LOOP_EV_H
#define VG_NET_LOOP_EV_H

#include <ev.h>

#include "net/loop.h"

/* The libev loop behind `loop`; borrowed, loop thread. */
struct ev_loop *loop_ev(struct vg_loop *loop);
/* Aborts in debug builds unless this is the loop's thread, or the loop is not running. */
void loop_assert_here(const struct vg_loop *loop);

#endif
