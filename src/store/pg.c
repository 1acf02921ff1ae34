/* One PostgreSQL connection; see pg.h. Statements go out in libpq's pipeline mode: what opens the transaction
 * waits for the first statement and leaves in the same write. Any worker thread, one at a time.
 * Read next: pg_wire.c (waiting, sending and reading), pg_result.c. */
#include "store/pg.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/pg_result.h"
#include "store/pg_wire.h"

enum {
    DEADLINE_DEFAULT_US = 10 * VG_US_PER_S,
    BACKOFF_MIN_US = 100 * VG_US_PER_MS,
    BACKOFF_MAX_US = 5 * VG_US_PER_S,
};

int vg_pg_new(struct vg_pg **out, const char *database_url)
{
    struct vg_buf url = VG_BUF_INIT;
    char problem[VG_PG_PROBLEM_SIZE];
    int err = vg_pg_url(&url, database_url, problem);
    if (err) {
        vg_log_error("pg.url", "problem=%s", problem);
        vg_buf_free(&url);
        return err;
    }
    struct vg_pg *pg = calloc(1, sizeof *pg);
    if (pg)
        pg->url = vg_buf_take(&url);
    if (!pg || !pg->url) {
        free(pg);
        vg_buf_free(&url);
        return VG_ENOMEM;
    }
    *out = pg;
    return 0;
}

struct vg_pg *vg_pg_free(struct vg_pg *pg)
{
    if (!pg)
        return NULL;
    PQfinish(pg->conn);
    free(pg->url);
    free(pg);
    return NULL;
}

void *vg_pg_worker_state_new(void *database_url)
{
    struct vg_pg *pg = NULL;
    return vg_pg_new(&pg, database_url) ? NULL : pg;
}

void vg_pg_worker_state_free(void *state)
{
    vg_pg_free(state);
}

/* Connects if there is no good connection, unless the last failure was too short a time ago. */
static int ensure_connected(struct vg_pg *pg, int64_t deadline_us)
{
    if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK)
        return 0;
    pg_wire_drop(pg);
    int64_t now = vg_mono_us();
    if (now < pg->next_try_us)
        return VG_EUNAVAIL;
    int err = pg_wire_connect(pg, deadline_us);
    if (err) {
        pg->backoff_us = pg->backoff_us ? pg->backoff_us * 2 : BACKOFF_MIN_US;
        if (pg->backoff_us > BACKOFF_MAX_US)
            pg->backoff_us = BACKOFF_MAX_US;
        /* The low bits of the clock spread the workers' attempts. */
        pg->next_try_us = vg_mono_us() + pg->backoff_us / 2 + now % (pg->backoff_us / 2);
        return VG_EUNAVAIL;
    }
    pg->backoff_us = 0;
    pg->next_try_us = 0;
    return 0;
}

int vg_pg_begin_as(struct vg_pg *pg, enum vg_pg_role role, const char *tenant_id, int64_t deadline_us)
{
    static const char *const ROLES[] = {"voxgate_app", "voxgate_writer", "none"};
    VG_ASSERT(pg->state == PG_IDLE);
    pg->tenant[0] = 0;
    pg->problem[0] = pg->sqlstate[0] = 0;
    if (tenant_id) {
        int err = vg_id_to_uuid(pg->tenant, tenant_id, VG_ID_TENANT);
        if (err)
            return err;
    }
    pg->role = ROLES[role];
    pg->deadline_us = deadline_us ? deadline_us : vg_mono_us() + DEADLINE_DEFAULT_US;
    if (vg_mono_us() >= pg->deadline_us)
        return VG_ETIMEOUT;
    pg->reused = pg->conn != NULL;
    int err = ensure_connected(pg, pg->deadline_us);
    if (!err)
        pg->state = PG_BEGUN;
    return err;
}

int vg_pg_begin(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us)
{
    return vg_pg_begin_as(pg, VG_PG_APP, tenant_id, deadline_us);
}

/* Sends what opens the transaction together with its first statement. */
static int first_statement(struct vg_pg *pg, const struct pg_statement *statement, PGresult **result)
{
    char timeout_ms[24];
    int64_t left_us = pg->deadline_us - vg_mono_us();
    snprintf(timeout_ms, sizeof timeout_ms, "%lld", left_us < 1000 ? 1LL : (long long)left_us / 1000);
    const char *settings[] = {pg->role, pg->tenant, timeout_ms};
    const struct pg_statement all[] = {
        {"begin", NULL, 0},
        {"select set_config('role', $1, true), set_config('app.tenant_id', $2, true), "
         "set_config('statement_timeout', $3, true)",
         settings, 3},
        *statement,
    };
    return pg_wire_run(pg, all, VG_COUNT_OF(all), result);
}

int vg_pg_exec_text(struct vg_pg *pg, struct vg_rows **rows, const char *sql, const char *const *params,
                    size_t count)
{
    VG_ASSERT(pg->state == PG_BEGUN || pg->state == PG_OPEN);
    VG_ASSERT(count <= VG_PG_PARAMS_MAX);
    const struct pg_statement statement = {sql, params, count};
    PGresult *result = NULL;
    int err;
    if (pg->state == PG_OPEN) {
        err = pg_wire_run(pg, &statement, 1, &result);
    } else {
        err = first_statement(pg, &statement, &result);
        /* A connection that died while it was idle shows here. Nothing was committed, so once more. */
        if (err == VG_EUNAVAIL && !pg->conn && pg->reused && !pg_wire_connect(pg, pg->deadline_us))
            err = first_statement(pg, &statement, &result);
        pg->reused = false;
        pg->state = PG_OPEN;
    }
    if (err) {
        pg->state = PG_FAILED;
        return err;
    }
    if (rows)
        *rows = pg_rows_of(result);
    else
        PQclear(result);
    return 0;
}

int vg_pg_exec(struct vg_pg *pg, struct vg_rows **rows, enum vg_sql sql, const char *const *params,
               size_t count)
{
    int err = vg_pg_exec_text(pg, rows, vg_sql_text(sql), params, count);
    if (err)
        vg_log_debug("pg.statement", "sql=%s error=%s sqlstate=%s problem=%s", vg_sql_name(sql),
                     vg_strerror(err), pg->sqlstate, pg->problem);
    return err;
}

int vg_pg_commit(struct vg_pg *pg)
{
    enum pg_state state = pg->state;
    if (state == PG_FAILED) {
        vg_pg_rollback(pg);
        return VG_ESTATE;
    }
    pg->state = PG_IDLE;
    if (state != PG_OPEN)
        return 0;
    const struct pg_statement commit = {"commit", NULL, 0};
    return pg_wire_run(pg, &commit, 1, NULL);
}

void vg_pg_rollback(struct vg_pg *pg)
{
    const struct pg_statement rollback = {"rollback", NULL, 0};
    if (pg->conn && (pg->state == PG_OPEN || pg->state == PG_FAILED)) {
        char problem[VG_PG_PROBLEM_SIZE], sqlstate[sizeof pg->sqlstate];
        memcpy(problem, pg->problem, sizeof problem);
        memcpy(sqlstate, pg->sqlstate, sizeof sqlstate);
        if (pg_wire_run(pg, &rollback, 1, NULL))
            pg_wire_drop(pg);
        memcpy(pg->problem, problem, sizeof problem);
        memcpy(pg->sqlstate, sqlstate, sizeof sqlstate);
    }
    pg->state = PG_IDLE;
}

int vg_pg_end(struct vg_pg *pg, int err)
{
    if (!err)
        return vg_pg_commit(pg);
    vg_pg_rollback(pg);
    return err;
}

int vg_pg_query(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us, struct vg_rows **rows,
                enum vg_sql sql, const char *const *params, size_t count)
{
    struct vg_rows *got = NULL;
    int err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (!err)
        err = vg_pg_end(pg, vg_pg_exec(pg, &got, sql, params, count));
    if (!err && rows)
        *rows = got;
    else
        vg_rows_free(got);
    return err;
}

int vg_pg_script(struct vg_pg *pg, const char *sql)
{
    VG_ASSERT(pg->state == PG_IDLE);
    pg->problem[0] = pg->sqlstate[0] = 0;
    int err = ensure_connected(pg, vg_mono_us() + DEADLINE_DEFAULT_US);
    return err ? err : pg_wire_script(pg, sql);
}

int vg_pg_run_in(struct vg_pg *pg, const char *sql)
{
    VG_ASSERT(pg->state == PG_OPEN);
    int err = pg_wire_script(pg, sql);
    if (err)
        pg->state = PG_FAILED;
    return err;
}

int vg_pg_ping(struct vg_pg *pg, int64_t timeout_us)
{
    int err = vg_pg_begin_as(pg, VG_PG_LOGIN, NULL, vg_mono_us() + timeout_us);
    if (!err)
        err = vg_pg_end(pg, vg_pg_exec_text(pg, NULL, "select 1", NULL, 0));
    return err ? VG_EUNAVAIL : 0;
}

const char *vg_pg_problem(const struct vg_pg *pg)
{
    return pg->problem;
}

const char *vg_pg_sqlstate(const struct vg_pg *pg)
{
    return pg->sqlstate;
}

int vg_pg_listen(struct vg_pg *pg, const char *channel)
{
    char sql[80];
    snprintf(sql, sizeof sql, "listen %s", channel);
    return vg_pg_script(pg, sql);
}

static void deliver(struct vg_pg *pg, void (*fn)(void *arg, const char *payload), void *arg)
{
    PGnotify *n;
    while ((n = PQnotifies(pg->conn))) {
        fn(arg, n->extra);
        PQfreemem(n);
    }
}

int vg_pg_wait(struct vg_pg *pg, int wake_fd, int64_t timeout_us, void (*fn)(void *arg, const char *payload),
               void *arg)
{
    if (!pg->conn)
        return VG_EUNAVAIL;
    struct pollfd fds[] = {{.fd = PQsocket(pg->conn), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    deliver(pg, fn, arg);
    if (poll(fds, 2, (int)(timeout_us / 1000)) <= 0 || !fds[0].revents)
        return 0;
    if (!PQconsumeInput(pg->conn)) {
        pg_wire_drop(pg);
        return VG_EUNAVAIL;
    }
    deliver(pg, fn, arg);
    return 0;
}
