/* A private PostgreSQL for tests: in a temporary folder, on a Unix socket, as an unprivileged user. The login
 * user is an ordinary one (CREATEROLE, owner of its database), as a managed service gives it. */
#ifndef TESTS_PG_FIXTURE_H
#define TESTS_PG_FIXTURE_H

struct vg_pg;

struct pg_fixture {
    char dir[64];        /* also writable by the test, for its own files */
    char url[256];       /* an empty database of its own */
    char admin_url[256]; /* the same database as superuser */
    int can_stop;        /* 0 where TEST_DATABASE_URL is used */
};

/* Ends the test program with a message if it cannot. With TEST_DATABASE_URL a database is made there instead.
 */
void pg_fixture_start(struct pg_fixture *fx);
void pg_fixture_migrate(struct pg_fixture *fx);
void pg_fixture_stop(struct pg_fixture *fx);
/* The server alone: gone at once, and back. */
void pg_fixture_server_down(struct pg_fixture *fx);
void pg_fixture_server_up(struct pg_fixture *fx);
/* Runs SQL as superuser; the first column of the first row goes to a static buffer, "" if none. */
const char *pg_fixture_sql(struct pg_fixture *fx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
long pg_fixture_number(struct pg_fixture *fx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Inserts a tenant with that id (prefixed) and an active status. */
void pg_fixture_tenant(struct pg_fixture *fx, const char *tenant_id, const char *name);

#endif
