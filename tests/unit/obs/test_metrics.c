/* Tests of src/obs/metrics*.c. The registry is one a process, so tests look at differences or at series of
 * their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "obs/metrics.h"

/* The value of the line that begins with `series` and a blank; -1: there is none. */
static double value_of(const char *series)
{
    struct vg_buf text = VG_BUF_INIT;
    double value = -1;
    size_t n = strlen(series);
    vg_metrics_write(&text);
    for (const char *line = vg_buf_str(&text); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, n) == 0 && line[n] == ' ')
            value = atof(line + n);
    }
    vg_buf_free(&text);
    return value;
}

static unsigned lines_with(const char *begin)
{
    struct vg_buf text = VG_BUF_INIT;
    unsigned count = 0;
    vg_metrics_write(&text);
    for (const char *line = vg_buf_str(&text); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += strncmp(line, begin, strlen(begin)) == 0;
    }
    vg_buf_free(&text);
    return count;
}

static void counters_count_by_their_labels(void **state)
{
    (void)state;
    vg_metric_add(VG_M_requests_total, "GET", "/health", 2);
    vg_metric_add(VG_M_requests_total, "GET", "/health", 1);
    vg_metric_add(VG_M_requests_total, "POST", "/health", 1);
    vg_count1(ws_connections_total, "connected");
    vg_count(frames_late_total);
    assert_int_equal(value_of("gateway_requests_total{method=\"GET\",endpoint=\"/health\"}"), 3);
    assert_int_equal(value_of("gateway_requests_total{method=\"POST\",endpoint=\"/health\"}"), 1);
    assert_int_equal(value_of("gateway_ws_connections_total{status=\"connected\"}"), 1);
    assert_int_equal(value_of("voxgate_frames_late_total"), 1);
    assert_int_equal(value_of("voxgate_media_tick_late_total"), 0);
}

static void gauges_go_up_and_down(void **state)
{
    (void)state;
    vg_gauge_add(net_connections, 5);
    vg_gauge_add(net_connections, -2);
    assert_int_equal(value_of("voxgate_net_connections"), 3);
    vg_gauge_set(net_connections, 1);
    assert_int_equal(value_of("voxgate_net_connections"), 1);
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
    (void)state;
    vg_observe_us(turn_latency_seconds, 1000);
    vg_observe_us(turn_latency_seconds, 600000);
    vg_observe_us(turn_latency_seconds, 99000000);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_bucket{le=\"0.001\"}"), 1);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_bucket{le=\"0.5\"}"), 1);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_bucket{le=\"0.75\"}"), 2);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_bucket{le=\"10\"}"), 2);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_bucket{le=\"+Inf\"}"), 3);
    assert_int_equal(value_of("voxgate_turn_latency_seconds_count"), 3);
    assert_true(value_of("voxgate_turn_latency_seconds_sum") > 99.600 &&
                value_of("voxgate_turn_latency_seconds_sum") < 99.602);
    vg_metric_observe(VG_M_uplink_ring_fill_slots, NULL, NULL, 3);
    assert_int_equal(value_of("voxgate_uplink_ring_fill_slots_bucket{le=\"2\"}"), 0);
    assert_int_equal(value_of("voxgate_uplink_ring_fill_slots_bucket{le=\"4\"}"), 1);
    vg_metric_observe_us(VG_M_provider_latency_seconds, "loopback", NULL, 20000);
    assert_int_equal(value_of("voxgate_provider_latency_seconds_bucket{provider=\"loopback\",le=\"0.025\"}"),
                     1);
}

static void label_values_are_bounded_then_other(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        vg_count1(engine_restarts_total, name);
        memset(name, 'x', sizeof name - 1); /* values are copied */
    }
    assert_int_equal(lines_with("voxgate_engine_restarts_total{"), 129);
    assert_int_equal(value_of("voxgate_engine_restarts_total{engine=\"e0\"}"), 1);
    assert_int_equal(value_of("voxgate_engine_restarts_total{engine=\"other\"}"), 172);
}

static void hostile_label_values_stay_valid_text(void **state)
{
    (void)state;
    vg_count1(auth_failures_total, "a\"b\\c\nd\xff");
    vg_count1(auth_failures_total, "a\"b\\c\rd\xfe");
    vg_count1(auth_failures_total, NULL);
    assert_int_equal(value_of("voxgate_auth_failures_total{reason=\"a\\\"b\\\\c?d?\"}"), 2);
    assert_int_equal(value_of("voxgate_auth_failures_total{reason=\"\"}"), 1);
    char longest[200];
    memset(longest, 'l', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    vg_count1(auth_failures_total, longest);
    assert_int_equal(lines_with("voxgate_auth_failures_total{reason=\"llll"), 1);
}

static void sample_tenants(void *arg)
{
    int *live = arg;
    if (*live > 0)
        vg_metric_sample(VG_M_calls_live_tenant, "tnt_1", NULL, *live);
    vg_metric_sample(VG_M_calls_live_tenant, "other", NULL, 7);
}

static void samples_of_a_scrape_do_not_stay(void **state)
{
    (void)state;
    int live = 4;
    vg_metrics_on_scrape(sample_tenants, &live);
    assert_int_equal(value_of("voxgate_calls_live_tenant{tenant=\"tnt_1\"}"), 4);
    live = 0;
    assert_int_equal(value_of("voxgate_calls_live_tenant{tenant=\"tnt_1\"}"), -1);
    assert_int_equal(value_of("voxgate_calls_live_tenant{tenant=\"other\"}"), 7);
    vg_metrics_off_scrape(sample_tenants, &live);
    assert_int_equal(lines_with("voxgate_calls_live_tenant{"), 0);
}

enum { THREADS = 12, ROUNDS = 20000 };

static void *count_much(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i % 40);
        vg_count1(frames_in_total, name);
        vg_observe_us(loop_lag_seconds, i);
        vg_gauge_add(stt_streams, i % 2 ? -1 : 1);
        if (arg && i % 500 == 0)
            (void)value_of("voxgate_loop_lag_seconds_count");
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, count_much, i == 0 ? thread : NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(lines_with("voxgate_frames_in_total{"), 40);
    assert_int_equal(value_of("voxgate_frames_in_total{codec=\"c7\"}"), THREADS * ROUNDS / 40);
    assert_int_equal(value_of("voxgate_loop_lag_seconds_count"), THREADS * ROUNDS);
    assert_int_equal(value_of("voxgate_loop_lag_seconds_bucket{le=\"+Inf\"}"), THREADS * ROUNDS);
    assert_int_equal(value_of("voxgate_stt_streams"), 0);
}

static void the_process_describes_itself(void **state)
{
    (void)state;
    assert_true(value_of("process_cpu_seconds_total") > 0);
    assert_true(value_of("process_resident_memory_bytes") > 1e6);
    assert_true(value_of("process_open_fds") >= 3);
    assert_true(value_of("process_start_time_seconds") > 1.6e9);
    assert_int_equal(value_of("voxgate_build_info{version=\"" VG_VERSION "\"}"), 1);
}

/* Where promtool is not installed the format is checked by the other tests alone. */
static void promtool_finds_nothing_to_say(void **state)
{
    (void)state;
    struct vg_buf text = VG_BUF_INIT;
    if (system("command -v promtool >/dev/null 2>&1") != 0)
        skip();
    vg_metrics_write(&text);
    FILE *pipe = popen("promtool check metrics", "w");
    assert_non_null(pipe);
    assert_int_equal(fwrite(text.data, 1, text.len, pipe), text.len);
    assert_int_equal(pclose(pipe), 0);
    vg_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count_by_their_labels),
        cmocka_unit_test(gauges_go_up_and_down),
        cmocka_unit_test(histograms_are_cumulative_and_in_seconds),
        cmocka_unit_test(label_values_are_bounded_then_other),
        cmocka_unit_test(hostile_label_values_stay_valid_text),
        cmocka_unit_test(samples_of_a_scrape_do_not_stay),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(the_process_describes_itself),
        cmocka_unit_test(promtool_finds_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
