/* Tests of src/base/log.c: every line is JSON, a full ring drops and counts, repeats are summed up, many
 * threads log at once and no line of theirs is lost when the log stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* Reads what was logged to the pipe; stops the log first, so that all is there. */
static char *read_all(int fd)
{
    size_t cap = 1 << 20, n = 0;
    char *text = malloc(cap);
    ssize_t got;
    while (text && (got = read(fd, text + n, cap - 1 - n)) > 0)
        n += (size_t)got;
    if (text)
        text[n] = 0;
    return text;
}

/* The log of what `write` logs, in a file of its own. */
static char *log_of(enum vg_log_level level, void (*write)(void))
{
    char path[] = "/tmp/voxgate-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(vg_log_start(fd, level), 0);
    write();
    vg_log_stop();
    lseek(fd, 0, SEEK_SET);
    char *text = read_all(fd);
    close(fd);
    assert_non_null(text);
    return text;
}

/* Parses line after line of `*text`; NULL at the end. */
static json_t *next_line(char **text)
{
    if (!**text)
        return NULL;
    char *end = strchr(*text, '\n');
    assert_non_null(end);
    json_error_t e;
    json_t *line = json_loadb(*text, (size_t)(end - *text), JSON_REJECT_DUPLICATES, &e);
    if (!line)
        print_error("%.*s\n%s\n", (int)(end - *text), *text, e.text);
    assert_non_null(line);
    assert_int_equal(strlen(json_string_value(json_object_get(line, "ts"))), 24);
    assert_non_null(json_object_get(line, "level"));
    assert_non_null(json_object_get(line, "event"));
    *text = end + 1;
    return line;
}

static const char *text_of(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void log_values(void)
{
    const char *volatile nothing = NULL; /* volatile: the compiler would warn of it */
    vg_log_info("test.values",
                "s=%s none=%s d=%d u=%u big=%lld huge=%llu z=%zu f=%.3f nan=%f inf=%g hex=%08x",
                "quote\" back\\ line\n \xff end", nothing, -5, 7u, -9000000000LL, 9000000000ULL,
                (size_t)3, 0.25, NAN, INFINITY, 255u);
    vg_log_info("test.none", "x=%s", "");
}

static void every_value_keeps_the_line_json(void **state)
{
    (void)state;
    char *text = log_of(VG_LOG_INFO, log_values), *at = text;
    json_t *line = next_line(&at);
    assert_string_equal(text_of(line, "event"), "test.values");
    assert_string_equal(text_of(line, "level"), "info");
    assert_string_equal(text_of(line, "s"), "quote\" back\\ line\n \xef\xbf\xbd end");
    assert_true(json_is_null(json_object_get(line, "none")));
    assert_int_equal(json_integer_value(json_object_get(line, "d")), -5);
    assert_int_equal(json_integer_value(json_object_get(line, "big")), -9000000000LL);
    assert_int_equal(json_integer_value(json_object_get(line, "z")), 3);
    assert_true(fabs(json_number_value(json_object_get(line, "f")) - 0.25) < 1e-9);
    assert_true(json_is_null(json_object_get(line, "nan")));
    assert_true(json_is_null(json_object_get(line, "inf")));
    assert_int_equal(json_integer_value(json_object_get(line, "hex")), 255);
    json_decref(line);
    json_decref(next_line(&at));
    free(text);
}

static void log_levels(void)
{
    vg_log_debug("test.debug", "n=%d", 1);
    vg_log_info("test.info", "n=%d", 1);
    vg_log_warn("test.warn", "n=%d", 1);
    vg_log_error("test.error", "n=%d", 1);
}

static void lines_under_the_level_are_left_out(void **state)
{
    (void)state;
    char *text = log_of(VG_LOG_WARN, log_levels), *at = text;
    json_t *line = next_line(&at);
    assert_string_equal(text_of(line, "event"), "test.warn");
    json_decref(line);
    line = next_line(&at);
    assert_string_equal(text_of(line, "event"), "test.error");
    json_decref(line);
    assert_null(next_line(&at));
    free(text);
}

static void log_oversized(void)
{
    static char much[4000];
    memset(much, 'x', sizeof much - 1);
    vg_log_info("test.oversized", "value=%s", much);
}

static void an_oversized_line_keeps_its_name_alone(void **state)
{
    (void)state;
    char *text = log_of(VG_LOG_INFO, log_oversized), *at = text;
    json_t *line = next_line(&at);
    assert_string_equal(text_of(line, "event"), "test.oversized");
    assert_true(json_is_true(json_object_get(line, "oversized")));
    assert_null(json_object_get(line, "value"));
    json_decref(line);
    free(text);
}

static void log_repeats(void)
{
    while (vg_utc_us() % VG_US_PER_S > 500000) /* the repeats are to fall into one second */
        usleep(10000);
    for (int i = 0; i < 500; i++)
        vg_log_warn("test.repeated", "i=%d", i);
    usleep(1100000);
    vg_log_warn("test.repeated", "i=%d", 500);
}

static void repeats_are_counted_instead_of_written(void **state)
{
    (void)state;
    char *text = log_of(VG_LOG_INFO, log_repeats), *at = text;
    json_t *line;
    int lines = 0;
    json_int_t suppressed = 0;
    while ((line = next_line(&at))) {
        lines++;
        suppressed += json_integer_value(json_object_get(line, "suppressed"));
        json_decref(line);
    }
    assert_int_equal(lines, 21);
    assert_int_equal(suppressed, 480);
    free(text);
}

enum { THREADS = 4, EVENTS = 10 };

static void *log_a_lot(void *arg)
{
    static const char *const NAMES[THREADS][EVENTS] = {
        {"a.0", "a.1", "a.2", "a.3", "a.4", "a.5", "a.6", "a.7", "a.8", "a.9"},
        {"b.0", "b.1", "b.2", "b.3", "b.4", "b.5", "b.6", "b.7", "b.8", "b.9"},
        {"c.0", "c.1", "c.2", "c.3", "c.4", "c.5", "c.6", "c.7", "c.8", "c.9"},
        {"d.0", "d.1", "d.2", "d.3", "d.4", "d.5", "d.6", "d.7", "d.8", "d.9"}};
    uintptr_t me = (uintptr_t)arg;
    for (int i = 0; i < EVENTS; i++)
        vg_log_info(NAMES[me][i], "thread=%d i=%d", (int)me, i);
    return NULL;
}

static void log_from_threads(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_a_lot, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void no_line_is_lost_when_the_log_stops(void **state)
{
    (void)state;
    for (int round = 0; round < 15; round++) { /* an event may come 20 times a second */
        char *text = log_of(VG_LOG_INFO, log_from_threads), *at = text;
        json_t *line;
        int lines = 0;
        for (; (line = next_line(&at)); lines++)
            json_decref(line);
        assert_int_equal(lines, THREADS * EVENTS);
        free(text);
    }
}

static void *stop_log(void *arg)
{
    (void)arg;
    vg_log_stop();
    return NULL;
}

/* A reader that does not read must not stop the gateway. */
static void a_blocked_reader_costs_lines_not_time(void **state)
{
    (void)state;
    enum { LINES = 6000 };
    static char names[LINES][24];
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[1], F_SETPIPE_SZ, 4096);
    assert_int_equal(vg_log_start(fds[1], VG_LOG_INFO), 0);
    uint64_t dropped_before = vg_log_dropped();
    int64_t start = vg_mono_us();
    for (int i = 0; i < LINES; i++) {
        snprintf(names[i], sizeof names[i], "many.%d", i);
        vg_log_info(names[i], "i=%d", i);
    }
    assert_true(vg_mono_us() - start < 5 * VG_US_PER_S);
    uint64_t dropped = vg_log_dropped() - dropped_before;
    assert_true(dropped > 0 && dropped < LINES);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    char buffer[4096];
    size_t newlines = 0;
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_log, NULL), 0);
    for (int64_t deadline = vg_mono_us() + 10 * VG_US_PER_S; newlines + dropped < LINES;) {
        assert_true(vg_mono_us() < deadline);
        ssize_t n = read(fds[0], buffer, sizeof buffer);
        for (ssize_t i = 0; i < n; i++)
            newlines += buffer[i] == '\n';
    }
    pthread_join(stopper, NULL);
    assert_int_equal(newlines + dropped, LINES);
    close(fds[0]);
    close(fds[1]);
}

static void levels_are_read_in_any_case(void **state)
{
    (void)state;
    enum vg_log_level level;
    assert_int_equal(vg_log_parse_level("Debug", &level), 0);
    assert_int_equal(level, VG_LOG_DEBUG);
    assert_int_equal(vg_log_parse_level("WARNING", &level), 0);
    assert_int_equal(level, VG_LOG_WARN);
    assert_int_equal(vg_log_parse_level("loud", &level), VG_EINVAL);
    assert_int_equal(vg_log_parse_level("", &level), VG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_keeps_the_line_json),
        cmocka_unit_test(lines_under_the_level_are_left_out),
        cmocka_unit_test(an_oversized_line_keeps_its_name_alone),
        cmocka_unit_test(repeats_are_counted_instead_of_written),
        cmocka_unit_test(no_line_is_lost_when_the_log_stops),
        cmocka_unit_test(a_blocked_reader_costs_lines_not_time),
        cmocka_unit_test(levels_are_read_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
