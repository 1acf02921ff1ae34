/* The engine nursery: one process, forked from main before any thread or socket exists, that loads models once
 * and forks engine processes on demand, so that they share the models' memory and a crash costs one turn.
 *
 * A program is a C function that speaks some protocol over one descriptor. Its `preload` runs once in the
 * nursery, `run` in each child with a connected SOCK_SEQPACKET or SOCK_STREAM socket. Children die with the
 * nursery, the nursery with the gateway (PR_SET_PDEATHSIG and EOF). */
#ifndef VG_NET_NURSERY_H
#define VG_NET_NURSERY_H

#include "net/loop.h"

struct vg_nursery;

struct vg_nursery_program {
    const char *name;
    /* Loads what children share; returns 0 or VG_E*. Nursery process; may be NULL. */
    int (*preload)(const void *config);
    /* The child's main; its return value is the exit status. */
    int (*run)(int fd, const void *config);
    const void *config; /* borrowed; read-only plain data */
};

/* Forks the nursery. Call before any thread starts. `programs` is copied; at most 8. */
int vg_nursery_start(struct vg_nursery **out, const struct vg_nursery_program *programs, size_t count)
    VG_MUST_CHECK;

/* `fd` is the near end of a new child's socket (non-blocking, given to the callee), or negative VG_E*. */
typedef void (*vg_nursery_fn)(void *arg, int fd);
/* Asks for a new child of `program`. `done` runs on `loop`, once. Any loop thread. A fork takes a few
 * milliseconds. *handle serves vg_nursery_forget(). */
int vg_nursery_spawn(struct vg_nursery *n, struct vg_loop *loop, const char *program, vg_nursery_fn done,
                     void *arg, void **handle) VG_MUST_CHECK;
/* After this `done` is not called; the child is ended. Same loop thread as spawn. */
void vg_nursery_forget(struct vg_nursery *n, void *handle);
/* Ends the nursery and all children, waits at most 1 s. */
struct vg_nursery *vg_nursery_free(struct vg_nursery *n);

#endif
