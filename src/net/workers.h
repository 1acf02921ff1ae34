/* A pool of threads for straight-line blocking work with a deadline: business routes, look-ups that missed a
 * cache. The queue is bounded; what does not fit is refused at once. */
#ifndef VG_NET_WORKERS_H
#define VG_NET_WORKERS_H

#include <stdint.h>

#include "base/mailbox.h"
#include "net/loop.h"

struct vg_workers;

/* Embedded in the submitter's own struct. */
struct vg_job {
    struct vg_message message; /* the pool's */
    struct vg_loop *loop;      /* where `done` runs; set before submit */
    int64_t deadline_us;       /* monotonic; a job that starts later is not run and done gets VG_ETIMEOUT */
    /* Runs on a worker thread; `worker_state` is what state_new made for this thread. Returns 0 or VG_E*. */
    int (*run)(struct vg_job *job, void *worker_state);
    /* Runs on `loop` afterwards, always, exactly once; owns the job. */
    void (*done)(struct vg_job *job, int err);
    int err; /* the pool's */
};

struct vg_workers_config {
    unsigned threads;
    unsigned queue_max;
    void *(*state_new)(void *arg); /* per thread, on that thread (a database connection) ; may be NULL */
    void (*state_free)(void *state);
    void *arg;
};

struct vg_workers *vg_workers_new(const struct vg_workers_config *config);
/* Any thread. VG_EFULL: the queue is full, and done is not called. */
int vg_workers_submit(struct vg_workers *w, struct vg_job *job) VG_MUST_CHECK;
/* Lets running jobs end, fails waiting ones with VG_ECANCELED, joins. */
struct vg_workers *vg_workers_free(struct vg_workers *w);

#endif
