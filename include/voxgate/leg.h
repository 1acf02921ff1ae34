/* The leg port: one media connection of a call (a WebSocket, a phone line) as the core sees it, and the core
 * as the connection sees it. The core knows no transport, the transport knows no turns.
 *
 * Threads: a leg lives on one loop thread, the one that accepted its connection. The core calls leg ops there
 * and nowhere else, and a leg calls its host there and nowhere else; that the call itself may live on another
 * shard is the core's affair. */
#ifndef VOXGATE_LEG_H
#define VOXGATE_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/codec.h"
#include "base/err.h"

struct vg_loop;

/* --- from the core to the leg ----------------------------------------------------------------------------
 */
enum vg_leg_out_type {
    VG_OUT_READY,
    VG_OUT_SPEECH_STARTED,
    VG_OUT_SPEECH_STOPPED,
    VG_OUT_TRANSCRIPT_INTERIM,
    VG_OUT_TRANSCRIPT_FINAL,
    VG_OUT_RESPONSE,    /* a piece of the reply: text, and audio where the leg takes it inline */
    VG_OUT_AUDIO_START, /* the reply's audio follows; legs that do not take it inline */
    VG_OUT_AUDIO,       /* encoded bytes of one frame; legs that do not take it inline */
    VG_OUT_AUDIO_END,
    VG_OUT_CLEAR, /* drop what was sent and is not played yet (before INTERRUPTED) */
    VG_OUT_INTERRUPTED,
    VG_OUT_HOLD, /* the reply is held; `flag` false: it goes on */
    VG_OUT_HANDOFF,
    VG_OUT_DTMF,
    VG_OUT_CALL_ENDED,
    VG_OUT_PONG,
    VG_OUT_ERROR,
};

/* How the call stands, for READY. */
struct vg_leg_ready {
    const char *call_id, *session_id, *resume_token;
    const char *language;
    const char *stt_engine, *stt_language;
    bool stt_open_speech;
    bool resumed;
    int lead_ms, endpointing_ms;
    bool barge_in;
};

/* One event. Only the members that its type names are set; all pointers are borrowed until the op returns. */
struct vg_leg_out {
    enum vg_leg_out_type type;
    uint64_t seq;        /* counts up over everything that a client of this call gets */
    uint32_t generation; /* of the call's owner */
    int64_t utc_us;
    const char *turn_id;
    const char *text;  /* transcript, clause, heard text, error message, reason of end, handoff status */
    const char *code;  /* error code, handoff id, what interrupted ("voice", "message") */
    const char *queue; /* handoff */
    double confidence;
    int64_t start_ms, end_ms; /* of the caller's audio; played_ms and duration_ms in end_ms */
    uint32_t index;           /* piece number within the reply */
    bool final;               /* last piece of the reply */
    bool flag;                /* error: fatal; hold: held */
    char digit;
    int64_t number; /* estimated wait, seconds; ping id (-1: none) */
    const uint8_t *audio;
    size_t audio_bytes;
    const struct vg_leg_ready *ready;
};

struct vg_leg;

struct vg_leg_ops {
    /* "websocket", "fake", ...: the channel that records name. */
    const char *channel;
    void (*event)(struct vg_leg *leg, const struct vg_leg_out *out);
    /* The core is done with this leg: send a farewell with this code and free yourself. The host must not be
     * called any more. */
    void (*close)(struct vg_leg *leg, int code, const char *reason);
};

/* --- from the leg to the core ----------------------------------------------------------------------------
 */
enum vg_leg_in_type {
    VG_IN_BARGE_IN,
    VG_IN_PING, /* answered with PONG */
    VG_IN_TEXT,
    VG_IN_DTMF,
    VG_IN_PLAYED,
    VG_IN_SETTINGS,
    VG_IN_END,
    VG_IN_ERROR, /* the leg refused something that the client sent: to be told, numbered like all else */
};

/* How replies are to be sent and turns to be cut. */
struct vg_leg_settings {
    enum vg_codec out_codec;
    int out_rate_hz;
    bool inline_audio;  /* audio travels within RESPONSE events, in pieces of at most piece_frames */
    int piece_frames;   /* frames of 20 ms a piece, 1..12 */
    int lead_ms;        /* -1: the call's default */
    int endpointing_ms; /* -1: the call's default */
    int barge_in;       /* -1: the call's default */
};

struct vg_leg_in {
    enum vg_leg_in_type type;
    const char *text; /* TEXT; END: reason or NULL; PLAYED: turn id; ERROR: message */
    const char *code; /* ERROR */
    bool fatal;       /* ERROR: the leg closes after it */
    char digit;
    int64_t number; /* PLAYED: ms; PING: id or -1 */
    struct vg_leg_settings settings;
};

struct vg_leg_host; /* the core's end; valid from attach until `close` op or `gone` */

struct vg_leg_host_ops {
    /* Samples of the caller at 16 kHz, in order. Returns VG_EFULL if some were dropped (and counted).
     * Real-time safe. */
    int (*audio)(struct vg_leg_host *host, const int16_t *pcm, size_t samples, int64_t arrival_us);
    /* Samples that `audio` would take now without dropping. */
    size_t (*space)(struct vg_leg_host *host);
    /* Length of one chunk of this client, so that a gap is told from a long chunk. */
    void (*chunk)(struct vg_leg_host *host, int64_t length_us);
    void (*message)(struct vg_leg_host *host, const struct vg_leg_in *in);
    /* The connection is lost; the leg frees itself after this and is not called again. */
    void (*gone)(struct vg_leg_host *host, const char *why);
};

struct vg_leg {
    const struct vg_leg_ops *ops;           /* RO */
    struct vg_loop *loop;                   /* RO: where this leg lives */
    const struct vg_leg_host_ops *host_ops; /* set by the core at attach */
    struct vg_leg_host *host;               /* set by the core at attach, NULL before */
    struct vg_leg_settings settings;        /* at attach */
};

#endif
