/* The course of a call; see call_session.h. */
#include "cli/call_session.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/call_mouth.h"
#include "cli/ws_client.h"
#include "proto/base64.h"

enum {
    REPLY_HZ = 16000,
    QUEUE_BYTES_MAX = 65536,                  /* a server that takes no more holds us by TCP */
    GREETING_AWAITED_US = 700 * VG_US_PER_MS, /* an agent that greets has begun by then */
    GREETING_US_MAX = 30 * VG_US_PER_S,
    QUIET_US = 1500 * VG_US_PER_MS, /* endpointing, the answer and some more */
    FAREWELL_US = 3 * VG_US_PER_S,
    POLL_MS_MAX = 50,
};

volatile int call_session_interrupted;

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static VG_PRINTF(2, 3) void fail(struct call_session *s, const char *format, ...)
{
    va_list ap;
    call_view_break(&s->view);
    fputs("voxgate call: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    s->failed = s->ended = true;
}

/* --- what is sent ----------------------------------------------------------------------------------------
 */

static void send_json(struct call_session *s, struct vg_buf *b)
{
    ws_client_send(s->ws, false, vg_buf_str(b), b->len);
    vg_buf_free(b);
}

static void write_direction(struct vg_json *j, const char *name, const struct call_options *o)
{
    vg_json_object(j, name);
    vg_json_str(j, "codec", o->codec_name);
    vg_json_int(j, "rate", o->rate_hz);
    vg_json_str(j, "transport", o->transport);
    vg_json_end(j);
}

static void send_config(struct call_session *s)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", "config");
    vg_json_object(&j, "audio");
    write_direction(&j, "in", s->options);
    write_direction(&j, "out", s->options);
    vg_json_end(&j);
    vg_json_end(&j);
    send_json(s, &b);
}

static void send_simple(struct call_session *s, const char *type, const char *name, const char *value)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", type);
    if (name)
        vg_json_str(&j, name, value);
    vg_json_end(&j);
    send_json(s, &b);
}

static void send_audio(struct call_session *s, const struct vg_buf *wire)
{
    if (strcmp(s->options->transport, "binary") == 0) {
        ws_client_send(s->ws, true, wire->data, wire->len);
        return;
    }
    static const char HEAD[] = "{\"type\":\"audio\",\"data\":\"";
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_puts(&b, HEAD);
    if (!vg_buf_reserve(&b, VG_BASE64_BOUND(wire->len) + 2))
        b.len += vg_base64_encode(b.data + b.len, wire->data, wire->len);
    vg_buf_puts(&b, "\"}");
    send_json(s, &b);
}

/* Typed text and keys go when the words would begin. */
static void say_typed(struct call_session *s)
{
    s->said_text = true;
    for (const char *d = s->options->digits; d && *d; d++)
        send_simple(s, "dtmf", "digit", (char[]){*d, 0});
    if (s->options->text) {
        send_simple(s, "text", "text", s->options->text);
        s->typed_us = vg_mono_us();
        s->awaiting = true;
    }
}

/* Sends every message that is due. */
static void speak(struct call_session *s, int64_t now_us)
{
    bool fast = s->options->fast;
    while (!s->hanging_up && s->configured && ws_client_queued_bytes(s->ws) < QUEUE_BYTES_MAX) {
        bool ahead = fast && !s->holding && !mouth_done(s->mouth);
        if (!ahead && now_us < s->next_due_us)
            return;
        struct vg_buf wire = VG_BUF_INIT;
        bool more = mouth_next(s->mouth, s->holding, &wire);
        if (more) {
            send_audio(s, &wire);
            s->sent_us += mouth_chunk_us(s->mouth);
        }
        vg_buf_free(&wire);
        if (!ahead || !more)
            s->next_due_us = more ? s->next_due_us + mouth_chunk_us(s->mouth) : now_us + 5 * VG_US_PER_MS;
        /* Chunks that could not leave in time are not made up for by a burst of silence. */
        if (mouth_done(s->mouth) && s->next_due_us < now_us - VG_US_PER_S)
            s->next_due_us = now_us;
        if (mouth_done(s->mouth) && !s->talked_us && !s->holding)
            s->talked_us = later(now_us, s->talk_from_us + mouth_length_us(s->mouth));
        if (!more)
            return;
    }
}

/* --- what is heard ---------------------------------------------------------------------------------------
 */

static void keep_reply(struct call_session *s, const int16_t *pcm, size_t samples)
{
    if (s->reply_samples + samples > s->reply_cap) {
        size_t cap = (s->reply_samples + samples) * 2;
        int16_t *grown = realloc(s->reply, cap * sizeof *grown);
        if (!grown)
            return;
        s->reply = grown;
        s->reply_cap = cap;
    }
    memcpy(s->reply + s->reply_samples, pcm, samples * sizeof *pcm);
    s->reply_samples += samples;
}

static void hear(struct call_session *s, const uint8_t *wire, size_t bytes, int64_t now_us)
{
    size_t bound = vg_decoder_bound(s->decoder, bytes);
    int16_t *pcm = malloc((bound + 1) * sizeof *pcm);
    int n = pcm ? vg_decode(s->decoder, wire, bytes, pcm, bound) : 0;
    if (n > 0) {
        if (s->first_reply_ms < 0 && s->words_end_us)
            s->first_reply_ms = (now_us - s->words_end_us) / VG_US_PER_MS;
        keep_reply(s, pcm, (size_t)n);
        s->heard_until_us = later(s->heard_until_us, now_us) + (int64_t)n * VG_US_PER_S / REPLY_HZ;
        s->greeted = true;
    }
    free(pcm);
}

/* Inline audio of a `response`; gives its bytes. */
static size_t hear_inline(struct call_session *s, const json_t *message, int64_t now_us)
{
    const json_t *audio = json_object_get(message, "audio");
    size_t length = json_string_length(audio);
    uint8_t *wire = length ? malloc(length / 4 * 3 + 32) : NULL;
    int bytes = wire ? vg_base64_decode(wire, json_string_value(audio), length) : 0;
    if (bytes > 0)
        hear(s, wire, (size_t)bytes, now_us);
    free(wire);
    return bytes > 0 ? (size_t)bytes : 0;
}

/* The reply was cut: what had not been played is not part of it. */
static void on_interrupted(struct call_session *s, const json_t *message, int64_t now_us)
{
    int64_t played_ms = json_integer_value(json_object_get(message, "played_ms"));
    size_t kept = s->turn_from + (size_t)later(0, played_ms) * REPLY_HZ / 1000;
    if (kept < s->reply_samples)
        s->reply_samples = kept;
    s->turn_from = s->reply_samples;
    s->heard_until_us = now_us;
    s->awaiting = false;
    s->interruptions++;
}

static void on_final(struct call_session *s, const json_t *message)
{
    int64_t end_ms = json_integer_value(json_object_get(message, "end_ms"));
    s->turns++;
    s->awaiting = true;
    s->turn_from = s->reply_samples;
    if (s->first_reply_ms >= 0 || s->options->fast)
        return;
    /* In real time a moment of the audio is a moment of the clock, and a turn ends with the silence that
     * ended it. */
    s->words_end_us = end_ms > 0 ? s->opened_us + (end_ms - s->endpointing_ms) * VG_US_PER_MS : s->typed_us;
}

static void on_error(struct call_session *s, const json_t *message)
{
    s->awaiting = false;
    if (json_is_true(json_object_get(message, "fatal"))) {
        const char *text = json_string_value(json_object_get(message, "message"));
        fail(s, "the call was broken off: %s", text ? text : "no reason was given");
    }
}

static void on_ended(struct call_session *s, const json_t *message)
{
    const char *reason = json_string_value(json_object_get(message, "reason"));
    snprintf(s->end_reason, sizeof s->end_reason, "%s", reason ? reason : "ended");
    s->ended = true;
}

static void on_message(struct call_session *s, const json_t *message, int64_t now_us)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    size_t audio_bytes = 0;
    if (!type)
        return;
    if (strcmp(type, "response") == 0) {
        audio_bytes = hear_inline(s, message, now_us);
        s->greeted = true;
        if (json_is_true(json_object_get(message, "final"))) {
            s->awaiting = false;
            s->turn_from = s->reply_samples;
        }
    } else if (strcmp(type, "ready") == 0 && !s->configured) {
        const json_t *turn = json_object_get(message, "turn");
        s->endpointing_ms = json_integer_value(json_object_get(turn, "endpointing_ms"));
        s->configured = true; /* the answer to our `config` follows; nothing waits for it */
    } else if (strcmp(type, "speech_started") == 0) {
        s->speaking = true;
    } else if (strcmp(type, "speech_stopped") == 0) {
        s->speaking = false;
    } else if (strcmp(type, "transcript_final") == 0) {
        on_final(s, message);
    } else if (strcmp(type, "interrupted") == 0) {
        on_interrupted(s, message, now_us);
    } else if (strcmp(type, "call_ended") == 0) {
        on_ended(s, message);
    } else if (strcmp(type, "error") == 0) {
        on_error(s, message);
    }
    s->last_event_us = now_us;
    call_view_message(&s->view, message, (now_us - s->opened_us) / VG_US_PER_MS, audio_bytes);
}

static void take_messages(struct call_session *s, int64_t now_us)
{
    const uint8_t *data;
    size_t bytes;
    bool binary;
    while (ws_client_next(s->ws, &data, &bytes, &binary)) {
        if (binary) {
            hear(s, data, bytes, now_us);
            s->last_event_us = now_us;
            continue;
        }
        json_t *message = json_loadb((const char *)data, bytes, 0, NULL);
        if (message)
            on_message(s, message, now_us);
        json_decref(message);
    }
}

/* --- the course ------------------------------------------------------------------------------------------
 */

/* The recording begins when the greeting is over, as a polite caller would. */
static void maybe_begin(struct call_session *s, int64_t now_us)
{
    if (!s->holding || !s->configured)
        return;
    int64_t since_us = now_us - s->opened_us;
    bool over = s->greeted ? !s->awaiting && now_us >= s->heard_until_us &&
                                 now_us - s->last_event_us > 300 * VG_US_PER_MS
                           : since_us > GREETING_AWAITED_US;
    if (!over && since_us < GREETING_US_MAX && !s->options->now)
        return;
    s->holding = false;
    s->talk_from_us = now_us;
    say_typed(s);
}

/* True when everything was said and heard. */
static bool is_over(const struct call_session *s, int64_t now_us)
{
    if (call_session_interrupted)
        return true;
    if (s->holding || !s->talked_us || now_us < s->talked_us)
        return false;
    if (now_us - s->talked_us > s->options->timeout_s * VG_US_PER_S)
        return true;
    bool quiet = now_us - later(s->last_event_us, s->talked_us) > QUIET_US && now_us >= s->heard_until_us;
    return quiet && !s->awaiting && !s->speaking;
}

static void hang_up(struct call_session *s, int64_t now_us)
{
    if (s->awaiting)
        call_view_note(&s->view, "no answer within %lld s", (long long)s->options->timeout_s);
    send_simple(s, "end", NULL, NULL);
    s->hanging_up = true;
    s->hang_up_us = now_us;
}

static int poll_ms(const struct call_session *s, int64_t now_us)
{
    int64_t left_us = s->next_due_us - now_us;
    if (!s->configured || left_us > POLL_MS_MAX * VG_US_PER_MS)
        return POLL_MS_MAX;
    return left_us <= 0 ? 1 : (int)((left_us + VG_US_PER_MS - 1) / VG_US_PER_MS);
}

static void step(struct call_session *s)
{
    int64_t now_us = vg_mono_us();
    maybe_begin(s, now_us);
    speak(s, now_us);
    struct pollfd p = {.fd = ws_client_fd(s->ws), .events = ws_client_events(s->ws)};
    if (poll(&p, 1, poll_ms(s, now_us)) < 0 && errno != EINTR)
        fail(s, "%s", strerror(errno));
    int err = ws_client_pump(s->ws);
    now_us = vg_mono_us();
    take_messages(s, now_us);
    if (err && !s->ended) {
        const char *reason = ws_client_close_reason(s->ws);
        fail(s, "the connection ended before the call did: close code %d%s%s", ws_client_close_code(s->ws),
             *reason ? ", " : "", reason);
    } else if (!s->hanging_up && is_over(s, now_us)) {
        hang_up(s, now_us);
    } else if (s->hanging_up && now_us - s->hang_up_us > FAREWELL_US) {
        s->ended = true;
    }
}

bool call_session_run(struct call_session *s)
{
    s->opened_us = s->next_due_us = s->last_event_us = vg_mono_us();
    s->first_reply_ms = -1;
    s->holding = true;
    send_config(s);
    while (!s->ended)
        step(s);
    ws_client_close(s->ws, 1000);
    int err = ws_client_pump(s->ws);
    (void)err; /* gone already is as good */
    return !s->failed;
}

void call_session_clear(struct call_session *s)
{
    ws_client_free(s->ws);
    mouth_close(s->mouth);
    vg_decoder_free(s->decoder);
    free(s->reply);
}
