/* The parts of `voxgate bench` that decide whether its figures are right: histograms, the wire, the
 * conversation and what is expected of the gateway for it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/bench/counts.h"
#include "cli/bench/frames.h"
#include "cli/bench/hist.h"
#include "cli/bench/wire.h"

static void quantiles_are_right_to_three_percent(void **state)
{
    (void)state;
    struct hist h = {0};
    for (int64_t us = 1; us <= 100000; us++)
        hist_add(&h, us);
    static const double SHARES[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < VG_COUNT_OF(SHARES); i++) {
        double want = SHARES[i] * 100000, got = (double)hist_quantile_us(&h, SHARES[i]);
        assert_true(got >= want && got <= want * 1.035);
    }
    assert_int_equal(h.max_us, 100000);
}

static void an_empty_or_extreme_histogram_is_no_trouble(void **state)
{
    (void)state;
    struct hist h = {0}, other = {0};
    assert_int_equal(hist_quantile_us(&h, 0.99), 0);
    hist_add(&h, -5);
    hist_add(&other, INT64_MAX / 2);
    hist_merge(&h, &other);
    assert_int_equal(h.n, 2);
    assert_int_equal(hist_quantile_us(&h, 0.5), 0);
    assert_true(hist_quantile_us(&h, 1.0) > 60000000);
}

static void quantiles_of_the_gateway_are_of_the_time_between_two_readings(void **state)
{
    (void)state;
    static const char BEFORE[] =
        "# HELP voxgate_frame_to_ring_seconds x\nvoxgate_frames_dropped_total{where=\"pool\"} 1\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"0.001\"} 1000\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"0.002\"} 1000\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"+Inf\"} 1000\n";
    static const char AFTER[] =
        "voxgate_frames_dropped_total{where=\"pool\"} 1\nvoxgate_frames_dropped_total{where=\"up\"} 4\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"0.001\"} 1050\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"0.002\"} 1090\n"
        "voxgate_frame_to_ring_seconds_bucket{le=\"+Inf\"} 1100\n";
    struct server_counts before = {0}, after = {0};
    counts_parse(&before, BEFORE);
    counts_parse(&after, AFTER);
    assert_int_equal((int)(after.dropped - before.dropped), 4);
    assert_int_equal(after.to_ring.buckets, 3);
    assert_true(fabs(counts_quantile_ms(&before.to_ring, &after.to_ring, 0.5) - 1.0) < 1e-9);
    assert_true(fabs(counts_quantile_ms(&before.to_ring, &after.to_ring, 0.7) - 1.5) < 1e-9);
    assert_true(fabs(counts_quantile_ms(&before.to_ring, &after.to_ring, 0.99) - 2.0) < 1e-9);
    assert_true(counts_quantile_ms(&after.to_ring, &after.to_ring, 0.5) == 0);
    assert_true(counts_quantile_ms(&before.to_stt, &after.to_stt, 0.5) == 0);
}

static void frames_are_masked_and_of_the_right_length(void **state)
{
    (void)state;
    static const size_t SIZES[] = {0, 1, 125, 126, 65535, 65536, 70000};
    static uint8_t payload[70000], out[70000 + WIRE_HEAD_MAX];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7);
    for (size_t s = 0; s < VG_COUNT_OF(SIZES); s++) {
        size_t n = wire_frame(out, WIRE_BINARY, payload, SIZES[s]);
        size_t head = n - SIZES[s];
        assert_int_equal(head, SIZES[s] < 126 ? 6 : SIZES[s] < 65536 ? 8 : 14);
        assert_int_equal(out[0], 0x82);
        assert_true(out[1] & 0x80);
        for (size_t i = 0; i < SIZES[s]; i++)
            assert_int_equal(out[head + i] ^ out[head - 4 + i % 4], payload[i]);
    }
}

static void a_servers_frame_is_read_when_all_of_it_has_come(void **state)
{
    (void)state;
    static const uint8_t FRAME[] = {0x81, 126, 0, 130};
    uint8_t data[4 + 130];
    struct wire_in m;
    memset(data, 'x', sizeof data);
    memcpy(data, FRAME, 4);
    for (size_t have = 0; have < sizeof data; have++)
        assert_int_equal(wire_parse(data, have, &m), 0);
    assert_int_equal(wire_parse(data, sizeof data, &m), sizeof data);
    assert_int_equal(m.opcode, WIRE_TEXT);
    assert_int_equal(m.bytes, 130);
    data[1] |= 0x80;
    assert_int_equal(wire_parse(data, sizeof data, &m), VG_EPARSE);
}

static void pipelined_answers_are_told_apart(void **state)
{
    (void)state;
    static const char TWO[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
    struct wire_answer a;
    assert_int_equal(wire_answer(TWO, 30, &a), 0);
    assert_int_equal(wire_answer(TWO, sizeof TWO - 1, &a), 1);
    assert_int_equal(a.status, 200);
    assert_memory_equal(a.body, "{}", 2);
    size_t first = a.size;
    assert_int_equal(wire_answer(TWO + first, sizeof TWO - 1 - first, &a), 1);
    assert_int_equal(a.status, 503);
    assert_int_equal(first + a.size, sizeof TWO - 1);
    assert_int_equal(wire_answer("SMTP ready, go on please\r\n\r\n", 28, &a), VG_EPARSE);
}

static void members_of_json_are_found(void **state)
{
    (void)state;
    static const char JSON[] = "{\"type\":\"pong\",\"seq\":12,\"id\":7}";
    char text[8];
    assert_int_equal(wire_number(JSON, sizeof JSON - 1, "seq"), 12);
    assert_int_equal(wire_number(JSON, sizeof JSON - 1, "id"), 7);
    assert_int_equal(wire_number(JSON, sizeof JSON - 1, "nothing"), -1);
    assert_int_equal(wire_text(JSON, sizeof JSON - 1, "type", text, sizeof text), 0);
    assert_string_equal(text, "pong");
    assert_int_equal(wire_text(JSON, sizeof JSON - 1, "type", text, 3), VG_ETOOBIG);
    assert_int_equal(wire_text(JSON, sizeof JSON - 1, "seq", text, sizeof text), VG_ENOENT);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct wire_url u;
    assert_int_equal(wire_url_parse(&u, "http://127.0.0.1:8123/base/"), 0);
    assert_string_equal(u.host, "127.0.0.1:8123");
    assert_string_equal(u.path, "/base");
    assert_int_equal(wire_url_parse(&u, "ws://[::1]:9"), 0);
    assert_int_equal(u.address.ss_family, AF_INET6);
    assert_int_equal(wire_url_parse(&u, "https://127.0.0.1"), VG_EINVAL);
    assert_int_equal(wire_url_parse(&u, "127.0.0.1:80"), VG_EINVAL);
}

static void the_conversation_has_the_asked_share_of_speech(void **state)
{
    (void)state;
    struct speech s;
    assert_int_equal(speech_load(&s, NULL, 40), 0);
    assert_true(s.share > 0.36 && s.share < 0.42);
    assert_int_equal(s.samples % SPEECH_STEP_SAMPLES, 0);
    speech_free(&s);
    assert_int_equal(speech_load(&s, "/nonexistent", 40), VG_ENOENT);
}

/* A caller who goes once round is owed every utterance but the one in whose middle he came in. */
static void every_whole_utterance_is_a_turn(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"json250", "json100", "pcm20", "pcm60", "pcm100", "pcmu20", "opus20"};
    struct speech s;
    assert_int_equal(speech_load(&s, NULL, 40), 0);
    for (size_t n = 0; n < VG_COUNT_OF(NAMES); n++) {
        struct frames f;
        assert_int_equal(frames_make(&f, shape_find(NAMES[n]), &s), 0);
        assert_int_equal(f.count * (size_t)f.shape->chunk_ms * (VG_RATE_HZ / 1000), s.samples);
        assert_int_equal(frames_turns(&f, 0, f.count), s.count);
        assert_int_equal(frames_turns(&f, 0, 3 * f.count), 3 * s.count);
        for (size_t first = 0; first < f.count; first++) {
            assert_int_equal(frames_turns(&f, first, first), 0);
            int64_t turns = frames_turns(&f, first, first + f.count);
            assert_true(turns == (int64_t)s.count || turns == (int64_t)s.count - 1);
        }
        frames_free(&f);
    }
    assert_null(shape_find("mp3"));
    speech_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_right_to_three_percent),
        cmocka_unit_test(an_empty_or_extreme_histogram_is_no_trouble),
        cmocka_unit_test(quantiles_of_the_gateway_are_of_the_time_between_two_readings),
        cmocka_unit_test(frames_are_masked_and_of_the_right_length),
        cmocka_unit_test(a_servers_frame_is_read_when_all_of_it_has_come),
        cmocka_unit_test(pipelined_answers_are_told_apart),
        cmocka_unit_test(members_of_json_are_found),
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(the_conversation_has_the_asked_share_of_speech),
        cmocka_unit_test(every_whole_utterance_is_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
