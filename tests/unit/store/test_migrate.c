/* Migrations, row-level security and the embedded statements, on a private PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "pg_fixture.h"
#include "store/migrate.h"
#include "store/pg.h"

static struct pg_fixture fx;
static char tenant_a[VG_ID_SIZE], tenant_b[VG_ID_SIZE];

static int start(void **state)
{
    (void)state;
    pg_fixture_start(&fx);
    vg_id_new(tenant_a, VG_ID_TENANT);
    vg_id_new(tenant_b, VG_ID_TENANT);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pg_fixture_stop(&fx);
    return 0;
}

static const char *url_of(const char *url, struct vg_buf *out)
{
    char problem[VG_PG_PROBLEM_SIZE];
    vg_buf_reset(out);
    return vg_pg_url(out, url, problem) ? NULL : vg_buf_str(out);
}

static void urls_of_other_drivers_become_libpq_ones(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    char problem[VG_PG_PROBLEM_SIZE];
    assert_string_equal(url_of("postgres://u@h/d", &b), "postgresql://u@h/d");
    assert_string_equal(url_of("postgresql+asyncpg://u:p@h:1/d", &b), "postgresql://u:p@h:1/d");
    assert_string_equal(url_of("postgresql+psycopg2:///d?host=/run/x", &b), "postgresql:///d?host=/run/x");
    assert_string_equal(url_of("postgresql://h/d?ssl=require&a=b", &b),
                        "postgresql://h/d?sslmode=require&a=b");
    assert_string_equal(url_of("postgresql://h/d?ssl=true", &b), "postgresql://h/d?sslmode=require");
    assert_null(url_of("mysql://h/d", &b));
    assert_null(url_of("postgresqlx://h/d", &b));
    assert_null(url_of("", &b));
    assert_int_equal(vg_pg_url(&b, "file:./dev.db", problem), VG_EINVAL);
    assert_non_null(strstr(problem, "SQLite"));
    vg_buf_free(&b);
}

static void an_empty_database_is_refused_with_what_to_run(void **state)
{
    (void)state;
    char problem[VG_PG_PROBLEM_SIZE] = "";
    assert_int_equal(vg_schema_check(fx.url, problem), VG_ESTATE);
    assert_non_null(strstr(problem, "run `voxgate migrate`"));
    assert_int_equal(vg_schema_check("postgresql://u@/d?host=/nowhere", problem), VG_EUNAVAIL);
}

static void count_line(void *arg, const char *line)
{
    (void)line;
    ++*(int *)arg;
}

static void several_programs_may_migrate_at_once(void **state)
{
    (void)state;
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char problem[VG_PG_PROBLEM_SIZE] = "";
            int err = vg_migrate(fx.url, NULL, NULL, problem);
            if (err)
                fprintf(stderr, "%s\n", problem);
            _exit(err != 0);
        }
    }
    for (int i = 0; i < 3; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    pg_fixture_sql(&fx, "drop owned by voxgate_owner; drop table schema_migrations");
}

static void migrations_apply_once(void **state)
{
    (void)state;
    char problem[VG_PG_PROBLEM_SIZE] = "";
    int lines = 0;
    int err = vg_migrate(fx.url, count_line, &lines, problem);
    if (err)
        fail_msg("%s", problem);
    assert_true(lines >= 4);
    lines = 0;
    assert_int_equal(vg_migrate(fx.url, count_line, &lines, problem), 0);
    assert_int_equal(lines, 0);
    assert_int_equal(vg_schema_check(fx.url, problem), 0);
}

static void a_changed_or_newer_migration_is_refused(void **state)
{
    (void)state;
    char problem[VG_PG_PROBLEM_SIZE] = "";
    pg_fixture_sql(&fx, "update schema_migrations set checksum = 'x' || checksum where version = 2");
    assert_int_equal(vg_migrate(fx.url, NULL, NULL, problem), VG_ESTATE);
    assert_non_null(strstr(problem, "0002_tables differs"));
    pg_fixture_sql(&fx, "update schema_migrations set checksum = substr(checksum, 2) where version = 2");
    pg_fixture_sql(&fx, "insert into schema_migrations values (9000, '9000_later', '', 1)");
    assert_int_equal(vg_schema_check(fx.url, problem), 0);
    pg_fixture_sql(&fx, "update schema_migrations set oldest_program = 9000 where version = 9000");
    assert_int_equal(vg_schema_check(fx.url, problem), VG_ESTATE);
    assert_non_null(strstr(problem, "newer release"));
    pg_fixture_sql(&fx, "delete from schema_migrations where version = 9000");
}

static void every_statement_prepares(void **state)
{
    (void)state;
    for (int i = 0; i < VG_SQL_COUNT; i++) {
        struct vg_buf sql = VG_BUF_INIT;
        vg_buf_printf(&sql, "prepare p%d as %s", i, vg_sql_text((enum vg_sql)i));
        pg_fixture_sql(&fx, "%s", vg_buf_str(&sql));
        vg_buf_free(&sql);
    }
}

/* Runs `sql` as `role` for `tenant`; gives the error, and in *n the first column as a number. */
static int as(enum vg_pg_role role, const char *tenant, const char *sql, int64_t *n)
{
    struct vg_pg *pg = NULL;
    struct vg_rows *rows = NULL;
    assert_int_equal(vg_pg_new(&pg, fx.url), 0);
    assert_int_equal(vg_pg_begin_as(pg, role, tenant, 0), 0);
    int err = vg_pg_end(pg, vg_pg_exec_text(pg, &rows, sql, NULL, 0));
    if (!err && n)
        *n = vg_rows_int(rows, 0, 0);
    vg_rows_free(rows);
    vg_pg_free(pg);
    return err;
}

static void a_tenant_sees_only_its_rows_and_an_empty_setting_none(void **state)
{
    (void)state;
    int64_t n = -1;
    pg_fixture_tenant(&fx, tenant_a, "A");
    pg_fixture_tenant(&fx, tenant_b, "B");
    const char *count = "select count(*) from tenants";
    assert_int_equal(as(VG_PG_APP, tenant_a, count, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(as(VG_PG_APP, NULL, count, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(as(VG_PG_LOGIN, NULL, count, &n), 0);
    assert_int_equal(n, 0);
}

static void every_table_with_a_tenant_has_forced_row_security(void **state)
{
    (void)state;
    assert_int_equal(
        pg_fixture_number(&fx,
                          "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                          "where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition "
                          "and c.relname <> 'schema_migrations' "
                          "and not (c.relrowsecurity and c.relforcerowsecurity)"),
        0);
    /* A partition by itself is out of reach. */
    assert_int_equal(as(VG_PG_APP, tenant_a, "select count(*) from messages_rest", NULL), VG_EFORBIDDEN);
}

static void writing_for_another_tenant_is_refused(void **state)
{
    (void)state;
    char sql[512], uuid_b[VG_UUID_SIZE];
    int64_t n = -1;
    assert_int_equal(vg_id_to_uuid(uuid_b, tenant_b, VG_ID_TENANT), 0);
    snprintf(sql, sizeof sql,
             "insert into sessions (id, tenant_id) values (gen_random_uuid(), '%s') returning 1", uuid_b);
    assert_int_equal(as(VG_PG_APP, tenant_a, sql, NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_APP, NULL, sql, NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_APP, tenant_b, sql, &n), 0);
    assert_int_equal(as(VG_PG_APP, tenant_a,
                        "with x as (update sessions set status = 'gone' returning 1) "
                        "select count(*) from x",
                        &n),
                     0);
    assert_int_equal(n, 0);
}

static void the_writer_may_only_apply_events(void **state)
{
    (void)state;
    assert_int_equal(as(VG_PG_WRITER, NULL, "select count(*) from calls", NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_WRITER, NULL, "delete from calls", NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_WRITER, NULL, "select admin_key_list(null)", NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_APP, tenant_a, "select record_apply_message('[]')", NULL), VG_EFORBIDDEN);
    assert_int_equal(as(VG_PG_WRITER, NULL, "select record_apply_message('[]')", NULL), 0);
}

static void definer_functions_pin_their_search_path(void **state)
{
    (void)state;
    assert_int_equal(pg_fixture_number(&fx, "select count(*) from pg_proc where prosecdef and proowner = "
                                            "'voxgate_owner'::regrole and not coalesce(proconfig::text, '') "
                                            "like '%%search_path=public, pg_temp%%'"),
                     0);
    assert_true(pg_fixture_number(&fx, "select count(*) from pg_proc where prosecdef") > 10);
}

static void money_rounds_half_to_even(void **state)
{
    (void)state;
    assert_string_equal(pg_fixture_sql(&fx, "select round_half_even(0.00000000005, 10)"), "0.0000000000");
    assert_string_equal(pg_fixture_sql(&fx, "select round_half_even(0.00000000015, 10)"), "0.0000000002");
    assert_string_equal(pg_fixture_sql(&fx, "select round_half_even(0.00000000025, 10)"), "0.0000000002");
    assert_string_equal(pg_fixture_sql(&fx, "select round_half_even(112 * 0.000002, 10)"), "0.0002240000");
}

static void a_lost_idle_connection_is_replaced_unseen(void **state)
{
    (void)state;
    struct vg_pg *pg = NULL;
    assert_int_equal(vg_pg_new(&pg, fx.url), 0);
    assert_int_equal(vg_pg_ping(pg, VG_US_PER_S), 0);
    pg_fixture_sql(&fx, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'voxgate'");
    assert_int_equal(vg_pg_ping(pg, VG_US_PER_S), 0);
    vg_pg_free(pg);
}

static void a_slow_statement_ends_at_its_deadline(void **state)
{
    (void)state;
    struct vg_pg *pg = NULL;
    assert_int_equal(vg_pg_new(&pg, fx.url), 0);
    int64_t start_us = vg_mono_us();
    assert_int_equal(vg_pg_begin(pg, NULL, start_us + 200 * VG_US_PER_MS), 0);
    assert_int_equal(vg_pg_exec_text(pg, NULL, "select pg_sleep(5)", NULL, 0), VG_ETIMEOUT);
    vg_pg_rollback(pg);
    assert_true(vg_mono_us() - start_us < VG_US_PER_S);
    assert_int_equal(vg_pg_ping(pg, VG_US_PER_S), 0);
    vg_pg_free(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_of_other_drivers_become_libpq_ones),
        cmocka_unit_test(an_empty_database_is_refused_with_what_to_run),
        cmocka_unit_test(several_programs_may_migrate_at_once),
        cmocka_unit_test(migrations_apply_once),
        cmocka_unit_test(a_changed_or_newer_migration_is_refused),
        cmocka_unit_test(every_statement_prepares),
        cmocka_unit_test(a_tenant_sees_only_its_rows_and_an_empty_setting_none),
        cmocka_unit_test(every_table_with_a_tenant_has_forced_row_security),
        cmocka_unit_test(writing_for_another_tenant_is_refused),
        cmocka_unit_test(the_writer_may_only_apply_events),
        cmocka_unit_test(definer_functions_pin_their_search_path),
        cmocka_unit_test(money_rounds_half_to_even),
        cmocka_unit_test(a_lost_idle_connection_is_replaced_unseen),
        cmocka_unit_test(a_slow_statement_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
