/* The engine nursery: one process, forked from main before any thread or socket exists, that loads models
 * once and forks engine processes on demand, so that they share the models' memory and a crash costs one
 * turn.
 *
 * A program is a C function that speaks some protocol over one descriptor. Its `preload` runs once in the
 * nursery, `run` in each child with a connected SOCK_SEQPACKET or SOCK_STREAM socket (blocking, descriptor 3;
 * nothing else but the standard streams is open). Children die with the nursery, the nursery with the gateway
 * (PR_SET_PDEATHSIG and EOF).
 *
 * Closing the near end ends the child: it should return from `run` at end of file, and one that has not done
 * so after half a second (hung, stopped) is killed. A child that ends first shows as end of file on the near
 * end.
 *
 * A nursery that died cannot be started again by the same process, because threads exist by then: spawn fails
 * with VG_EUNAVAIL from then on and vg_nursery_alive() is false, which the gateway should report as not
 * ready, so that it is restarted as a whole. */
#ifndef VG_NET_NURSERY_H
#define VG_NET_NURSERY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/loop.h"

struct vg_nursery;

enum {
    VG_NURSERY_PROGRAMS_MAX = 8,
    VG_NURSERY_CHILDREN_MAX = 1024, /* a spawn beyond this shows as a child that ended at once */
};

struct vg_nursery_program {
    const char *name;
    /* Loads what children share; returns 0 or VG_E*. Nursery process; may be NULL. */
    int (*preload)(const void *config);
    /* The child's main; its return value is the exit status. */
    int (*run)(int fd, const void *config);
    const void *config; /* borrowed; read-only plain data */
    bool stream;        /* SOCK_STREAM for its sockets; otherwise SOCK_SEQPACKET, which keeps packet bounds */
};

/* Forks the nursery. Call before any thread starts, on the main thread. `programs` is copied; at most 8. Does
 * not wait for the preloads: children asked for meanwhile start when their program is loaded. Errors:
 * VG_EINVAL, VG_ENOMEM, VG_EIO. */
int vg_nursery_start(struct vg_nursery **out, const struct vg_nursery_program *programs,
                     size_t count) VG_MUST_CHECK;
/* Waits until all preloads are done. 0, the first preload's error (its children end at once, the other
 * programs work), VG_ETIMEOUT, or VG_EUNAVAIL if the nursery died. Once, by the thread that started it;
 * optional. */
int vg_nursery_wait(struct vg_nursery *n, int timeout_ms) VG_MUST_CHECK;
/* False once the nursery process is gone. Any thread; one system call. */
bool vg_nursery_alive(const struct vg_nursery *n);
/* The nursery's process id. Any thread. */
pid_t vg_nursery_pid(const struct vg_nursery *n);

/* `fd` is the near end of a new child's socket (non-blocking, given to the callee), or negative VG_E*. */
typedef void (*vg_nursery_fn)(void *arg, int fd);
/* Asks for a new child of `program`. `done` runs on `loop`, once, in a later turn. Any loop thread; never
 * blocks. The child may still be starting then (a fork takes a few milliseconds): what is written meanwhile
 * waits in the socket. *handle serves vg_nursery_forget() until `done` has run. Errors: VG_ENOENT (no such
 * program), VG_EUNAVAIL (the nursery is gone), VG_ECAPACITY (too many requests wait), VG_EIO (no
 * descriptors), VG_ENOMEM. */
int vg_nursery_spawn(struct vg_nursery *n, struct vg_loop *loop, const char *program, vg_nursery_fn done,
                     void *arg, void **handle) VG_MUST_CHECK;
/* After this `done` is not called; the child is ended. Same loop thread as spawn; not after `done` has run
 * (close the descriptor instead). NULL is fine. */
void vg_nursery_forget(struct vg_nursery *n, void *handle);
/* Ends the nursery and all children, waits at most 1 s. */
struct vg_nursery *vg_nursery_free(struct vg_nursery *n);

#endif
