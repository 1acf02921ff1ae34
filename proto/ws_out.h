/* What the server says on /ws/{call_id}: writers of its messages, one function a message, into a vg_buf.
 * Every message carries `timestamp` (Unix seconds) and `seq`. Pure; one thread at a time. */
#ifndef VG_PROTO_WS_OUT_H
#define VG_PROTO_WS_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/ws_in.h"

/* What all messages carry. */
struct vg_ws_stamp {
    int64_t utc_us;
    uint64_t seq;
    uint32_t generation; /* of the call's owner; clients discard by (generation, seq) */
};

struct vg_ws_ready {
    const char *call_id, *session_id, *resume_token;
    struct vg_ws_audio in, out;
    int lead_ms, endpointing_ms;
    bool barge_in;
    const char *language;
    const char *stt_engine, *stt_language;
    bool stt_open_speech;
    bool resumed;
};
void vg_ws_write_ready(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_ready *m);

/* {"type":<type>} alone: speech_started, speech_stopped, pong */
void vg_ws_write_simple(struct vg_buf *b, const struct vg_ws_stamp *s, const char *type);
/* speech_started / speech_stopped with `at_ms` of the caller's audio. */
void vg_ws_write_speech(struct vg_buf *b, const struct vg_ws_stamp *s, bool started, int64_t at_ms);
/* `id` < 0: none. */
void vg_ws_write_pong(struct vg_buf *b, const struct vg_ws_stamp *s, int64_t id);

struct vg_ws_transcript {
    bool final;
    const char *text, *turn_id;
    double confidence;
    int64_t start_ms, end_ms;
};
void vg_ws_write_transcript(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_transcript *m);

/* One piece of a reply. `audio` is wire bytes to be sent as base64 (json transport), NULL for none. */
struct vg_ws_response {
    const char *turn_id, *text;
    uint32_t index;
    bool final;
    const uint8_t *audio;
    size_t audio_bytes;
};
void vg_ws_write_response(struct vg_buf *b, const struct vg_ws_stamp *s, const struct vg_ws_response *m);
void vg_ws_write_audio_mark(struct vg_buf *b, const struct vg_ws_stamp *s, bool start, const char *turn_id);
void vg_ws_write_interrupted(struct vg_buf *b, const struct vg_ws_stamp *s, const char *turn_id,
                             const char *heard_text, int64_t played_ms, const char *reason);
/* The reply is held (a sound that may become an interruption) or goes on:
 * {"type":"reply_held"|"reply_resumed"} */
void vg_ws_write_hold(struct vg_buf *b, const struct vg_ws_stamp *s, bool held, const char *turn_id);
void vg_ws_write_handoff(struct vg_buf *b, const struct vg_ws_stamp *s, const char *handoff_id,
                         const char *status, const char *queue, int estimated_wait_seconds);
void vg_ws_write_dtmf(struct vg_buf *b, const struct vg_ws_stamp *s, char digit);
void vg_ws_write_call_ended(struct vg_buf *b, const struct vg_ws_stamp *s, const char *reason,
                            int64_t duration_ms);
void vg_ws_write_error(struct vg_buf *b, const struct vg_ws_stamp *s, const char *code, const char *message,
                       bool fatal);

#endif
