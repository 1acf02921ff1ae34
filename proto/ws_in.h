/* What a client says on /ws/{call_id}: the streaming reader of its messages.
 *
 * Messages come in fragments of any size. `{"type":"audio","data":"<base64>"}` in that shape (any white
 * space, either order of the two keys) takes the fast path: it is scanned and decoded fragment by fragment,
 * without a copy of the whole and without a JSON library; so is the audio of messages that have more keys, or
 * escapes in their base64. Everything else is collected (at most VG_WS_CONTROL_BYTES_MAX) and read with
 * jansson. One reader a connection, a few hundred bytes while idle; one thread; no socket. */
#ifndef VG_PROTO_WS_IN_H
#define VG_PROTO_WS_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/codec.h"

enum {
    VG_WS_CONTROL_BYTES_MAX = 16384,  /* a message other than audio */
    VG_WS_MESSAGE_BYTES_MAX = 262144, /* beyond this the connection is closed with 1009 */
    VG_WS_TEXT_BYTES_MAX = 4000,
};

enum vg_ws_in_type {
    VG_WS_IN_CONFIG,
    VG_WS_IN_BARGE_IN,
    VG_WS_IN_PING,
    VG_WS_IN_TEXT,
    VG_WS_IN_DTMF,
    VG_WS_IN_PLAYED,
    VG_WS_IN_END,
};

enum vg_transport { VG_TRANSPORT_JSON, VG_TRANSPORT_BINARY };

/* One direction of the negotiated audio. */
struct vg_ws_audio {
    enum vg_codec codec;
    int rate_hz;
    enum vg_transport transport;
};

/* A `config` message. Members that were absent keep `has_*` false. */
struct vg_ws_config {
    bool has_in, has_out;
    /* Starts from the values in force; absent members keep them, but G.711 named without a rate is 8000 Hz.
     */
    struct vg_ws_audio in, out;
    int lead_ms;        /* -1: absent */
    int endpointing_ms; /* turn.endpointing_ms, 200..3000; -1: absent */
    int barge_in;       /* turn.barge_in: 0 off, 1 on; -1: absent */
};

struct vg_ws_in {
    enum vg_ws_in_type type;
    struct vg_ws_config config;
    const char *text;    /* `text`; borrowed */
    char digit;          /* 0-9 * # A-D */
    const char *turn_id; /* `played`; borrowed */
    int64_t played_ms;
    const char *reason; /* `end`, or NULL */
    int64_t id;         /* `ping`: its "id" to be echoed, -1: none */
};

/* Callbacks come from vg_ws_reader_feed; they may change the reader's settings, but not free it. */
struct vg_ws_in_sink {
    /* Decoded wire bytes of one audio message, in pieces; borrowed. */
    void (*audio)(void *arg, const uint8_t *data, size_t bytes);
    /* The audio message is complete. `bytes` in all. */
    void (*audio_end)(void *arg, size_t bytes);
    /* An audio message turned out to be broken after pieces of it were given: forget them. */
    void (*audio_abort)(void *arg);
    void (*message)(void *arg, const struct vg_ws_in *msg);
    /* The message was bad and was dropped; the connection goes on unless `fatal` (then close with
     * `close_code`). `code` is one of the table in proto/asyncapi.yaml: BAD_JSON, UNKNOWN_TYPE, BAD_FIELD,
     * BAD_BASE64, CHUNK_TOO_LONG, MESSAGE_TOO_BIG. */
    void (*error)(void *arg, const char *code, const char *message, bool fatal, int close_code);
    void *arg;
};

struct vg_ws_reader;
struct vg_ws_reader *vg_ws_reader_new(const struct vg_ws_in_sink *sink);
struct vg_ws_reader *vg_ws_reader_free(struct vg_ws_reader *r);
/* What is in force for audio, so that `config` starts from it. */
void vg_ws_reader_set_audio(struct vg_ws_reader *r, const struct vg_ws_audio *in,
                            const struct vg_ws_audio *out);
/* Most decoded bytes one audio message may have (1 s of the negotiated codec); more is CHUNK_TOO_LONG. */
void vg_ws_reader_set_chunk_max(struct vg_ws_reader *r, size_t bytes);
/* One fragment of a message as the socket gives it. */
void vg_ws_reader_feed(struct vg_ws_reader *r, const uint8_t *data, size_t bytes, bool first, bool final,
                       bool binary);

#endif
