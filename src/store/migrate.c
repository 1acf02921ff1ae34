/* Applies and checks the embedded migrations; see migrate.h. */
#include "store/migrate.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"

struct migration {
    const char *name; /* "0001_roles" */
    const char *sql;
};

/* File names begin with a digit, so the table spells them as strings. */
static const struct migration MIGRATIONS[] = {
#define VG_SQL_FILE(name, text) {#name, text},
#include "store/migrations_table.inc"
#undef VG_SQL_FILE
};

enum { MIGRATE_DEADLINE_S = 600 };

static int version_of(const struct migration *m)
{
    return atoi(m->name);
}

static int newest(void)
{
    return version_of(&MIGRATIONS[VG_COUNT_OF(MIGRATIONS) - 1]);
}

/* The number after `-- oldest-program:`; a file without it suits every program. */
static int oldest_program(const struct migration *m)
{
    const char *at = strstr(m->sql, "-- oldest-program:");
    return at ? atoi(at + strlen("-- oldest-program:")) : 1;
}

static int fail(char problem[VG_PG_PROBLEM_SIZE], int err, const struct vg_pg *pg, const char *what)
{
    snprintf(problem, VG_PG_PROBLEM_SIZE, "%s: %.400s", what,
             *vg_pg_problem(pg) ? vg_pg_problem(pg) : vg_strerror(err));
    return err;
}

/* Looks up one migration under the lock: 1 applied, 0 not yet, or negative. */
static int is_applied(struct vg_pg *pg, const struct migration *m, char problem[VG_PG_PROBLEM_SIZE])
{
    char version[16], sum[VG_SHA256_HEX_SIZE];
    snprintf(version, sizeof version, "%d", version_of(m));
    vg_sha256_hex(m->sql, strlen(m->sql), sum);
    struct vg_rows *rows = NULL;
    int err = vg_pg_exec_text(pg, &rows, "select checksum from schema_migrations where version = $1::int",
                              (const char *[]){version}, 1);
    if (err)
        return fail(problem, err, pg, "reading schema_migrations");
    int found = vg_rows_count(rows) > 0;
    if (found && strcmp(vg_rows_text(rows, 0, 0), sum) != 0) {
        snprintf(problem, VG_PG_PROBLEM_SIZE,
                 "migration %s differs from the one that this database was migrated with: migrations never "
                 "change once applied; run the release that made this database",
                 m->name);
        found = VG_ESTATE;
    }
    vg_rows_free(rows);
    return found;
}

/* Runs the file's statements one script at a time inside the open transaction. */
static int apply(struct vg_pg *pg, const struct migration *m, char problem[VG_PG_PROBLEM_SIZE])
{
    char version[16], oldest[16], sum[VG_SHA256_HEX_SIZE];
    snprintf(version, sizeof version, "%d", version_of(m));
    snprintf(oldest, sizeof oldest, "%d", oldest_program(m));
    vg_sha256_hex(m->sql, strlen(m->sql), sum);
    int err = vg_pg_run_in(pg, m->sql);
    if (!err)
        err = vg_pg_exec_text(pg, NULL, "reset role", NULL, 0);
    if (!err)
        err = vg_pg_exec_text(pg, NULL,
                              "insert into schema_migrations (version, name, checksum, oldest_program) "
                              "values ($1::int, $2, $3, $4::int)",
                              (const char *[]){version, m->name, sum, oldest}, 4);
    return err ? fail(problem, err, pg, m->name) : 0;
}

static int step(struct vg_pg *pg, const struct migration *m, void (*progress)(void *, const char *),
                void *arg, char problem[VG_PG_PROBLEM_SIZE])
{
    int err = vg_pg_begin_as(pg, VG_PG_LOGIN, NULL, vg_mono_us() + (int64_t)MIGRATE_DEADLINE_S * VG_US_PER_S);
    if (err)
        return fail(problem, err, pg, "the database does not answer");
    err = vg_pg_exec_text(pg, NULL, "select pg_advisory_xact_lock(hashtext('voxgate.migrate'))", NULL, 0);
    if (err)
        fail(problem, err, pg, "waiting for another migration");
    int applied = err ? err : is_applied(pg, m, problem);
    if (applied == 0) {
        int64_t start = vg_mono_us();
        err = vg_pg_end(pg, apply(pg, m, problem));
        if (err || !progress)
            return err;
        char line[160];
        snprintf(line, sizeof line, "applied %s (%lld ms)", m->name,
                 (long long)(vg_mono_us() - start) / 1000);
        progress(arg, line);
        return 0;
    }
    return vg_pg_end(pg, applied < 0 ? applied : 0);
}

static int bootstrap(struct vg_pg *pg, char problem[VG_PG_PROBLEM_SIZE])
{
    int err = vg_pg_begin_as(pg, VG_PG_LOGIN, NULL, 0);
    if (err)
        return fail(problem, err, pg, "the database does not answer");
    err = vg_pg_exec_text(pg, NULL, "select pg_advisory_xact_lock(hashtext('voxgate.migrate'))", NULL, 0);
    if (!err)
        err = vg_pg_exec_text(pg, NULL,
                              "create table if not exists schema_migrations (version int primary key, "
                              "name text not null, checksum text not null, oldest_program int not null, "
                              "applied_at timestamptz not null default now())",
                              NULL, 0);
    if (err)
        fail(problem, err, pg, "making schema_migrations");
    return vg_pg_end(pg, err);
}

/* Refuses a database that a newer release has made unfit for this one. */
static int check(struct vg_pg *pg, bool must_be_complete, char problem[VG_PG_PROBLEM_SIZE])
{
    struct vg_rows *rows = NULL;
    int err = vg_pg_begin_as(pg, VG_PG_LOGIN, NULL, 0);
    if (!err)
        err = vg_pg_end(pg,
                        vg_pg_exec_text(pg, &rows,
                                        "select coalesce(max(version), 0), coalesce(max(oldest_program), 0) "
                                        "from schema_migrations",
                                        NULL, 0));
    bool no_table = strcmp(vg_pg_sqlstate(pg), "42P01") == 0;
    if (err && !no_table)
        return fail(problem, err, pg, "the database does not answer");
    int have = no_table ? 0 : (int)vg_rows_int(rows, 0, 0);
    int oldest = no_table ? 0 : (int)vg_rows_int(rows, 0, 1);
    vg_rows_free(rows);
    if (oldest > newest()) {
        snprintf(problem, VG_PG_PROBLEM_SIZE,
                 "the database was migrated to version %d by a newer release; this program knows %d: run the "
                 "newer "
                 "release",
                 have, newest());
        return VG_ESTATE;
    }
    if (must_be_complete && have < newest()) {
        snprintf(problem, VG_PG_PROBLEM_SIZE,
                 "the database schema is at version %d, this program needs %d: run `voxgate migrate`", have,
                 newest());
        return VG_ESTATE;
    }
    return 0;
}

int vg_migrate(const char *database_url, void (*progress)(void *arg, const char *line), void *arg,
               char problem[VG_PG_PROBLEM_SIZE])
{
    struct vg_buf url = VG_BUF_INIT;
    struct vg_pg *pg = NULL;
    int err = vg_pg_url(&url, database_url, problem);
    vg_buf_free(&url);
    if (!err)
        err = vg_pg_new(&pg, database_url);
    if (!err)
        err = bootstrap(pg, problem);
    if (!err)
        err = check(pg, false, problem);
    for (size_t i = 0; !err && i < VG_COUNT_OF(MIGRATIONS); i++)
        err = step(pg, &MIGRATIONS[i], progress, arg, problem);
    vg_pg_free(pg);
    return err;
}

int vg_schema_check(const char *database_url, char problem[VG_PG_PROBLEM_SIZE])
{
    struct vg_buf url = VG_BUF_INIT;
    struct vg_pg *pg = NULL;
    int err = vg_pg_url(&url, database_url, problem);
    vg_buf_free(&url);
    if (!err)
        err = vg_pg_new(&pg, database_url);
    if (!err)
        err = check(pg, true, problem);
    vg_pg_free(pg);
    return err;
}
