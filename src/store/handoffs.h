/* Handoffs to a person, for requests on worker threads (blocking):
 *
 *     queued -> accepted -> completed
 *     queued -> declined,  queued -> cancelled (the call ended),  accepted -> completed (the call ended)
 *
 * Another tenant's id is VG_ENOENT; a step that the state does not allow is VG_ESTATE. */
#ifndef VG_STORE_HANDOFFS_H
#define VG_STORE_HANDOFFS_H

#include "store/pg.h"

/* Strings live until the free function; "" where absent. Times are Unix microseconds, 0 where absent. */
struct vg_handoff {
    char id[VG_ID_SIZE], call_id[VG_ID_SIZE];
    const char *queue, *reason, *status;
    const char *context; /* JSON object */
    const char *accepted_by, *note;
    int64_t created_at_us, accepted_at_us, closed_at_us;
    uint32_t queued_ahead;
    uint32_t estimated_wait_s; /* queued ahead x mean handling time of the queue's last 20, 30 s where none */
};

struct vg_handoffs {
    struct vg_rows *rows; /* owned: the strings */
    size_t count;
    struct vg_handoff items[];
};

/* Queues the call, or finds the handoff that it has open already. `id` "" makes one. The call need not have
 * arrived in PostgreSQL. Gives exactly one item. VG_ESTATE: the call has ended. */
int vg_handoff_create(struct vg_pg *pg, const char *tenant_id, const char *id, const char *call_id,
                      const char *queue, const char *reason, const char *context, int64_t deadline_us,
                      struct vg_handoffs **out) VG_MUST_CHECK;
/* Oldest first; `queue`, `status` and `after` may be NULL. */
int vg_handoff_list(struct vg_pg *pg, const char *tenant_id, const char *queue, const char *status,
                    const char *after, unsigned limit, int64_t deadline_us,
                    struct vg_handoffs **out) VG_MUST_CHECK;
int vg_handoff_load(struct vg_pg *pg, const char *tenant_id, const char *id, int64_t deadline_us,
                    struct vg_handoffs **out) VG_MUST_CHECK;
/* Each gives the handoff as it is afterwards. `by` names the person (may be NULL), `note` may be NULL. */
int vg_handoff_accept(struct vg_pg *pg, const char *tenant_id, const char *id, const char *by,
                      int64_t deadline_us, struct vg_handoffs **out) VG_MUST_CHECK;
int vg_handoff_decline(struct vg_pg *pg, const char *tenant_id, const char *id, const char *by,
                       const char *note, int64_t deadline_us, struct vg_handoffs **out) VG_MUST_CHECK;
int vg_handoff_complete(struct vg_pg *pg, const char *tenant_id, const char *id, const char *note,
                        int64_t deadline_us, struct vg_handoffs **out) VG_MUST_CHECK;
struct vg_handoffs *vg_handoffs_free(struct vg_handoffs *h);

#endif
