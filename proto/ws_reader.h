/* Inside proto/: the parts of the reader of WebSocket messages (ws_reader.c): the lexer that finds the audio
 * in a message (ws_lex.c), what is kept of the message without its audio (ws_skeleton.c), the decoder of the
 * audio (ws_audio.c), and the binding of all other messages (ws_control.c). */
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

enum ws_lex_state { WS_LEX_OUTSIDE, WS_LEX_STRING, WS_LEX_ESCAPE, WS_LEX_DATA };

/* Follows strings and nesting, no more: whether the whole is JSON is for jansson to say. Zero it to start. */
struct ws_lexer {
    enum ws_lex_state state;
    int depth;       /* open objects and arrays */
    bool is_key;     /* the next string of the outermost object is a key */
    bool has_data;   /* the member "data" was found */
    bool other_type; /* the type is known, and it is not audio */
    char word[8];    /* beginning of the string that is read */
    uint8_t word_chars;
    char member[8]; /* beginning of the last key of the outermost object */
    uint8_t member_chars;
};

/* Runs from `at` to behind the quote that opens the audio (then the state is WS_LEX_DATA) or to the end of
 * the text, `n`; returns where it stopped. */
size_t ws_lex_run(struct ws_lexer *l, const char *text, size_t at, size_t n);
/* The closing quote of the audio was taken. */
void ws_lex_data_closed(struct ws_lexer *l);

/* A message without its audio: in `small` until it does not fit. Zero it to start. */
struct ws_skeleton {
    size_t bytes, heap_bytes;
    char *heap; /* owned, only while a long message is in it */
    char small[96];
};

void ws_skeleton_reset(struct ws_skeleton *s);
/* Errors: VG_ETOOBIG (over VG_WS_CONTROL_BYTES_MAX), VG_ENOMEM; nothing was added. */
int ws_skeleton_add(struct ws_skeleton *s, const char *text, size_t n) VG_MUST_CHECK;
const char *ws_skeleton_text(const struct ws_skeleton *s);
/* True if it is {"type":"audio","data":""} with any white space, in either order. */
bool ws_skeleton_is_audio(const struct ws_skeleton *s);

/* What `config` starts from. */
struct ws_audio_pair {
    struct vg_ws_audio in, out;
};

/* Fills `out` from a message of another type than audio. Errors: VG_ENOENT (unknown type), VG_EINVAL with
 * details. Strings are borrowed from `json`. */
int ws_control_read(struct vg_ws_in *out, const char *type, const json_t *json,
                    const struct ws_audio_pair *in_force, struct vg_bind_details *details) VG_MUST_CHECK;

#endif
