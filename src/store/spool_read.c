/* The spool's reader, used by the record thread; see spool_read.h. */
#include "store/spool_read.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"

enum { ROWS_MAX = 1000, WAL_FRAMES_MAX = 8192 /* 32 MiB */ };

struct spool_reader {
    sqlite3 *db;
    sqlite3_stmt *select;
    struct vg_buf text; /* the strings of the rows last read */
    struct spool_row rows[ROWS_MAX];
    struct {
        size_t tenant_id, call_id, body;
    } offsets[ROWS_MAX];
};

int spool_reader_open(struct spool_reader **out, const char *path)
{
    struct spool_reader *r = calloc(1, sizeof *r);
    if (!r)
        return VG_ENOMEM;
    if (sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(r->db, 1000) != SQLITE_OK ||
        sqlite3_exec(r->db, "pragma wal_autocheckpoint = 0", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(r->db,
                           "select id, kind, tenant_id, call_id, owner_epoch, ordinal, body from events "
                           "where id > ? order by id limit ?",
                           -1, SQLITE_PREPARE_PERSISTENT, &r->select, NULL) != SQLITE_OK) {
        vg_log_error("spool.reader_failed", "problem=%s", r->db ? sqlite3_errmsg(r->db) : "no memory");
        spool_reader_free(r);
        return VG_EIO;
    }
    *out = r;
    return 0;
}

struct spool_reader *spool_reader_free(struct spool_reader *r)
{
    if (!r)
        return NULL;
    sqlite3_finalize(r->select);
    sqlite3_close(r->db);
    vg_buf_free(&r->text);
    free(r);
    return NULL;
}

/* Copies a column behind the others and returns where; the buffer may still move. */
static size_t keep(struct spool_reader *r, int col)
{
    size_t at = r->text.len;
    vg_buf_add(&r->text, sqlite3_column_text(r->select, col), (size_t)sqlite3_column_bytes(r->select, col));
    vg_buf_putc(&r->text, 0);
    return at;
}

static void keep_row(struct spool_reader *r, int n)
{
    struct spool_row *row = &r->rows[n];
    row->id = sqlite3_column_int64(r->select, 0);
    row->event.kind = (enum vg_record_kind)sqlite3_column_int(r->select, 1);
    row->event.owner_epoch = (uint32_t)sqlite3_column_int64(r->select, 4);
    row->event.ordinal = (uint32_t)sqlite3_column_int64(r->select, 5);
    r->offsets[n].tenant_id = keep(r, 2);
    r->offsets[n].call_id = keep(r, 3);
    r->offsets[n].body = keep(r, 6);
}

int spool_read(struct spool_reader *r, int64_t after, int max, const struct spool_row **rows)
{
    int n = 0, rc;
    vg_buf_reset(&r->text);
    sqlite3_bind_int64(r->select, 1, after);
    sqlite3_bind_int(r->select, 2, max < ROWS_MAX ? max : ROWS_MAX);
    while ((rc = sqlite3_step(r->select)) == SQLITE_ROW)
        keep_row(r, n++);
    sqlite3_reset(r->select);
    if (rc != SQLITE_DONE || r->text.failed) {
        vg_log_error("spool.read_failed", "problem=%s", sqlite3_errmsg(r->db));
        return VG_EIO;
    }
    for (int i = 0; i < n; i++) {
        r->rows[i].event.tenant_id = r->text.data + r->offsets[i].tenant_id;
        r->rows[i].event.call_id = r->text.data + r->offsets[i].call_id;
        r->rows[i].event.body = r->text.data + r->offsets[i].body;
    }
    *rows = r->rows;
    return n;
}

void spool_checkpoint(struct spool_reader *r)
{
    int frames = 0;
    sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, NULL);
    /* Under a load without pauses the WAL never starts over by itself. This holds up the appender for as long
     * as the few frames take that came since the line above. */
    if (frames > WAL_FRAMES_MAX)
        sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

int spool_read_live(struct spool_reader *r,
                    void (*fn)(void *arg, const char *tenant_id, const char *call_id, uint32_t owner_epoch,
                               int64_t started_us, int64_t last_us),
                    void *arg)
{
    sqlite3_stmt *stmt = NULL;
    int n = 0, rc;
    if (sqlite3_prepare_v2(r->db, "select tenant_id, call_id, owner_epoch, started_us, last_us from live", -1,
                           &stmt, NULL) != SQLITE_OK)
        return VG_EIO;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        fn(arg, (const char *)sqlite3_column_text(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
           (uint32_t)sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
           sqlite3_column_int64(stmt, 4));
        n++;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? n : VG_EIO;
}
