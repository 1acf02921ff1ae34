/* The messages of the server, one writer each; see ws_out.h and proto/asyncapi.yaml. */
#include "proto/ws_out.h"

#include "base/json.h"
#include "proto/base64.h"

static const char *transport_name(enum vg_transport transport)
{
    return transport == VG_TRANSPORT_BINARY ? "binary" : "json";
}

/* Opens a message with what all carry. */
static struct vg_json start(struct vg_buf *b, const struct vg_ws_stamp *s, const char *type)
{
    struct vg_json j = vg_json_start(b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", type);
    vg_json_seconds(&j, "timestamp", s->utc_us);
    vg_json_int(&j, "seq", (int64_t)s->seq);
    vg_json_int(&j, "generation", s->generation);
    return j;
}

static void put_format(struct vg_json *j, const char *key, const struct vg_ws_audio *a)
{
    vg_json_object(j, key);
    vg_json_str(j, "codec", vg_codec_name(a->codec));
    vg_json_int(j, "rate", a->rate_hz);
    vg_json_str(j, "transport", transport_name(a->transport));
    vg_json_end(j);
}

void vg_ws_write_ready(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_ready *m)
{
    struct vg_json j = start(b, s, "ready");
    vg_json_str(&j, "call_id", m->call_id);
    vg_json_str(&j, "session_id", m->session_id);
    vg_json_str(&j, "resume_token", m->resume_token);
    vg_json_bool(&j, "resumed", m->resumed);
    vg_json_object(&j, "audio");
    put_format(&j, "in", &m->in);
    put_format(&j, "out", &m->out);
    vg_json_end(&j);
    vg_json_int(&j, "lead_ms", m->lead_ms);
    vg_json_object(&j, "turn");
    vg_json_int(&j, "endpointing_ms", m->endpointing_ms);
    vg_json_bool(&j, "barge_in", m->barge_in);
    vg_json_end(&j);
    vg_json_str(&j, "language", m->language);
    vg_json_object(&j, "stt");
    vg_json_str(&j, "engine", m->stt_engine);
    vg_json_str(&j, "language", m->stt_language);
    vg_json_bool(&j, "open_speech", m->stt_open_speech);
    vg_json_end(&j);
    vg_json_end(&j);
}

void vg_ws_write_simple(struct vg_buf *b, const struct vg_ws_stamp *s, const char *type)
{
    struct vg_json j = start(b, s, type);
    vg_json_end(&j);
}

void vg_ws_write_speech(struct vg_buf *b, const struct vg_ws_stamp *s, bool started, int64_t at_ms)
{
    struct vg_json j = start(b, s, started ? "speech_started" : "speech_stopped");
    vg_json_int(&j, "at_ms", at_ms);
    vg_json_end(&j);
}

void vg_ws_write_pong(struct vg_buf *b, const struct vg_ws_stamp *s, int64_t id)
{
    struct vg_json j = start(b, s, "pong");
    if (id >= 0)
        vg_json_int(&j, "id", id);
    vg_json_end(&j);
}

void vg_ws_write_transcript(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_transcript *m)
{
    struct vg_json j = start(b, s, m->final ? "transcript_final" : "transcript_interim");
    vg_json_str(&j, "text", m->text);
    vg_json_num(&j, "confidence", m->confidence, 3);
    vg_json_int(&j, "start_ms", m->start_ms);
    vg_json_int(&j, "end_ms", m->end_ms);
    vg_json_str(&j, "turn_id", m->turn_id);
    vg_json_end(&j);
}

/* A member whose value is base64, encoded where it stands. */
static void put_base64(struct vg_json *j, const char *key, const uint8_t *data, size_t bytes)
{
    struct vg_buf *b = j->out;
    vg_json_rawn(j, key, "\"", 1);
    if (vg_buf_reserve(b, VG_BASE64_BOUND(bytes) + 1) == 0)
        b->len += vg_base64_encode(b->data + b->len, data, bytes);
    vg_buf_putc(b, '"');
}

void vg_ws_write_response(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_response *m)
{
    struct vg_json j = start(b, s, "response");
    vg_json_str(&j, "text", m->text ? m->text : "");
    vg_json_str(&j, "turn_id", m->turn_id);
    vg_json_int(&j, "index", m->index);
    vg_json_bool(&j, "final", m->final);
    if (m->audio)
        put_base64(&j, "audio", m->audio, m->audio_bytes);
    vg_json_end(&j);
}

void vg_ws_write_audio_mark(struct vg_buf *b, const struct vg_ws_stamp *s, bool is_start, const char *turn_id)
{
    struct vg_json j = start(b, s, is_start ? "audio_start" : "audio_end");
    vg_json_str(&j, "turn_id", turn_id);
    vg_json_end(&j);
}

void vg_ws_write_interrupted(struct vg_buf *b, const struct vg_ws_stamp *s, const char *turn_id,
                             const char *heard_text, int64_t played_ms, const char *reason)
{
    struct vg_json j = start(b, s, "interrupted");
    vg_json_str(&j, "turn_id", turn_id);
    vg_json_str(&j, "heard_text", heard_text);
    vg_json_int(&j, "played_ms", played_ms);
    vg_json_str(&j, "reason", reason);
    vg_json_end(&j);
}

void vg_ws_write_hold(struct vg_buf *b, const struct vg_ws_stamp *s, bool held, const char *turn_id)
{
    struct vg_json j = start(b, s, held ? "reply_held" : "reply_resumed");
    vg_json_str(&j, "turn_id", turn_id);
    vg_json_end(&j);
}

void vg_ws_write_handoff(struct vg_buf *b, const struct vg_ws_stamp *s, const char *handoff_id,
                         const char *status, const char *queue, int estimated_wait_seconds)
{
    struct vg_json j = start(b, s, "handoff");
    vg_json_str(&j, "handoff_id", handoff_id);
    vg_json_str(&j, "status", status);
    vg_json_str(&j, "queue", queue);
    vg_json_int(&j, "estimated_wait_seconds", estimated_wait_seconds);
    vg_json_end(&j);
}

void vg_ws_write_dtmf(struct vg_buf *b, const struct vg_ws_stamp *s, char digit)
{
    struct vg_json j = start(b, s, "dtmf");
    vg_json_strn(&j, "digit", &digit, 1);
    vg_json_end(&j);
}

void vg_ws_write_call_ended(struct vg_buf *b, const struct vg_ws_stamp *s, const char *reason,
                            int64_t duration_ms)
{
    struct vg_json j = start(b, s, "call_ended");
    vg_json_str(&j, "reason", reason);
    vg_json_int(&j, "duration_ms", duration_ms);
    vg_json_end(&j);
}

void vg_ws_write_error(struct vg_buf *b, const struct vg_ws_stamp *s, const char *code, const char *message,
                       bool fatal)
{
    struct vg_json j = start(b, s, "error");
    vg_json_str(&j, "code", code);
    vg_json_str(&j, "message", message);
    vg_json_bool(&j, "fatal", fatal);
    vg_json_end(&j);
}
