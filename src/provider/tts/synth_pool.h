/* The synthesis pool: threads that run what may not run on a loop.
 *
 * Two lanes share one design, so that a slow one does not hold up the other: the thread lane runs Flite, with
 * a voice set of its own in each thread (Flite's reference counts are not atomic); the process lane runs one
 * engine process (espeak-ng) a thread, which bounds the processes and keeps spawning and reaping off the
 * loops. Each lane has a bounded queue; what does not fit is refused at once (VG_ECAPACITY), so that an
 * overload is an error for one turn and not a delay for all. */
#ifndef VG_PROVIDER_TTS_SYNTH_POOL_H
#define VG_PROVIDER_TTS_SYNTH_POOL_H

#include <stdint.h>

#include "base/err.h"

struct vg_synth_pool;

struct vg_synth_config {
    unsigned threads;           /* of the thread lane; 1..64; a thread feeds about 90 real-time voices */
    unsigned processes;         /* of the process lane: engine processes at a time; 1..64 */
    unsigned queue_max;         /* clauses that may wait in each lane; 1..65536 */
    const char *espeak_program; /* path or name; NULL: "espeak-ng"; copied */
    int64_t process_timeout_us; /* a process that takes longer is killed; 0: 5 s */
};

/* threads 2, processes 2, queue 64. */
struct vg_synth_config vg_synth_config_default(void);

struct vg_synth_stats {
    uint64_t started;   /* clauses taken */
    uint64_t refused;   /* clauses refused because a queue was full */
    uint64_t cancelled; /* clauses closed before they were done */
    uint64_t failed;
    unsigned waiting; /* clauses in the queues now */
    unsigned running;
};

/* Starts the threads, with all signals blocked in them. Errors: VG_EINVAL, VG_ENOMEM, VG_EIO. Any thread, but
 * only one at a time: Flite registers its voices in globals. */
int vg_synth_pool_new(struct vg_synth_pool **out, const struct vg_synth_config *config) VG_MUST_CHECK;
/* Ends the threads; clauses that wait or run fail with VG_ECANCELED, and may be closed later. To be called
 * before the loops of its clauses are freed. NULL is fine; returns NULL. */
struct vg_synth_pool *vg_synth_pool_free(struct vg_synth_pool *pool);
/* Any thread. */
void vg_synth_pool_stats(struct vg_synth_pool *pool, struct vg_synth_stats *out);

#endif
