/* Inside the store: the state of a connection, and moving statements and results over it. */
#ifndef VG_STORE_PG_WIRE_H
#define VG_STORE_PG_WIRE_H

#include <libpq-fe.h>

#include "store/pg.h"

enum pg_state {
    PG_IDLE,
    PG_BEGUN,  /* begin was called, nothing has been sent */
    PG_OPEN,   /* in a transaction */
    PG_FAILED, /* in a transaction that can only be rolled back, or without a connection */
};

struct vg_pg {
    PGconn *conn; /* NULL while not connected */
    char *url;    /* owned; holds credentials, never logged */
    enum pg_state state;
    const char *role;
    char tenant[VG_UUID_SIZE]; /* "" for none */
    int64_t deadline_us;
    int64_t next_try_us; /* no attempt to connect before this time */
    int64_t backoff_us;
    bool reused; /* the connection was made before this transaction */
    char problem[VG_PG_PROBLEM_SIZE];
    char sqlstate[8];
};

struct pg_statement {
    const char *sql;
    const char *const *params;
    size_t count;
};

int pg_wire_connect(struct vg_pg *pg, int64_t deadline_us) VG_MUST_CHECK;
/* Forgets the connection. */
void pg_wire_drop(struct vg_pg *pg);
/* Sends `n` statements and a sync in one go and reads all answers; gives the last one's result if `last` is
 * not NULL and all went well. Drops the connection when it is lost or the deadline (and a second's grace for
 * the server's own timeout) has passed. */
int pg_wire_run(struct vg_pg *pg, const struct pg_statement *statements, size_t n,
                PGresult **last) VG_MUST_CHECK;
int pg_wire_script(struct vg_pg *pg, const char *sql) VG_MUST_CHECK;

#endif
