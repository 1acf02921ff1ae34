/* Tests of src/config/config.c: everything that is wrong is named at once and never shown, the environment
 * wins over the file, and the documentation comes from the same table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

static const char *const ALL[] = {
#define VG_STR(field, name, def, choices, flags, help)        name,
#define VG_INT(field, name, def, min, max, unit, flags, help) name,
#define VG_BOOL(field, name, def, flags, help)                name,
#include "config/config_table.inc"
#undef VG_STR
#undef VG_INT
#undef VG_BOOL
};

/* Each test starts from an environment that a developer's machine would accept. */
static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < VG_COUNT_OF(ALL); i++)
        unsetenv(ALL[i]);
    setenv("DATABASE_URL", "postgresql://app:pg-secret@db/voxgate", 1);
    setenv("REDIS_URL", "redis://:redis-secret@cache", 1);
    setenv("JWT_SECRET", "jwt-secret", 1);
    setenv("APP_ENV", "development", 1);
    return 0;
}

static struct vg_config *load(const char *file)
{
    struct vg_config *c = NULL;
    struct vg_buf problems = VG_BUF_INIT;
    if (vg_config_load(&c, file, true, NULL, &problems))
        print_error("%s", vg_buf_str(&problems));
    assert_non_null(c);
    assert_string_equal(vg_buf_str(&problems), "");
    vg_buf_free(&problems);
    return c;
}

/* What is said about a configuration that does not load. */
static const char *problems_of(const char *file, bool serving)
{
    static char text[8192];
    struct vg_config *c = NULL;
    struct vg_buf problems = VG_BUF_INIT;
    assert_true(vg_config_load(&c, file, serving, NULL, &problems) < 0);
    assert_null(c);
    snprintf(text, sizeof text, "%s", vg_buf_str(&problems));
    vg_buf_free(&problems);
    return text;
}

static const char *file_with(const char *content)
{
    static char path[] = "/tmp/voxgate-config-test";
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    return path;
}

static void defaults_are_those_of_the_table(void **state)
{
    (void)state;
    struct vg_config *c = load(NULL);
    assert_int_equal(c->port, 8000);
    assert_string_equal(c->host, "0.0.0.0");
    assert_string_equal(c->jwt_algorithm, "HS256");
    assert_int_equal(c->rate_limit_requests, 100);
    assert_true(c->barge_in);
    assert_null(c->admin_key);
    assert_null(vg_config_free(c));
}

static void every_problem_is_named_at_once(void **state)
{
    (void)state;
    unsetenv("DATABASE_URL");
    unsetenv("REDIS_URL");
    unsetenv("JWT_SECRET");
    unsetenv("APP_ENV");
    setenv("PORT", "eighty", 1);
    setenv("JWT_ALGORITHM", "none", 1);
    setenv("VOXGATE_BARGE_IN", "maybe", 1);
    setenv("LOG_LEVEL", "LOUD", 1);
    setenv("TLS_CERT_FILE", "cert.pem", 1);
    const char *text = problems_of(NULL, true);
    static const char *const NAMES[] = {"DATABASE_URL",     "REDIS_URL", "JWT_SECRET",
                                        "APP_ENV",          "PORT",      "JWT_ALGORITHM",
                                        "VOXGATE_BARGE_IN", "LOG_LEVEL", "TLS_KEY_FILE"};
    for (size_t i = 0; i < VG_COUNT_OF(NAMES); i++)
        assert_non_null(strstr(text, NAMES[i]));
}

/* Each of these would otherwise be found one after the other, or only when it is used. */
static void values_of_the_wrong_kind_are_named_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bad, *good;
    } SETTINGS[] = {
        {"DATABASE_URL", "mysql://a/b", "postgresql+asyncpg://a/b"},
        {"REDIS_URL", "rediss://a:6379", "unix:///run/redis.sock"},
        {"PUBLIC_BASE_URL", "voice.example.com", "https://voice.example.com/base/"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", "banana", "http://collector:4318"},
        {"CORS_ORIGINS", "https://a.example, b.example", "https://a.example, http://b.example:3000"},
        {"TRUSTED_PROXIES", "10.0.0.0/99", "10.0.0.0/8, ::1"},
        {"TLS_KEY_FILE", "/nowhere/key.pem", "/dev/null"},
        {"TLS_CERT_FILE", "/nowhere/cert.pem", "/dev/null"},
    };
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++)
        setenv(SETTINGS[i].name, SETTINGS[i].bad, 1);
    const char *text = problems_of(NULL, true);
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++) {
        assert_non_null(strstr(text, SETTINGS[i].name));
        setenv(SETTINGS[i].name, SETTINGS[i].good, 1);
    }
    struct vg_config *c = load(NULL);
    assert_null(vg_config_free(c));
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++)
        unsetenv(SETTINGS[i].name);
}

static void values_are_never_repeated(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "file:hidden.db", 1);
    setenv("PORT", "hidden-port", 1);
    setenv("APP_ENV", "hidden-env", 1);
    assert_null(strstr(problems_of(NULL, true), "hidden"));
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    static const char *const BAD[] = {"-1", "65536", "80x", "0x50", "99999999999999999999", " "};
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++) {
        setenv("PORT", BAD[i], 1);
        assert_non_null(strstr(problems_of(NULL, true), "PORT"));
    }
    setenv("PORT", "65535", 1);
    vg_config_free(load(NULL));
}

static void an_empty_variable_is_an_unset_one(void **state)
{
    (void)state;
    setenv("PORT", "", 1);
    setenv("JWT_SECRET", "", 1);
    const char *text = problems_of(NULL, true);
    assert_non_null(strstr(text, "JWT_SECRET is missing"));
    assert_null(strstr(text, "PORT"));
    setenv("JWT_SECRET", "x", 1);
    setenv("CORS_ORIGINS", "", 1); /* empty means none, which is not the default */
    struct vg_config *c = load(NULL);
    assert_string_equal(c->cors_origins, "");
    vg_config_free(c);
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    const char *file =
        file_with("# comment\n\nexport PORT=9001\n  APP_NAME = \"Two words\" \nDEBUG='yes'\nPORT=9002\n");
    struct vg_config *c = load(file);
    assert_int_equal(c->port, 9002); /* the later line */
    assert_string_equal(c->app_name, "Two words");
    assert_true(c->debug);
    vg_config_free(c);
    setenv("PORT", "9003", 1);
    c = load(file);
    assert_int_equal(c->port, 9003);
    vg_config_free(c);
}

static void a_bad_file_is_said_with_its_line(void **state)
{
    (void)state;
    const char *file = file_with("PORT=9001\nsecret-without-equals\n");
    const char *text = problems_of(file, true);
    assert_non_null(strstr(text, ":2:"));
    assert_null(strstr(text, "secret-without-equals"));
    assert_non_null(strstr(problems_of(file_with("PORT=1\n=x\n"), true), ":2:"));
    static char much[10000];
    memset(much, 'x', sizeof much - 1);
    memcpy(much, "APP_NAME=", 9);
    assert_non_null(strstr(problems_of(file_with(much), true), ":1:"));
    assert_non_null(strstr(problems_of("/nonexistent/voxgate.conf", true), "/nonexistent/voxgate.conf"));
}

static void the_parts_of_a_database_make_its_url(void **state)
{
    (void)state;
    unsetenv("DATABASE_URL");
    setenv("DB_HOST", "db.example", 1);
    setenv("DB_USER", "app@host", 1);
    setenv("DB_PASS", "p:a/s s%", 1);
    setenv("DB_NAME", "vox gate", 1);
    struct vg_config *c = load(NULL);
    assert_string_equal(c->database_url,
                        "postgresql://app%40host:p%3Aa%2Fs%20s%25@db.example:5432/vox%20gate");
    vg_config_free(c);
    setenv("DB_HOST", "::1", 1);
    unsetenv("DB_PASS");
    c = load(NULL);
    assert_string_equal(c->database_url, "postgresql://app%40host@[::1]:5432/vox%20gate");
    vg_config_free(c);
    setenv("DB_HOST", "/run/postgresql", 1);
    c = load(NULL);
    assert_string_equal(c->database_url, "postgresql://app%40host@%2Frun%2Fpostgresql:5432/vox%20gate");
    vg_config_free(c);
    setenv("DATABASE_URL", "postgresql://given/x", 1);
    c = load(NULL);
    assert_string_equal(c->database_url, "postgresql://given/x");
    vg_config_free(c);
    unsetenv("DATABASE_URL");
    unsetenv("DB_NAME");
    assert_non_null(strstr(problems_of(NULL, true), "DATABASE_URL is missing"));
}

static void production_refuses_weak_secrets(void **state)
{
    (void)state;
    setenv("APP_ENV", "production", 1);
    setenv("JWT_SECRET", VG_JWT_SECRET_EXAMPLE, 1);
    const char *text = problems_of(NULL, true);
    assert_non_null(strstr(text, "JWT_SECRET"));
    assert_null(strstr(text, VG_JWT_SECRET_EXAMPLE));
    setenv("JWT_SECRET", "only-31-bytes-long-xxxxxxxxxxxx", 1);
    assert_non_null(strstr(problems_of(NULL, true), "JWT_SECRET"));
    setenv("JWT_SECRET", "thirty-two-bytes-long-xxxxxxxxxx", 1);
    vg_config_free(load(NULL));
}

static void production_refuses_a_secret_that_is_guessed_at_a_look(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababababababababababab",
        "changeme-changeme-changeme-changeme-chan", "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz0123456789ABCD", "zyxwvutsrqponmlkjihgfedcbazyxwvutsrqponm"};
    static const char *const GOOD[] = {"6f1ed002ab5595859014ebf0951522d9", "kXq2v8Jm0w+S1fTz/9aLrEoYp5cGdUhN",
                                       "48151623421048151623421104815162",
                                       "correct horse battery staple, and more"};
    setenv("APP_ENV", "production", 1);
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++) {
        setenv("JWT_SECRET", BAD[i], 1);
        const char *text = problems_of(NULL, true);
        assert_non_null(strstr(text, "JWT_SECRET"));
        assert_non_null(strstr(text, "openssl rand")); /* what to do */
        assert_null(strstr(text, BAD[i]));
    }
    for (size_t i = 0; i < VG_COUNT_OF(GOOD); i++) {
        setenv("JWT_SECRET", GOOD[i], 1);
        vg_config_free(load(NULL));
    }
    setenv("APP_ENV", "development", 1);
    setenv("JWT_SECRET", BAD[0], 1);
    vg_config_free(load(NULL));
}

static void production_refuses_a_short_or_plain_key_of_the_operator(void **state)
{
    (void)state;
    setenv("JWT_SECRET", "6f1ed002ab5595859014ebf0951522d9", 1);
    setenv("APP_ENV", "production", 1);
    vg_config_free(load(NULL)); /* none */
    setenv("VOXGATE_ADMIN_KEY", "", 1);
    vg_config_free(load(NULL));
    static const char *const BAD[] = {"adm", "fifteen-bytes-x", "adminadminadminadmin"};
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++) {
        setenv("VOXGATE_ADMIN_KEY", BAD[i], 1);
        const char *text = problems_of(NULL, true);
        assert_non_null(strstr(text, "VOXGATE_ADMIN_KEY"));
        assert_null(strstr(text, BAD[i]));
        setenv("APP_ENV", "development", 1);
        vg_config_free(load(NULL));
        setenv("APP_ENV", "production", 1);
    }
    setenv("VOXGATE_ADMIN_KEY", "sixteen-bytes-xy", 1);
    vg_config_free(load(NULL));
    setenv("VOXGATE_ADMIN_KEY", "vgk_admin_8c3f6a0be1d94727", 1);
    vg_config_free(load(NULL));
}

static void a_line_of_the_file_that_is_no_setting_is_told_with_the_one_that_is_meant(void **state)
{
    (void)state;
    static const struct {
        const char *line, *meant;
    } LINES[] = {{"PROT=1", "PORT"},
                 {"port=1", "PORT"},
                 {"JWT_SECERT=hidden", "JWT_SECRET"},
                 {"RATE_LIMIT_REQUEST=5", "RATE_LIMIT_REQUESTS"},
                 {"CALLS_MAX=5", "VOXGATE_CALLS_MAX"},
                 {"export VOXGATE_BARGEIN=true", "VOXGATE_BARGE_IN"},
                 {"VOXGATE_LOG_LEVEL=info", "LOG_LEVEL"}};
    for (size_t i = 0; i < VG_COUNT_OF(LINES); i++) {
        char content[128], answer[128];
        snprintf(content, sizeof content, "# first\n%s\n", LINES[i].line);
        snprintf(answer, sizeof answer, "did you mean %s?", LINES[i].meant);
        const char *text = problems_of(file_with(content), true);
        assert_non_null(strstr(text, ":2: "));
        assert_non_null(strstr(text, answer));
        assert_null(strstr(text, "hidden"));
    }
}

static void a_name_that_is_like_no_setting_gets_no_advice(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"VOXGATE_API_KEY", "TWILIO_AUTH_TOKEN", "VOXGATE_URL"};
    for (size_t i = 0; i < VG_COUNT_OF(NAMES); i++) {
        char content[64];
        snprintf(content, sizeof content, "%s=hidden\n", NAMES[i]);
        const char *text = problems_of(file_with(content), true);
        assert_non_null(strstr(text, NAMES[i]));
        assert_null(strstr(text, "did you mean"));
        assert_null(strstr(text, "hidden"));
    }
    /* The rest of a secret that was broken into two lines is not a name. */
    assert_null(strstr(problems_of(file_with("b3JlIG9mIHRoZSBzZWNyZXQ=\n"), true), "b3Jl"));
}

static void what_follows_an_unknown_name_is_checked_all_the_same(void **state)
{
    (void)state;
    const char *text = problems_of(file_with("NO_SUCH_A=1\nPORT=eighty\nNO_SUCH_B=1\n"), true);
    assert_non_null(strstr(text, ":1: NO_SUCH_A"));
    assert_non_null(strstr(text, ":3: NO_SUCH_B"));
    assert_non_null(strstr(text, "PORT must be"));
}

static void refuse_port(const struct vg_config *c, struct vg_buf *problems)
{
    if (c->port == 9)
        vg_buf_puts(problems, "PORT is refused from above\n");
}

static void rules_of_the_rooms_above_count_with_the_others(void **state)
{
    (void)state;
    struct vg_config *c = NULL;
    struct vg_buf problems = VG_BUF_INIT;
    setenv("PORT", "9", 1);
    assert_int_equal(vg_config_load(&c, NULL, true, refuse_port, &problems), VG_EINVAL);
    assert_null(c);
    setenv("LOG_LEVEL", "LOUD", 1);
    vg_buf_reset(&problems);
    assert_int_equal(vg_config_load(&c, NULL, true, refuse_port, &problems), VG_EINVAL);
    assert_non_null(strstr(vg_buf_str(&problems), "from above"));
    assert_non_null(strstr(vg_buf_str(&problems), "LOG_LEVEL"));
    setenv("PORT", "10", 1);
    unsetenv("LOG_LEVEL");
    vg_buf_reset(&problems);
    assert_int_equal(vg_config_load(&c, NULL, true, refuse_port, &problems), 0);
    vg_config_free(c);
    vg_buf_free(&problems);
}

static void asymmetric_tokens_need_key_files(void **state)
{
    (void)state;
    setenv("JWT_ALGORITHM", "RS256", 1);
    assert_non_null(strstr(problems_of(NULL, true), "JWT_KEY_FILES"));
}

static void what_does_not_serve_needs_no_stores(void **state)
{
    (void)state;
    struct vg_config *c = NULL;
    struct vg_buf problems = VG_BUF_INIT;
    unsetenv("DATABASE_URL");
    unsetenv("REDIS_URL");
    unsetenv("JWT_SECRET");
    unsetenv("APP_ENV");
    assert_int_equal(vg_config_load(&c, NULL, false, NULL, &problems), 0);
    assert_null(c->database_url);
    vg_config_free(c);
    vg_buf_free(&problems);
}

static void printing_masks_secrets(void **state)
{
    (void)state;
    setenv("VOXGATE_ADMIN_KEY", "admin-secret", 1);
    struct vg_config *c = load(NULL);
    struct vg_buf b = VG_BUF_INIT;
    vg_config_print(c, &b);
    assert_null(strstr(vg_buf_str(&b), "-secret"));
    assert_non_null(strstr(vg_buf_str(&b), "VOXGATE_ADMIN_KEY=********\n"));
    assert_non_null(strstr(vg_buf_str(&b), "PORT=8000\n"));
    vg_buf_free(&b);
    vg_config_free(c);
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    setenv("APP_NAME", "Printed", 1);
    struct vg_config *c = load(NULL);
    struct vg_buf b = VG_BUF_INIT;
    vg_config_print(c, &b);
    vg_config_free(c);
    unsetenv("APP_NAME");
    c = load(file_with(vg_buf_str(&b)));
    assert_string_equal(c->app_name, "Printed");
    vg_config_free(c);
    vg_buf_free(&b);
}

static void the_documentation_names_every_setting(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_config_print_markdown(&b);
    for (size_t i = 0; i < VG_COUNT_OF(ALL); i++) {
        char cell[80];
        snprintf(cell, sizeof cell, "| `%s` |", ALL[i]);
        assert_non_null(strstr(vg_buf_str(&b), cell));
    }
    size_t lines = 0;
    for (const char *p = vg_buf_str(&b); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, VG_COUNT_OF(ALL) + 2);
    vg_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_are_those_of_the_table, set_up),
        cmocka_unit_test_setup(every_problem_is_named_at_once, set_up),
        cmocka_unit_test_setup(values_of_the_wrong_kind_are_named_at_once, set_up),
        cmocka_unit_test_setup(values_are_never_repeated, set_up),
        cmocka_unit_test_setup(numbers_have_bounds, set_up),
        cmocka_unit_test_setup(an_empty_variable_is_an_unset_one, set_up),
        cmocka_unit_test_setup(the_environment_wins_over_the_file, set_up),
        cmocka_unit_test_setup(a_bad_file_is_said_with_its_line, set_up),
        cmocka_unit_test_setup(the_parts_of_a_database_make_its_url, set_up),
        cmocka_unit_test_setup(production_refuses_weak_secrets, set_up),
        cmocka_unit_test_setup(production_refuses_a_secret_that_is_guessed_at_a_look, set_up),
        cmocka_unit_test_setup(production_refuses_a_short_or_plain_key_of_the_operator, set_up),
        cmocka_unit_test_setup(a_line_of_the_file_that_is_no_setting_is_told_with_the_one_that_is_meant,
                               set_up),
        cmocka_unit_test_setup(a_name_that_is_like_no_setting_gets_no_advice, set_up),
        cmocka_unit_test_setup(what_follows_an_unknown_name_is_checked_all_the_same, set_up),
        cmocka_unit_test_setup(rules_of_the_rooms_above_count_with_the_others, set_up),
        cmocka_unit_test_setup(asymmetric_tokens_need_key_files, set_up),
        cmocka_unit_test_setup(what_does_not_serve_needs_no_stores, set_up),
        cmocka_unit_test_setup(printing_masks_secrets, set_up),
        cmocka_unit_test_setup(what_is_printed_loads_again, set_up),
        cmocka_unit_test_setup(the_documentation_names_every_setting, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file_with(""));
    return failed;
}
