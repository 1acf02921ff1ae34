/* Starts and stops a private PostgreSQL; see pg_fixture.h. */
#include "pg_fixture.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "store/migrate.h"

static const char BIN[] = "/usr/lib/postgresql/15/bin";

static void die(const char *what)
{
    fprintf(stderr, "pg_fixture: %s\n", what);
    exit(1);
}

/* Runs a shell command as a user that PostgreSQL is willing to run as. */
static void as_user(const struct pg_fixture *fx, const char *command)
{
    char line[1024];
    const char *user = getpwnam("postgres") ? "postgres" : "nobody";
    if (geteuid() == 0)
        snprintf(line, sizeof line, "cd %s && setpriv --reuid=%s --regid=%d --clear-groups %s", fx->dir, user,
                 (int)getpwnam(user)->pw_gid, command);
    else
        snprintf(line, sizeof line, "cd %s && %s", fx->dir, command);
    if (system(line) != 0)
        die(line);
}

static PGconn *admin(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        die(PQerrorMessage(conn));
    return conn;
}

static void run_sql(const char *url, const char *sql)
{
    PGconn *conn = admin(url);
    PGresult *r = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die(PQresultErrorMessage(r));
    PQclear(r);
    PQfinish(conn);
}

void pg_fixture_server_up(struct pg_fixture *fx)
{
    char command[512];
    snprintf(command, sizeof command,
             "%s/pg_ctl -s -w -D %s/data -l %s/log -o \"-c fsync=off -c listen_addresses='' "
             "-c unix_socket_directories=%s -c max_connections=40\" start",
             BIN, fx->dir, fx->dir, fx->dir);
    as_user(fx, command);
}

void pg_fixture_server_down(struct pg_fixture *fx)
{
    char command[256];
    snprintf(command, sizeof command, "%s/pg_ctl -s -w -D %s/data -m immediate stop", BIN, fx->dir);
    as_user(fx, command);
}

/* TEST_DATABASE_URL with the name of the database replaced. */
static void own_database(struct pg_fixture *fx, const char *url)
{
    char sql[128], name[64];
    snprintf(name, sizeof name, "voxgate_test_%d", (int)getpid());
    snprintf(sql, sizeof sql, "create database %s", name);
    run_sql(url, sql);
    const char *host = strstr(url, "://");
    const char *slash = host ? strchr(host + 3, '/') : NULL;
    const char *query = strchr(url, '?');
    int head = (int)(slash ? slash - url : query ? query - url : (long)strlen(url));
    snprintf(fx->url, sizeof fx->url, "%.*s/%s%s", head, url, name, query ? query : "");
    memcpy(fx->admin_url, fx->url, sizeof fx->admin_url);
}

/* A process that outlives a test that crashes, and cleans up after it: the pipe's end is the test's. The
 * processes that a test forks hold the pipe too, so they are waited for. */
static void watch(const struct pg_fixture *fx)
{
    int fds[2];
    char byte, command[512];
    if (pipe2(fds, O_CLOEXEC))
        die("pipe2");
    pid_t pid = fork();
    if (pid != 0) {
        close(fds[0]);
        return;
    }
    setsid();
    close(fds[1]);
    while (read(fds[0], &byte, 1) > 0)
        ;
    snprintf(command, sizeof command,
             "test -f %s/data/postmaster.pid && kill -QUIT $(head -1 %s/data/postmaster.pid); rm -rf %s",
             fx->dir, fx->dir, fx->dir);
    _exit(access(fx->dir, F_OK) == 0 ? system(command) : 0);
}

void pg_fixture_start(struct pg_fixture *fx)
{
    memset(fx, 0, sizeof *fx);
    snprintf(fx->dir, sizeof fx->dir, "/tmp/vg-store-XXXXXX");
    if (!mkdtemp(fx->dir))
        die("mkdtemp");
    watch(fx);
    chmod(fx->dir, 0777); /* the server's user makes its folder and socket here */
    const char *url = getenv("TEST_DATABASE_URL");
    if (url) {
        own_database(fx, url);
        return;
    }
    char command[512];
    snprintf(command, sizeof command,
             "%s/initdb -D %s/data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >%s/initdb.log",
             BIN, fx->dir, fx->dir);
    as_user(fx, command);
    fx->can_stop = 1;
    pg_fixture_server_up(fx);
    char super[256];
    snprintf(super, sizeof super, "postgresql://postgres@/postgres?host=%s", fx->dir);
    run_sql(super, "create role voxgate login createrole nosuperuser");
    run_sql(super, "create database voxgate owner voxgate");
    snprintf(fx->url, sizeof fx->url, "postgresql+asyncpg://voxgate@/voxgate?host=%s", fx->dir);
    snprintf(fx->admin_url, sizeof fx->admin_url, "postgresql://postgres@/voxgate?host=%s", fx->dir);
}

void pg_fixture_migrate(struct pg_fixture *fx)
{
    char problem[VG_PG_PROBLEM_SIZE] = "";
    if (vg_migrate(fx->url, NULL, NULL, problem))
        die(problem);
}

void pg_fixture_stop(struct pg_fixture *fx)
{
    char command[128];
    if (fx->can_stop)
        pg_fixture_server_down(fx);
    snprintf(command, sizeof command, "rm -rf %s", fx->dir);
    if (system(command) != 0)
        fprintf(stderr, "pg_fixture: could not remove %s\n", fx->dir);
}

const char *pg_fixture_sql(struct pg_fixture *fx, const char *fmt, ...)
{
    static char answer[4096];
    char sql[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    PGconn *conn = admin(fx->admin_url);
    PGresult *r = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        die(PQresultErrorMessage(r));
    snprintf(answer, sizeof answer, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(conn);
    return answer;
}

long pg_fixture_number(struct pg_fixture *fx, const char *fmt, ...)
{
    char sql[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    return strtol(pg_fixture_sql(fx, "%s", sql), NULL, 10);
}

void pg_fixture_tenant(struct pg_fixture *fx, const char *tenant_id, const char *name)
{
    char uuid[VG_UUID_SIZE];
    if (vg_id_to_uuid(uuid, tenant_id, VG_ID_TENANT))
        die("not a tenant id");
    pg_fixture_sql(fx, "insert into tenants (id, name) values ('%s', '%s')", uuid, name);
}
