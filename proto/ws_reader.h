/* Inside proto/: the parts of the reader of WebSocket messages (ws_reader.c), which are the decoder of an
 * audio message's text (ws_audio.c) and the binding of the other messages (ws_control.c). */
#ifndef VG_PROTO_WS_READER_H
#define VG_PROTO_WS_READER_H

#include "proto/base64.h"
#include "proto/bind.h"
#include "proto/ws_in.h"

/* Takes one audio message's bytes to the sink, as base64 inside a JSON string or as they are. */
struct ws_audio {
    const struct vg_ws_in_sink *sink;
    size_t chunk_max; /* bytes, decoded */
    struct vg_base64_stream base64;
    size_t bytes;         /* given to the sink, of this message */
    bool bad, too_long;   /* why nothing more is given */
    uint8_t escape_chars; /* of an open escape: 0 none, 1 the backslash, 2.. with 'u' and hex digits */
    unsigned escape_code;
};

void ws_audio_start(struct ws_audio *a);
/* Characters inside the JSON string. Returns how many it took; `*closed` is set when the last of them was the
 * closing quote. */
size_t ws_audio_text(struct ws_audio *a, const char *text, size_t n, bool *closed);
/* Bytes of a binary message, or decoded ones. */
void ws_audio_raw(struct ws_audio *a, const uint8_t *data, size_t bytes);
/* The message is complete: tells the sink, or what was wrong with it. */
void ws_audio_finish(struct ws_audio *a);
/* The message was no audio after all, or broken. */
void ws_audio_abort(struct ws_audio *a);

/* What `config` starts from. */
struct ws_audio_pair {
    struct vg_ws_audio in, out;
};

/* Fills `out` from a message of another type than audio. Errors: VG_ENOENT (unknown type), VG_EINVAL with
 * details. Strings are borrowed from `json`. */
int ws_control_read(struct vg_ws_in *out, const char *type, const json_t *json,
                    const struct ws_audio_pair *in_force, struct vg_bind_details *details) VG_MUST_CHECK;

#endif
