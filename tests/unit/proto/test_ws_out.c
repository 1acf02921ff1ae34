/* proto/ws_out: the exact text of each message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/ws_out.h"

static const struct vg_ws_stamp STAMP = {1700000000789000, 7, 2};
#define STAMPED "\"timestamp\":1700000000.789000,\"seq\":7,\"generation\":2"

/* Compares what a writer wrote and empties the buffer. */
static void expect(struct vg_buf *b, const char *text)
{
    assert_string_equal(vg_buf_str(b), text);
    vg_buf_reset(b);
}

static void ready_tells_what_was_negotiated(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    const struct vg_ws_ready m = {.call_id = "call_1",
                                  .session_id = "ses_1",
                                  .resume_token = "token",
                                  .in = {VG_CODEC_OPUS, 48000, VG_TRANSPORT_BINARY},
                                  .out = {VG_CODEC_PCM_S16LE, 16000, VG_TRANSPORT_JSON},
                                  .lead_ms = 500,
                                  .endpointing_ms = 500,
                                  .barge_in = true,
                                  .language = "ar",
                                  .stt_engine = "pocketsphinx",
                                  .stt_language = "ar",
                                  .stt_open_speech = false};
    vg_ws_write_ready(&b, &STAMP, &m);
    expect(
        &b,
        "{\"type\":\"ready\"," STAMPED ",\"call_id\":\"call_1\",\"session_id\":\"ses_1\","
        "\"resume_token\":\"token\",\"resumed\":false,\"audio\":{\"in\":{\"codec\":\"opus\",\"rate\":48000,"
        "\"transport\":\"binary\"},\"out\":{\"codec\":\"pcm_s16le\",\"rate\":16000,\"transport\":\"json\"}},"
        "\"lead_ms\":500,\"turn\":{\"endpointing_ms\":500,\"barge_in\":true},\"language\":\"ar\","
        "\"stt\":{\"engine\":\"pocketsphinx\",\"language\":\"ar\",\"open_speech\":false}}");
    vg_buf_free(&b);
}

static void response_carries_its_audio_as_base64(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    struct vg_ws_response m = {"turn_1", "Hello", 3, false, (const uint8_t *)"ABCD", 4};
    vg_ws_write_response(&b, &STAMP, &m);
    expect(&b, "{\"type\":\"response\"," STAMPED ",\"text\":\"Hello\",\"turn_id\":\"turn_1\",\"index\":3,"
               "\"final\":false,\"audio\":\"QUJDRA==\"}");
    m = (struct vg_ws_response){"turn_1", NULL, 4, true, (const uint8_t *)"", 0};
    vg_ws_write_response(&b, &STAMP, &m);
    expect(&b, "{\"type\":\"response\"," STAMPED ",\"text\":\"\",\"turn_id\":\"turn_1\",\"index\":4,"
               "\"final\":true,\"audio\":\"\"}");
    m.audio = NULL;
    vg_ws_write_response(&b, &STAMP, &m);
    expect(&b, "{\"type\":\"response\"," STAMPED ",\"text\":\"\",\"turn_id\":\"turn_1\",\"index\":4,"
               "\"final\":true}");
    vg_buf_free(&b);
}

static void transcripts_carry_confidence_time_and_turn(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    struct vg_ws_transcript m = {true, "go forward", "turn_1", 0.87654, 120, 1830};
    vg_ws_write_transcript(&b, &STAMP, &m);
    expect(&b, "{\"type\":\"transcript_final\"," STAMPED ",\"text\":\"go forward\",\"confidence\":0.877,"
               "\"start_ms\":120,\"end_ms\":1830,\"turn_id\":\"turn_1\"}");
    m.final = false;
    vg_ws_write_transcript(&b, &STAMP, &m);
    assert_non_null(strstr(vg_buf_str(&b), "\"transcript_interim\""));
    vg_buf_free(&b);
}

static void the_small_messages_are_as_documented(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_ws_write_simple(&b, &STAMP, "pong");
    expect(&b, "{\"type\":\"pong\"," STAMPED "}");
    vg_ws_write_pong(&b, &STAMP, -1);
    expect(&b, "{\"type\":\"pong\"," STAMPED "}");
    vg_ws_write_pong(&b, &STAMP, 12);
    expect(&b, "{\"type\":\"pong\"," STAMPED ",\"id\":12}");
    vg_ws_write_speech(&b, &STAMP, true, 120);
    expect(&b, "{\"type\":\"speech_started\"," STAMPED ",\"at_ms\":120}");
    vg_ws_write_speech(&b, &STAMP, false, 980);
    expect(&b, "{\"type\":\"speech_stopped\"," STAMPED ",\"at_ms\":980}");
    vg_ws_write_audio_mark(&b, &STAMP, true, "turn_1");
    expect(&b, "{\"type\":\"audio_start\"," STAMPED ",\"turn_id\":\"turn_1\"}");
    vg_ws_write_audio_mark(&b, &STAMP, false, "turn_1");
    expect(&b, "{\"type\":\"audio_end\"," STAMPED ",\"turn_id\":\"turn_1\"}");
    vg_ws_write_hold(&b, &STAMP, true, "turn_1");
    expect(&b, "{\"type\":\"reply_held\"," STAMPED ",\"turn_id\":\"turn_1\"}");
    vg_ws_write_hold(&b, &STAMP, false, "turn_1");
    expect(&b, "{\"type\":\"reply_resumed\"," STAMPED ",\"turn_id\":\"turn_1\"}");
    vg_ws_write_interrupted(&b, &STAMP, "turn_1", "I would", 640, "voice");
    expect(&b, "{\"type\":\"interrupted\"," STAMPED ",\"turn_id\":\"turn_1\",\"heard_text\":\"I would\","
               "\"played_ms\":640,\"reason\":\"voice\"}");
    vg_ws_write_handoff(&b, &STAMP, "hnd_1", "queued", "general", 30);
    expect(&b, "{\"type\":\"handoff\"," STAMPED ",\"handoff_id\":\"hnd_1\",\"status\":\"queued\","
               "\"queue\":\"general\",\"estimated_wait_seconds\":30}");
    vg_ws_write_dtmf(&b, &STAMP, '#');
    expect(&b, "{\"type\":\"dtmf\"," STAMPED ",\"digit\":\"#\"}");
    vg_ws_write_call_ended(&b, &STAMP, "client", 12345);
    expect(&b, "{\"type\":\"call_ended\"," STAMPED ",\"reason\":\"client\",\"duration_ms\":12345}");
    vg_ws_write_error(&b, &STAMP, "BAD_FIELD", "text must be \"a\" string", false);
    expect(&b, "{\"type\":\"error\"," STAMPED ",\"code\":\"BAD_FIELD\","
               "\"message\":\"text must be \\\"a\\\" string\",\"fatal\":false}");
    vg_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_tells_what_was_negotiated),
        cmocka_unit_test(response_carries_its_audio_as_base64),
        cmocka_unit_test(transcripts_carry_confidence_time_and_turn),
        cmocka_unit_test(the_small_messages_are_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
