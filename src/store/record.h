/* The record thread: drains the spool into PostgreSQL in batches (at most 1,000 events, 5 ms apart), deletes
 * what was acknowledged, copies the WAL into the spool's file, makes partitions. It may hang or fail without
 * harm: the spool keeps everything, and applying an event twice changes nothing. An event that PostgreSQL
 * refuses is set aside in the spool's table `poison`, logged and counted, and does not hold up the others. */
#ifndef VG_STORE_RECORD_H
#define VG_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/spool.h"

struct vg_record;

struct vg_record_config {
    const char *database_url; /* copied */
    const char *instance_id; /* copied; whose open calls of an earlier life are ended, see vg_store_recover */
    struct vg_spool *spool;  /* kept; free the record before the spool */
};

/* Starts the thread; PostgreSQL need not be there. Call before the first append. */
int vg_record_new(struct vg_record **out, const struct vg_record_config *config) VG_MUST_CHECK;
/* True while PostgreSQL answers (asked at least every 2 s). Any thread. */
bool vg_record_up(const struct vg_record *r);
/* Waits until PostgreSQL has everything that was committed to the spool before the call: 0 or VG_ETIMEOUT.
 * Not on a loop thread. */
int vg_record_flush(struct vg_record *r, int64_t timeout_us) VG_MUST_CHECK;
/* Drains for at most 3 s more, then ends the thread; what is left stays in the spool. */
struct vg_record *vg_record_free(struct vg_record *r);

/* Ends the calls that were live when the previous process of this spool was killed: appends one CALL_ENDED
 * (reason `gateway_restart`, status `failed`, ended when the call was last heard of) for each. Once, however
 * often it runs. Call after vg_spool_open, before calls are taken. Returns how many, or VG_EIO. PostgreSQL is
 * not needed; calls whose spool was lost are ended by the record thread from their `instance_id`. */
int vg_store_recover(struct vg_spool *spool, const char *instance_id) VG_MUST_CHECK;

#endif
