/* Connecting, sending and reading with deadlines, and what the server's errors mean; see pg_wire.h. */
#include "store/pg_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"

enum {
    CONNECT_TIMEOUT_US = 5 * VG_US_PER_S,
    GRACE_US = VG_US_PER_S,
};

/* What a caller can do about an SQLSTATE. Source: PostgreSQL 15, appendix A. */
static int error_of(const char *state)
{
    static const struct {
        const char *prefix;
        int err;
    } TABLE[] = {
        {"23505", VG_EEXIST}, {"23503", VG_ENOENT},     {"P0002", VG_ENOENT},   {"23", VG_EINVAL},
        {"22", VG_EINVAL},    {"P0001", VG_EINVAL},     {"57014", VG_ETIMEOUT}, {"55P03", VG_ETIMEOUT},
        {"40", VG_EAGAIN},    {"42501", VG_EFORBIDDEN}, {"44", VG_EFORBIDDEN},  {"08", VG_EUNAVAIL},
        {"57P", VG_EUNAVAIL}, {"53", VG_EUNAVAIL},      {"25006", VG_EUNAVAIL}, {"28", VG_EUNAVAIL},
    };
    for (size_t i = 0; i < VG_COUNT_OF(TABLE); i++) {
        if (strncmp(state, TABLE[i].prefix, strlen(TABLE[i].prefix)) == 0)
            return TABLE[i].err;
    }
    return VG_EIO;
}

static void note(struct vg_pg *pg, const char *text)
{
    snprintf(pg->problem, sizeof pg->problem, "%s", text);
    pg->problem[strcspn(pg->problem, "\n")] = 0;
}

void pg_wire_drop(struct vg_pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
}

static int lost(struct vg_pg *pg)
{
    note(pg, PQerrorMessage(pg->conn));
    pg_wire_drop(pg);
    return VG_EUNAVAIL;
}

/* Waits for `events` on the socket; VG_ETIMEOUT at the deadline. */
static int wait_socket(PGconn *conn, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - vg_mono_us();
        if (left_us <= 0)
            return VG_ETIMEOUT;
        struct pollfd fd = {.fd = PQsocket(conn), .events = events};
        int n = poll(&fd, 1, (int)(left_us / 1000) + 1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return VG_EIO;
    }
}

/* A wait at every step, so that a server which accepts and says nothing costs the time-out and no more. */
static int poll_connection(PGconn *conn, int64_t deadline_us)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (step != PGRES_POLLING_OK) {
        int err = wait_socket(conn, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us);
        if (err)
            return err;
        step = PQconnectPoll(conn);
        if (step == PGRES_POLLING_FAILED)
            return VG_EUNAVAIL;
    }
    return 0;
}

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

int pg_wire_connect(struct vg_pg *pg, int64_t deadline_us)
{
    const char *const names[] = {"dbname",     "fallback_application_name", "client_encoding",
                                 "gssencmode", "keepalives_idle",           "tcp_user_timeout",
                                 NULL};
    const char *const values[] = {pg->url, "voxgate", "UTF8", "disable", "30", "15000", NULL};
    int64_t latest = vg_mono_us() + CONNECT_TIMEOUT_US;
    pg->conn = PQconnectStartParams(names, values, 1);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD)
        return lost(pg);
    int err = poll_connection(pg->conn, deadline_us < latest ? deadline_us : latest);
    if (err) {
        lost(pg);
        if (err == VG_ETIMEOUT)
            note(pg, "timed out while connecting");
        return VG_EUNAVAIL;
    }
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    if (PQsetnonblocking(pg->conn, 1))
        return lost(pg);
    return 0;
}

static int send_all(PGconn *conn, const struct pg_statement *statements, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct pg_statement *s = &statements[i];
        if (!PQsendQueryParams(conn, s->sql, (int)s->count, NULL, s->params, NULL, NULL, 0))
            return VG_EUNAVAIL;
    }
    return PQpipelineSync(conn) ? 0 : VG_EUNAVAIL;
}

/* Blocks until PQgetResult would not; writes what is still to be written meanwhile. */
static int wait_result(PGconn *conn, int64_t deadline_us)
{
    int unsent = PQflush(conn);
    while (unsent >= 0 && PQisBusy(conn)) {
        int err = wait_socket(conn, (short)(POLLIN | (unsent ? POLLOUT : 0)), deadline_us);
        if (err)
            return err;
        if (!PQconsumeInput(conn))
            return VG_EUNAVAIL;
        unsent = PQflush(conn);
    }
    return unsent < 0 ? VG_EUNAVAIL : 0;
}

/* Keeps what the server says about a statement that failed. */
static int note_error(struct vg_pg *pg, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state ? state : "");
    note(pg, text ? text : PQresultErrorMessage(r));
    return state ? error_of(state) : VG_EUNAVAIL;
}

/* Reads up to the sync. Returns 0 or the first statement's error; *gone: the connection is of no more use. */
static int read_all(struct vg_pg *pg, PGresult **last, bool *gone)
{
    int err = 0;
    for (;;) {
        int waited = wait_result(pg->conn, pg->deadline_us + GRACE_US);
        PGresult *r = waited ? NULL : PQgetResult(pg->conn);
        if (waited || PQstatus(pg->conn) == CONNECTION_BAD) {
            *gone = true;
            if (!err && r && PQresultStatus(r) == PGRES_FATAL_ERROR)
                note_error(pg, r);
            PQclear(r);
            return waited == VG_ETIMEOUT ? VG_ETIMEOUT : VG_EUNAVAIL;
        }
        if (!r)
            continue; /* the end of one statement's results */
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return err;
        }
        if ((status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) && !err)
            err = note_error(pg, r);
        PQclear(*last);
        *last = r;
    }
}

int pg_wire_run(struct vg_pg *pg, const struct pg_statement *statements, size_t n, PGresult **last)
{
    PGresult *result = NULL;
    bool gone = false;
    if (!pg->conn)
        return VG_EUNAVAIL;
    if (!PQenterPipelineMode(pg->conn) || send_all(pg->conn, statements, n))
        return lost(pg);
    int err = read_all(pg, &result, &gone);
    if (gone && !pg->problem[0])
        note(pg, PQerrorMessage(pg->conn));
    /* After "shutting down" or "too many connections" the server closes the connection anyway. */
    if (gone || err == VG_EUNAVAIL || !PQexitPipelineMode(pg->conn))
        pg_wire_drop(pg);
    if (!err && last)
        *last = result;
    else
        PQclear(result);
    return err;
}

int pg_wire_script(struct vg_pg *pg, const char *sql)
{
    PGresult *r = PQexec(pg->conn, sql);
    ExecStatusType status = PQresultStatus(r);
    int err = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        err = note_error(pg, r);
    PQclear(r);
    if (PQstatus(pg->conn) == CONNECTION_BAD)
        pg_wire_drop(pg);
    return err;
}
