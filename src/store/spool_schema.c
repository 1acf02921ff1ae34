/* Opening the spool's file; see spool_schema.h. */
#include "store/spool_schema.h"

#include "base/log.h"

enum { FORMAT = 1 };

/* NORMAL: a commit reaches the kernel, not the disk; that survives a kill. The checkpoint, which does write
 * to the disk, is the record thread's. */
static const char PRAGMAS[] = "pragma journal_mode = wal; pragma synchronous = normal;"
                              "pragma wal_autocheckpoint = 0; pragma temp_store = memory;";

static const char TABLES[] =
    "begin immediate;"
    "create table if not exists events (id integer primary key autoincrement, kind int not null,"
    " tenant_id text not null, call_id text not null, owner_epoch int not null, ordinal int not null,"
    " body text not null, unique (call_id, owner_epoch, ordinal));"
    "create table if not exists live (call_id text primary key, tenant_id text not null, owner_epoch int not "
    "null,"
    " started_us int not null, last_us int not null) without rowid;"
    "create table if not exists poison (id integer primary key, kind int, tenant_id text, call_id text,"
    " owner_epoch int, ordinal int, body text, why text, at_us int);"
    "pragma user_version = 1;"
    "commit;";

int64_t spool_schema_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

int spool_schema_open(sqlite3 **db, const char *path, int64_t *depth)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, db, flags, NULL) != SQLITE_OK)
        goto failed;
    sqlite3_busy_timeout(*db, 5000);
    if (sqlite3_exec(*db, PRAGMAS, NULL, NULL, NULL) != SQLITE_OK)
        goto failed;
    if (spool_schema_number(*db, "pragma user_version") > FORMAT) {
        vg_log_error("spool.format", "path=%s problem=%s", path, "written by a later release");
        return VG_ENOTSUP;
    }
    if (sqlite3_exec(*db, TABLES, NULL, NULL, NULL) != SQLITE_OK)
        goto failed;
    *depth = spool_schema_number(*db, "select count(*) from events");
    return 0;
failed:
    vg_log_error("spool.open_failed", "path=%s problem=%s", path, *db ? sqlite3_errmsg(*db) : "no memory");
    return VG_EIO;
}
