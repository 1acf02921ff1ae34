/* The spool: a local SQLite file (WAL) between a call and PostgreSQL, so that what a client was told is final
 * survives `kill -9` of the gateway and an outage of the database, exactly once.
 *
 * One thread appends with group commit; the acknowledgement is posted to the loop that asked, and only then
 * may the client be told ("persist before tell"). The record thread (store/record.h) drains it into
 * PostgreSQL. Events are unique by (call_id, owner_epoch, ordinal). */
#ifndef VG_STORE_SPOOL_H
#define VG_STORE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vg_spool;
struct vg_loop;

/* Whoever waits for an acknowledgement waits no longer than this: a disk may hang, and then neither takes an
 * event nor refuses it. The acknowledgement still comes when it can, once. */
enum { VG_SPOOL_DEADLINE_US = 2000000 };

enum vg_record_kind {
    VG_RECORD_CALL_STARTED, /* body: see docs/database.md, "spool events" */
    VG_RECORD_CALL_STATE,
    VG_RECORD_MESSAGE,
    VG_RECORD_USAGE,
    VG_RECORD_CALL_ENDED,
    VG_RECORD_HANDOFF,
    VG_RECORD_KINDS
};

struct vg_record_event {
    enum vg_record_kind kind;
    const char *tenant_id;
    const char *call_id;
    uint32_t owner_epoch;
    uint32_t ordinal; /* counts up from 1 within (call_id, owner_epoch) */
    const char *body; /* JSON object */
};

/* Opens or creates the file; `path` is in a directory that only the gateway writes. Starts the thread. */
int vg_spool_open(struct vg_spool **out, const char *path) VG_MUST_CHECK;
/* `err` 0: on its way to PostgreSQL whatever happens to this process. VG_EIO: the disk refused (full). */
typedef void (*vg_spool_fn)(void *arg, int err);
/* Appends an event (copied). `done` (may be NULL) runs on `loop` after the commit. Any thread. VG_EFULL: more
 * than 65,536 events wait for the disk. */
int vg_spool_append(struct vg_spool *s, const struct vg_record_event *event, struct vg_loop *loop,
                    vg_spool_fn done, void *arg) VG_MUST_CHECK;
/* Events not yet acknowledged by PostgreSQL. Any thread; approximate. */
uint64_t vg_spool_depth(const struct vg_spool *s);
/* False for some seconds after the disk refused a commit, so that load balancers look elsewhere meanwhile and
 * then try again. Any thread. */
bool vg_spool_ok(const struct vg_spool *s);
/* True while one commit has taken longer than the deadline; vg_spool_ok() is false then. Any thread. */
bool vg_spool_hangs(const struct vg_spool *s);
/* Commits what waits, ends the thread, closes. */
struct vg_spool *vg_spool_free(struct vg_spool *s);

#endif
