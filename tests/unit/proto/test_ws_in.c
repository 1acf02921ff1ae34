/* proto/ws_in: each message in fragments of every size gives the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proto/base64.h"
#include "proto/ws_in.h"

/* What the sink was told, as one line of text; audio is gathered until its end or abort. */
struct record {
    struct vg_buf log, audio;
};

static void on_audio(void *arg, const uint8_t *data, size_t bytes)
{
    struct record *rec = arg;
    assert_true(bytes > 0);
    vg_buf_add(&rec->audio, data, bytes);
}

static void on_audio_end(void *arg, size_t bytes)
{
    struct record *rec = arg;
    assert_int_equal(rec->audio.len, bytes);
    vg_buf_printf(&rec->log, "audio[%s]", vg_buf_str(&rec->audio));
    vg_buf_reset(&rec->audio);
}

static void on_audio_abort(void *arg)
{
    struct record *rec = arg;
    assert_true(rec->audio.len > 0);
    vg_buf_reset(&rec->audio);
}

static void log_audio(struct vg_buf *log, const char *name, bool has, const struct vg_ws_audio *a)
{
    if (has)
        vg_buf_printf(log, " %s=%s/%d/%s", name, vg_codec_name(a->codec), a->rate_hz,
                      a->transport == VG_TRANSPORT_BINARY ? "binary" : "json");
}

static void on_message(void *arg, const struct vg_ws_in *m)
{
    struct vg_buf *log = &((struct record *)arg)->log;
    assert_int_equal(((struct record *)arg)->audio.len, 0);
    switch (m->type) {
    case VG_WS_IN_CONFIG:
        vg_buf_puts(log, "config");
        log_audio(log, "in", m->config.has_in, &m->config.in);
        log_audio(log, "out", m->config.has_out, &m->config.out);
        vg_buf_printf(log, " lead=%d endpointing=%d barge=%d", m->config.lead_ms, m->config.endpointing_ms,
                      m->config.barge_in);
        break;
    case VG_WS_IN_BARGE_IN: vg_buf_puts(log, "barge_in"); break;
    case VG_WS_IN_PING: vg_buf_printf(log, "ping %lld", (long long)m->id); break;
    case VG_WS_IN_TEXT: vg_buf_printf(log, "text <%s>", m->text); break;
    case VG_WS_IN_DTMF: vg_buf_printf(log, "dtmf %c", m->digit); break;
    case VG_WS_IN_PLAYED: vg_buf_printf(log, "played %s %lld", m->turn_id, (long long)m->played_ms); break;
    case VG_WS_IN_END: vg_buf_printf(log, "end %s", m->reason ? m->reason : "-"); break;
    }
}

static void on_error(void *arg, const char *code, const char *message, bool fatal, int close_code)
{
    struct vg_buf *log = &((struct record *)arg)->log;
    assert_true(message[0] != 0);
    vg_buf_printf(log, "error %s%s", code, fatal ? " fatal" : "");
    assert_int_equal(close_code, fatal ? 1009 : 0);
    if (strcmp(code, "BAD_FIELD") == 0 || strcmp(code, "UNKNOWN_TYPE") == 0)
        vg_buf_printf(log, ": %s", message);
}

static struct vg_ws_reader *new_reader(struct record *rec)
{
    const struct vg_ws_in_sink sink = {on_audio, on_audio_end, on_audio_abort, on_message, on_error, rec};
    *rec = (struct record){0};
    struct vg_ws_reader *r = vg_ws_reader_new(&sink);
    assert_non_null(r);
    return r;
}

/* One message in fragments of `step` bytes, each in memory of its own size. */
static void feed(struct vg_ws_reader *r, const char *text, size_t n, size_t step, bool binary)
{
    size_t at = 0;
    do {
        size_t take = n - at < step ? n - at : step;
        uint8_t *copy = malloc(take ? take : 1);
        memcpy(copy, text + at, take);
        vg_ws_reader_feed(r, copy, take, at == 0, at + take == n, binary);
        free(copy);
        at += take;
    } while (at < n);
}

static void expect(const char *text, const char *log)
{
    size_t n = strlen(text);
    for (size_t step = 1; step <= n + 1; step++) {
        struct record rec;
        struct vg_ws_reader *r = new_reader(&rec);
        feed(r, text, n, step, false);
        assert_string_equal(vg_buf_str(&rec.log), log);
        vg_buf_reset(&rec.log);
        feed(r, "{\"type\":\"ping\"}", 15, step, false); /* it goes on as if nothing had been */
        assert_string_equal(vg_buf_str(&rec.log), "ping -1");
        vg_ws_reader_free(r);
        vg_buf_free(&rec.log);
        vg_buf_free(&rec.audio);
    }
}

static void audio_is_decoded_in_either_order_and_with_white_space(void **state)
{
    (void)state;
    expect("{\"type\":\"audio\",\"data\":\"QUJD\"}", "audio[ABC]");
    expect("{\"type\": \"audio\", \"data\": \"QUJDRA==\"}", "audio[ABCD]");
    expect("{\"data\":\"QUJDREU=\",\"type\":\"audio\"}", "audio[ABCDE]");
    expect(" {\n\t\"type\" : \"audio\" ,\r\n \"data\" : \"QUJD\" } \n", "audio[ABC]");
    expect("{\"type\":\"audio\",\"data\":\"\"}", "audio[]");
    expect("{\"type\":\"audio\",\"data\":"
           "\"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\"}",
           "audio[abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz]");
}

static void audio_with_more_keys_or_escapes_is_taken_too(void **state)
{
    (void)state;
    expect("{\"type\":\"audio\",\"data\":\"QUJD\",\"seq\":7}", "audio[ABC]");
    expect("{\"seq\":{\"data\":\"!\"},\"data\":\"QUJD\",\"type\":\"audio\"}", "audio[ABC]");
    expect("{\"type\":\"audio\",\"data\":\"Pz\\/\\u002f\"}", "audio[??\xff]");
    expect("{\"type\":\"audio\",\"data\":\"QUI\\u003D\"}", "audio[AB]");
    expect("{\"ty\\u0070e\":\"audio\",\"d\\u0061ta\":\"QUJD\"}", "audio[ABC]");
    expect("{\"type\":\"a\\u0075dio\",\"data\":\"QUJD\"}", "audio[ABC]");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\",                                                           "
           "         "
           "                                                     \"x\":null}",
           "audio[ABC]");
}

static void broken_base64_is_refused_and_taken_back(void **state)
{
    (void)state;
    expect("{\"type\":\"audio\",\"data\":\"QUJDQ\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJD QUJD\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJDQQ==QUJD\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJDQR==\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJDQQ=\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\\n\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\\\"QUJD\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\\u0000\"}", "error BAD_BASE64");
    expect("{\"type\":\"audio\",\"d\\u0061ta\":\"QUJ\"}", "error BAD_BASE64");
    expect("{\"data\":\"Q!\",\"type\":\"audio\"}", "error BAD_BASE64");
}

static void a_broken_tail_takes_the_audio_back(void **state)
{
    (void)state;
    expect("{\"type\":\"audio\",\"data\":\"QUJD\"", "error BAD_JSON");
    expect("{\"type\":\"audio\",\"data\":\"QUJD", "error BAD_JSON");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\"}}", "error BAD_JSON");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\",}", "error BAD_JSON");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\",\"data\":\"QUJD\"}", "error BAD_JSON");
    expect("{\"type\":\"audio\",\"data\":\"QUJD\",\"d\\u0061ta\":\"QUJD\"}", "error BAD_JSON");
    expect("{\"data\":\"QUJD\",\"type\":\"audio\",\"type\":\"audio\"}", "error BAD_JSON");
    expect("{\"data\":\"QUJD\"}", "error BAD_FIELD: type is required");
    expect("{\"data\":\"QUJD\",\"type\":\"audio2\"}",
           "error UNKNOWN_TYPE: there is no message of type audio2");
}

static void data_of_another_message_is_ignored(void **state)
{
    (void)state;
    expect("{\"data\":\"QUJD\",\"type\":\"text\",\"text\":\"hi\"}", "text <hi>");
    expect("{\"type\":\"text\",\"data\":\"no base64\",\"text\":\"hi\"}", "text <hi>");
    expect("{\"data\":\"no \\\"base64\\\"\",\"type\":\"text\",\"text\":\"hi\"}", "text <hi>");
}

static void wrong_data_is_named(void **state)
{
    (void)state;
    expect("{\"type\":\"audio\"}", "error BAD_FIELD: data is required");
    expect("{\"type\":\"audio\",\"data\":7}", "error BAD_FIELD: data must be a string of base64");
    expect("{\"type\":\"audio\",\"data\":{\"data\":\"QUJD\"}}",
           "error BAD_FIELD: data must be a string of base64");
    expect("{\"type\":7,\"data\":\"QUJD\"}", "error BAD_FIELD: type must be a string");
}

static void the_other_messages_are_read(void **state)
{
    (void)state;
    expect("{\"type\":\"barge_in\"}", "barge_in");
    expect("{\"type\":\"ping\"}", "ping -1");
    expect("{\"type\":\"ping\",\"id\":12}", "ping 12");
    expect("{\"type\":\"text\",\"text\":\"\\u0645\\u0631\\u062d\\u0628\\u0627 \\\"x\\\"\"}",
           "text <\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 \"x\">");
    expect("{\"type\":\"dtmf\",\"digit\":\"#\"}", "dtmf #");
    expect("{\"type\":\"dtmf\",\"digit\":\"D\"}", "dtmf D");
    expect("{\"type\":\"played\",\"turn_id\":\"turn_1\",\"ms\":250}", "played turn_1 250");
    expect("{\"type\":\"end\"}", "end -");
    expect("{\"type\":\"end\",\"reason\":\"done\",\"more\":[1,{\"type\":\"x\"}]}", "end done");
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    expect("{\"type\":\"text\"}", "error BAD_FIELD: text is required");
    expect("{\"type\":\"text\",\"text\":\"\"}", "error BAD_FIELD: text must not be empty");
    expect("{\"type\":\"text\",\"text\":5}", "error BAD_FIELD: text must be a string");
    expect("{\"type\":\"dtmf\",\"digit\":5}",
           "error BAD_FIELD: digit must be one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, *, #, A, B, C, D");
    expect("{\"type\":\"played\",\"turn_id\":\"t\",\"ms\":-1}",
           "error BAD_FIELD: ms must be from 0 to 9007199254");
    expect("{\"type\":\"ping\",\"id\":\"x\"}", "error BAD_FIELD: id must be a whole number");
    expect("{\"type\":\"nonsense\"}", "error UNKNOWN_TYPE: there is no message of type nonsense");
    expect("{}", "error BAD_FIELD: type is required");
}

static void what_is_not_a_json_object_is_refused(void **state)
{
    (void)state;
    expect("", "error BAD_JSON");
    expect("nonsense", "error BAD_JSON");
    expect("[\"data\",\"QUJD\"]", "error BAD_JSON");
    expect("{\"type\":\"ping\"} {}", "error BAD_JSON");
    expect("{\"type\":\"ping\",\"type\":\"ping\"}", "error BAD_JSON");
    expect("{\"type\":\"ping", "error BAD_JSON");
    expect("{\"type\":\"text\",\"text\":\"\xff\"}", "error BAD_JSON");
    expect("{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", "error BAD_JSON");
}

static void config_starts_from_what_is_in_force(void **state)
{
    (void)state;
    expect("{\"type\":\"config\"}", "config lead=-1 endpointing=-1 barge=-1");
    expect(
        "{\"type\":\"config\",\"audio\":{\"in\":{\"codec\":\"opus\",\"rate\":48000,\"transport\":\"binary\"},"
        "\"out\":{\"codec\":\"pcma\",\"rate\":8000}},\"turn\":{\"endpointing_ms\":700,\"barge_in\":false},"
        "\"lead_ms\":200}",
        "config in=opus/48000/binary out=pcma/8000/json lead=200 endpointing=700 barge=0");
    expect("{\"type\":\"config\",\"audio\":{\"in\":{\"codec\":\"pcmu\"}}}",
           "config in=pcmu/8000/json lead=-1 endpointing=-1 barge=-1");
    expect(
        "{\"type\":\"config\",\"audio\":{\"out\":{\"transport\":\"binary\"}},\"turn\":{\"barge_in\":true}}",
        "config out=pcm_s16le/16000/binary lead=-1 endpointing=-1 barge=1");
    expect("{\"type\":\"config\",\"audio\":{\"codec\":\"pcm_s16le\",\"rate\":8000}}",
           "config in=pcm_s16le/8000/json out=pcm_s16le/8000/json lead=-1 endpointing=-1 barge=-1");
}

static void wrong_config_is_named(void **state)
{
    (void)state;
    expect("{\"type\":\"config\",\"audio\":7}", "error BAD_FIELD: audio must be an object");
    expect("{\"type\":\"config\",\"audio\":{\"in\":7}}", "error BAD_FIELD: audio.in must be an object");
    expect("{\"type\":\"config\",\"audio\":{\"in\":{\"codec\":\"mp3\"}}}",
           "error BAD_FIELD: audio.in.codec must be one of: pcm_s16le, pcmu, pcma, opus");
    expect("{\"type\":\"config\",\"audio\":{\"in\":{\"rate\":4000}}}",
           "error BAD_FIELD: audio.in.rate must be from 8000 to 48000");
    expect("{\"type\":\"config\",\"audio\":{\"out\":{\"codec\":\"opus\",\"rate\":11025}}}",
           "error BAD_FIELD: audio.out.rate 11025 Hz is not a rate of opus");
    expect("{\"type\":\"config\",\"audio\":{\"out\":{\"transport\":\"udp\"}}}",
           "error BAD_FIELD: audio.out.transport must be one of: json, binary");
    expect("{\"type\":\"config\",\"lead_ms\":501}", "error BAD_FIELD: lead_ms must be from 0 to 500");
    expect("{\"type\":\"config\",\"turn\":{\"endpointing_ms\":199}}",
           "error BAD_FIELD: turn.endpointing_ms must be from 200 to 3000");
    expect("{\"type\":\"config\",\"turn\":{\"barge_in\":\"no\"}}",
           "error BAD_FIELD: turn.barge_in must be true or false");
}

static void codec_names_stand_in_the_order_of_the_enum(void **state)
{
    (void)state;
    struct record rec;
    struct vg_ws_reader *r = new_reader(&rec);
    for (int i = VG_CODEC_PCM_S16LE; i <= VG_CODEC_OPUS; i++) {
        char text[100], log[100];
        const char *name = vg_codec_name((enum vg_codec)i);
        snprintf(text, sizeof text,
                 "{\"type\":\"config\",\"audio\":{\"in\":{\"codec\":\"%s\",\"rate\":8000}}}", name);
        snprintf(log, sizeof log, "config in=%s/8000/json lead=-1 endpointing=-1 barge=-1", name);
        vg_buf_reset(&rec.log);
        feed(r, text, strlen(text), 1000, false);
        assert_string_equal(vg_buf_str(&rec.log), log);
    }
    vg_ws_reader_free(r);
    vg_buf_free(&rec.log);
}

/* An audio message of `bytes`, in fragments of `step`; the log must be `log`, or the bytes come back. */
static void check_big_audio(size_t bytes, size_t step, const char *log)
{
    struct record rec;
    struct vg_ws_reader *r = new_reader(&rec);
    vg_ws_reader_set_chunk_max(r, 32000);
    char *data = malloc(bytes), *text = malloc(VG_BASE64_BOUND(bytes) + 64);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (char)('a' + i % 23);
    size_t n = (size_t)sprintf(text, "{\"type\":\"audio\",\"data\":\"");
    n += vg_base64_encode(text + n, data, bytes);
    n += (size_t)sprintf(text + n, "\"}");
    feed(r, text, n, step, false);
    if (log) {
        assert_string_equal(vg_buf_str(&rec.log), log);
    } else {
        assert_int_equal(rec.log.len, bytes + 7);
        assert_memory_equal(rec.log.data + 6, data, bytes);
    }
    vg_ws_reader_free(r);
    vg_buf_free(&rec.log);
    vg_buf_free(&rec.audio);
    free(text);
    free(data);
}

static void a_second_of_audio_fits_and_more_does_not(void **state)
{
    (void)state;
    static const size_t STEPS[] = {1, 7, 1000, 1448, 4096, 16384, 1000000};
    for (size_t i = 0; i < VG_COUNT_OF(STEPS); i++) {
        check_big_audio(8000, STEPS[i], NULL);
        check_big_audio(32000, STEPS[i], NULL);
        check_big_audio(32001, STEPS[i], "error CHUNK_TOO_LONG");
        check_big_audio(150000, STEPS[i], "error CHUNK_TOO_LONG");
        check_big_audio(200000, STEPS[i], "error MESSAGE_TOO_BIG fatal");
    }
}

static void binary_messages_are_wire_bytes(void **state)
{
    (void)state;
    struct record rec;
    struct vg_ws_reader *r = new_reader(&rec);
    vg_ws_reader_set_chunk_max(r, 8);
    feed(r, "{\"type\"}", 8, 3, true);
    feed(r, "123456789", 9, 4, true);
    feed(r, "", 0, 1, true);
    feed(r, "12345678", 8, 1, true);
    assert_string_equal(vg_buf_str(&rec.log), "audio[{\"type\"}]error CHUNK_TOO_LONGaudio[]audio[12345678]");
    vg_ws_reader_free(r);
    vg_buf_free(&rec.log);
    vg_buf_free(&rec.audio);
}

static void a_long_control_message_is_dropped_and_a_huge_one_is_fatal(void **state)
{
    (void)state;
    static const size_t STEPS[] = {1, 999, 4096, 1000000};
    char *text = malloc(300000);
    memset(text, 'x', 300000);
    static const char HEAD[] = "{\"type\":\"text\",\"text\":\"";
    memcpy(text, HEAD, sizeof HEAD - 1);
    for (size_t i = 0; i < VG_COUNT_OF(STEPS); i++) {
        struct record rec;
        struct vg_ws_reader *r = new_reader(&rec);
        feed(r, text, VG_WS_CONTROL_BYTES_MAX + 1, STEPS[i], false);
        assert_string_equal(vg_buf_str(&rec.log), "error MESSAGE_TOO_BIG");
        vg_buf_reset(&rec.log);
        feed(r, text, 300000, 100000, false); /* whole fragments beyond the bound: fatal, and then silence */
        assert_non_null(strstr(vg_buf_str(&rec.log), "error MESSAGE_TOO_BIG fatal"));
        vg_buf_reset(&rec.log);
        feed(r, "{\"type\":\"ping\"}", 15, 100, false);
        assert_string_equal(vg_buf_str(&rec.log), "");
        vg_ws_reader_free(r);
        vg_buf_free(&rec.log);
        vg_buf_free(&rec.audio);
    }
    free(text);
}

static void text_is_bounded(void **state)
{
    (void)state;
    struct record rec;
    struct vg_ws_reader *r = new_reader(&rec);
    char *text = malloc(VG_WS_TEXT_BYTES_MAX + 64);
    for (size_t n = VG_WS_TEXT_BYTES_MAX; n <= VG_WS_TEXT_BYTES_MAX + 1; n++) {
        size_t length = (size_t)sprintf(text, "{\"type\":\"text\",\"text\":\"");
        memset(text + length, 'x', n);
        memcpy(text + length + n, "\"}", 3);
        vg_buf_reset(&rec.log);
        feed(r, text, length + n + 2, 100, false);
        assert_int_equal(
            strncmp(vg_buf_str(&rec.log), n == VG_WS_TEXT_BYTES_MAX ? "text <x" : "error BAD_FIELD", 7), 0);
    }
    free(text);
    vg_ws_reader_free(r);
    vg_buf_free(&rec.log);
}

static void a_message_that_never_ended_is_forgotten(void **state)
{
    (void)state;
    struct record rec;
    struct vg_ws_reader *r = new_reader(&rec);
    static const char PART[] = "{\"type\":\"audio\",\"data\":\"QUJD";
    vg_ws_reader_feed(r, (const uint8_t *)PART, sizeof PART - 1, true, false, false);
    feed(r, "{\"type\":\"ping\"}", 15, 100, false);
    assert_string_equal(vg_buf_str(&rec.log), "ping -1");
    vg_ws_reader_feed(r, (const uint8_t *)PART, sizeof PART - 1, false, false, false); /* of no message */
    assert_string_equal(vg_buf_str(&rec.log), "ping -1");
    vg_ws_reader_free(r);
    assert_null(vg_ws_reader_free(NULL));
    vg_buf_free(&rec.log);
    vg_buf_free(&rec.audio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_is_decoded_in_either_order_and_with_white_space),
        cmocka_unit_test(audio_with_more_keys_or_escapes_is_taken_too),
        cmocka_unit_test(broken_base64_is_refused_and_taken_back),
        cmocka_unit_test(a_broken_tail_takes_the_audio_back),
        cmocka_unit_test(data_of_another_message_is_ignored),
        cmocka_unit_test(wrong_data_is_named),
        cmocka_unit_test(the_other_messages_are_read),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(what_is_not_a_json_object_is_refused),
        cmocka_unit_test(config_starts_from_what_is_in_force),
        cmocka_unit_test(wrong_config_is_named),
        cmocka_unit_test(codec_names_stand_in_the_order_of_the_enum),
        cmocka_unit_test(a_second_of_audio_fits_and_more_does_not),
        cmocka_unit_test(binary_messages_are_wire_bytes),
        cmocka_unit_test(a_long_control_message_is_dropped_and_a_huge_one_is_fatal),
        cmocka_unit_test(text_is_bounded),
        cmocka_unit_test(a_message_that_never_ended_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
