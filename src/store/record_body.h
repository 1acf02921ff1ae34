/* The bodies of spool events: what the call core writes with vg_spool_append() and docs/database.md
 * describes.
 *
 *     struct vg_buf body = VG_BUF_INIT;
 *     vg_record_write_message(&body, &(struct vg_record_message){.message_id = id, .role = "user", ...});
 *     event.body = vg_buf_str(&body);
 *
 * Strings are borrowed; NULL (and for ids also "") is absent. Ids are prefixed. Times are Unix microseconds.
 * Each writer appends one JSON object to `out`; check out->failed. Any thread. */
#ifndef VG_STORE_RECORD_BODY_H
#define VG_STORE_RECORD_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct vg_record_call_started {
    const char *session_id; /* the session is made along with the call */
    const char *user_id;
    const char *agent_id;
    uint32_t agent_version;
    const char *direction; /* "inbound", "outbound" */
    const char *channel;   /* "websocket", "twilio", "fake", .. */
    const char *language;
    const char *voice_id;
    const char *metadata; /* a JSON object, NULL for {} */
    const char *caller_number, *called_number;
    int64_t started_at_us;
    const char *instance_id; /* whose call it is; recovery ends what it left open */
};

struct vg_record_call_state {
    const char *status; /* ready ringing in_progress handed_off; the last by (epoch, ordinal) counts */
    int64_t at_us;
};

/* A later event with the same message_id replaces text, heard_text, times, intent: write the assistant's
 * message when it is told and once more when it is known what was heard. */
struct vg_record_message {
    const char *message_id;
    const char *session_id;
    const char *role; /* user assistant system tool human */
    const char *text;
    const char *heard_text; /* NULL: all of it, or not known yet */
    uint32_t turn;
    int64_t start_ms, end_ms; /* in the caller's audio; below 0: absent */
    double confidence;        /* 0..1; below 0: absent */
    bool interrupted;
    int64_t at_us;
    const char *intent;
    double sentiment; /* -1..1 */
    bool has_sentiment;
};

/* One billable thing. The first event with a unique_key (within its call) counts, repeats are no-ops. */
struct vg_record_usage {
    const char *event_id;
    const char *session_id;
    const char *agent_id;
    const char *kind;       /* llm stt tts call message */
    const char *provider;   /* the engine's name */
    const char *unit;       /* "token", "second", "character", "call" */
    const char *quantity;   /* a decimal literal, "12.480" */
    const char *unique_key; /* made from what it bills: "turn:3:llm:1" */
    const char *billed_as;  /* "" or "cancelled", "hedged", "lost" */
    uint32_t turn;
    int64_t at_us;
    int64_t tokens_in, tokens_out; /* below 0: absent */
};

struct vg_record_call_ended {
    const char *reason; /* "hangup", "client_gone", "gateway_restart", .. */
    const char *status; /* "ended" or "failed" */
    int64_t ended_at_us;
    int64_t duration_ms;
    int64_t turns; /* below 0: counted from the messages */
};

struct vg_record_handoff {
    const char *handoff_id;
    const char *queue;
    const char *reason;
    const char *context; /* a JSON object, NULL for {} */
    int64_t at_us;
};

void vg_record_write_call_started(struct vg_buf *out, const struct vg_record_call_started *r);
void vg_record_write_call_state(struct vg_buf *out, const struct vg_record_call_state *r);
void vg_record_write_message(struct vg_buf *out, const struct vg_record_message *r);
void vg_record_write_usage(struct vg_buf *out, const struct vg_record_usage *r);
void vg_record_write_call_ended(struct vg_buf *out, const struct vg_record_call_ended *r);
void vg_record_write_handoff(struct vg_buf *out, const struct vg_record_handoff *r);

#endif
