/* One PostgreSQL connection for straight-line blocking code: request workers, the record thread, tools.
 *
 * Every statement runs in a transaction that first takes a role and a tenant, sent in the same round trip as
 * the first statement; statements are unnamed and settings local, so PgBouncer may pool by transaction:
 *
 *     err = vg_pg_begin(pg, tenant_id, deadline_us);
 *     if (!err)
 *         err = vg_pg_exec(pg, &rows, VG_SQL_call_load, (const char *[]){call_uuid}, 1);
 *     err = vg_pg_end(pg, err);       -- commit, or roll back and pass the error on
 *
 * A lost connection is VG_EUNAVAIL; the next begin connects again, with back-off from 0.1 to 5 s during which
 * begin fails at once. One thread at a time; no function here may run on a loop thread. libpq stays behind
 * this header. */
#ifndef VG_STORE_PG_H
#define VG_STORE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "store/sql.h"

struct vg_pg;
struct vg_rows;

enum { VG_PG_PROBLEM_SIZE = 512, VG_PG_PARAMS_MAX = 24 };

enum vg_pg_role {
    VG_PG_APP,    /* row-level security by tenant */
    VG_PG_WRITER, /* the spool's events, all tenants */
    VG_PG_LOGIN,  /* no role is taken: migrations only */
};

/* Turns a DATABASE_URL into what libpq takes: "postgres://" and "postgresql://", a "+driver" suffix dropped,
 * "ssl=" renamed. VG_EINVAL: `problem` says in words what is wrong, without the password. */
int vg_pg_url(struct vg_buf *out, const char *database_url, char problem[VG_PG_PROBLEM_SIZE]) VG_MUST_CHECK;

/* Makes a connection object; connects at the first begin. VG_EINVAL: the URL is not usable. */
int vg_pg_new(struct vg_pg **out, const char *database_url) VG_MUST_CHECK;
struct vg_pg *vg_pg_free(struct vg_pg *pg);
/* Adapters for struct vg_workers_config: `arg` is the DATABASE_URL (kept by the caller), the state a vg_pg.
 */
void *vg_pg_worker_state_new(void *database_url);
void vg_pg_worker_state_free(void *state);

/* Begins a transaction as voxgate_app for `tenant_id` (prefixed or UUID; NULL: none, sees nothing but what
 * the definer functions give). `deadline_us` is monotonic, 0: 10 s from now. Sends nothing yet but may
 * connect. Errors: VG_EUNAVAIL, VG_EPARSE (not a tenant id), VG_ETIMEOUT. */
int vg_pg_begin(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us) VG_MUST_CHECK;
int vg_pg_begin_as(struct vg_pg *pg, enum vg_pg_role role, const char *tenant_id,
                   int64_t deadline_us) VG_MUST_CHECK;
/* Runs one statement with text parameters (NULL is null). `rows` may be NULL; else gives a result to be
 * freed. Errors: VG_EUNAVAIL (connection lost, server shutting down, read-only), VG_EEXIST (unique),
 * VG_ENOENT (foreign key, no_data_found), VG_EINVAL (data of the wrong form, check constraint), VG_EAGAIN
 * (serialisation, deadlock), VG_ETIMEOUT, VG_EFORBIDDEN (permission, row security), VG_EIO (anything else).
 * After an error only rollback is allowed. */
int vg_pg_exec(struct vg_pg *pg, struct vg_rows **rows, enum vg_sql sql, const char *const *params,
               size_t count) VG_MUST_CHECK;
int vg_pg_exec_text(struct vg_pg *pg, struct vg_rows **rows, const char *sql, const char *const *params,
                    size_t count) VG_MUST_CHECK;
/* VG_EUNAVAIL from commit: it is not known whether it happened. */
int vg_pg_commit(struct vg_pg *pg) VG_MUST_CHECK;
void vg_pg_rollback(struct vg_pg *pg);
/* Commits if `err` is 0, else rolls back and returns `err`. */
int vg_pg_end(struct vg_pg *pg, int err) VG_MUST_CHECK;
/* begin, one statement, commit. */
int vg_pg_query(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us, struct vg_rows **rows,
                enum vg_sql sql, const char *const *params, size_t count) VG_MUST_CHECK;

/* Runs a script of many statements outside of the rules above, in one implicit transaction. Migrations,
 * tests. */
int vg_pg_script(struct vg_pg *pg, const char *sql) VG_MUST_CHECK;
/* Runs a script of many statements inside the open transaction. Migrations. */
int vg_pg_run_in(struct vg_pg *pg, const char *sql) VG_MUST_CHECK;
/* Asks once, at most `timeout_us`: 0 or VG_EUNAVAIL. For health checks and start-up. */
int vg_pg_ping(struct vg_pg *pg, int64_t timeout_us) VG_MUST_CHECK;
/* The last error in the server's words; "" if none. Never holds credentials. Until the next call. */
const char *vg_pg_problem(const struct vg_pg *pg);
const char *vg_pg_sqlstate(const struct vg_pg *pg);
/* After vg_pg_listen the connection receives notifications on `channel`; vg_pg_wait blocks until one comes,
 * and calls `fn` for each, or until `wake_fd` (-1: none) is readable or the time is up. Not through
 * PgBouncer. */
int vg_pg_listen(struct vg_pg *pg, const char *channel) VG_MUST_CHECK;
int vg_pg_wait(struct vg_pg *pg, int wake_fd, int64_t timeout_us, void (*fn)(void *arg, const char *payload),
               void *arg) VG_MUST_CHECK;

/* --- results: rows and columns count from 0; text lives until vg_rows_free -------------------------------
 */
size_t vg_rows_count(const struct vg_rows *r);
/* Rows that an INSERT, UPDATE or DELETE touched. */
int64_t vg_rows_affected(const struct vg_rows *r);
bool vg_rows_null(const struct vg_rows *r, size_t row, int col);
const char *vg_rows_text(const struct vg_rows *r, size_t row, int col); /* "" for null */
int64_t vg_rows_int(const struct vg_rows *r, size_t row, int col);      /* 0 for null */
double vg_rows_num(const struct vg_rows *r, size_t row, int col);       /* 0 for null; never for money */
bool vg_rows_bool(const struct vg_rows *r, size_t row, int col);        /* false for null */
/* The prefixed id of a uuid column, "" for null. */
void vg_rows_id(const struct vg_rows *r, size_t row, int col, const char *prefix, char out[VG_ID_SIZE]);
struct vg_rows *vg_rows_free(struct vg_rows *r);

#endif
