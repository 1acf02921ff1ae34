/* Inside the store: the spool as the record thread sees it. The reader has its own SQLite connection;
 * whatever changes the file is asked of the spool's thread, so that an append never waits for another writer.
 */
#ifndef VG_STORE_SPOOL_READ_H
#define VG_STORE_SPOOL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/spool.h"

struct spool_reader;

/* An event as read; strings live until the next spool_read. */
struct spool_row {
    int64_t id;
    struct vg_record_event event;
};

int spool_reader_open(struct spool_reader **out, const char *path) VG_MUST_CHECK;
struct spool_reader *spool_reader_free(struct spool_reader *r);
/* Reads up to `max` events after id `after`, oldest first; returns how many, or VG_EIO. */
int spool_read(struct spool_reader *r, int64_t after, int max, const struct spool_row **rows) VG_MUST_CHECK;
/* Copies the WAL into the file without holding up the appender. */
void spool_checkpoint(struct spool_reader *r);
/* Calls that began and have not ended, for recovery. Before calls are taken. */
int spool_read_live(struct spool_reader *r,
                    void (*fn)(void *arg, const char *tenant_id, const char *call_id, uint32_t owner_epoch,
                               int64_t started_us, int64_t last_us),
                    void *arg) VG_MUST_CHECK;

const char *spool_path(const struct vg_spool *s);
/* `wake` runs on the spool's thread after commits that added events. Set before the first append. */
void spool_on_commit(struct vg_spool *s, void (*wake)(void *arg), void *arg);
/* Events `first`..`last` are in PostgreSQL: deletes them. Any thread. */
int spool_ack(struct vg_spool *s, int64_t first, int64_t last) VG_MUST_CHECK;
/* Sets event `id` aside with the reason; it is kept in the table `poison`. Any thread. */
int spool_poison(struct vg_spool *s, int64_t id, const char *why) VG_MUST_CHECK;

#endif
