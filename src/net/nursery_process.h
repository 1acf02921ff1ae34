/* Between the two halves of the nursery: what crosses the control socket, and the nursery process's main. */
#ifndef VG_NET_NURSERY_PROCESS_H
#define VG_NET_NURSERY_PROCESS_H

#include "net/nursery.h"

/* Gateway to nursery: one packet, together with the far end of the new child's socket (SCM_RIGHTS). There is
 * no answer: the gateway has the near end already, so that requests of several loops need neither a lock nor
 * matching, and a request that fails shows as end of file there. */
struct nursery_request {
    uint32_t program; /* index */
};

/* Nursery to gateway, once, when all preloads are done. */
struct nursery_status {
    int32_t err; /* of the first preload that failed, 0 if none */
};

/* Runs the nursery process until the control socket ends. `gateway` is the parent's process id. */
_Noreturn void nursery_process_run(int control_fd, const struct vg_nursery_program *programs, size_t count,
                                   pid_t gateway);

#endif
