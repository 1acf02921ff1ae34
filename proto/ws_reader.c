/* The reader of what a client says: a small lexer that runs over the fragments as they come; see ws_in.h.
 *
 * The characters of a message go into the skeleton, except those of the member "data" of the outermost
 * object: they go straight to the base64 decoder (ws_audio.c), and the skeleton has "" in their place. So an
 * audio message is never copied whole. At its end the skeleton is either the known shape of audio, recognised
 * without a JSON library, or it is read with jansson: then the type decides, and audio that was not audio is
 * taken back. Loop thread of the connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ws_reader.h"

enum mode {
    MODE_IDLE,   /* between messages */
    MODE_JSON,   /* in a text message */
    MODE_BINARY, /* in a binary message */
    MODE_SKIP,   /* in a message that was refused */
    MODE_DEAD,   /* after a fatal error */
};

enum lex { LEX_OUTSIDE, LEX_STRING, LEX_ESCAPE, LEX_DATA };

enum { SMALL_BYTES = 96, DEPTH_LIMIT = 10000 };

struct vg_ws_reader {
    struct vg_ws_in_sink sink;
    struct ws_audio_pair in_force;
    enum mode mode;
    size_t message_bytes;
    struct ws_audio audio;

    /* the lexer */
    enum lex lex;
    int depth;       /* open objects and arrays */
    bool is_key;     /* the next string of the outermost object is a key */
    bool has_data;   /* the member "data" went to the decoder */
    bool other_type; /* the type is known, and it is not audio */
    char word[8];    /* beginning of the string that is read */
    uint8_t word_chars;
    char member[8]; /* beginning of the last key of the outermost object */
    uint8_t member_chars;

    /* the skeleton: in `small` until it does not fit */
    size_t skeleton_bytes, heap_bytes;
    char *heap; /* owned, only while a message is in it */
    char small[SMALL_BYTES];
};

struct vg_ws_reader *vg_ws_reader_new(const struct vg_ws_in_sink *sink)
{
    struct vg_ws_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    const struct vg_ws_audio usual = {VG_CODEC_PCM_S16LE, 16000, VG_TRANSPORT_JSON};
    r->sink = *sink;
    r->in_force = (struct ws_audio_pair){usual, usual};
    r->audio.sink = &r->sink;
    r->audio.chunk_max = 32000;
    return r;
}

struct vg_ws_reader *vg_ws_reader_free(struct vg_ws_reader *r)
{
    if (r)
        free(r->heap);
    free(r);
    return NULL;
}

void vg_ws_reader_set_audio(struct vg_ws_reader *r, const struct vg_ws_audio *in,
                            const struct vg_ws_audio *out)
{
    r->in_force = (struct ws_audio_pair){*in, *out};
}

void vg_ws_reader_set_chunk_max(struct vg_ws_reader *r, size_t bytes)
{
    r->audio.chunk_max = bytes;
}

/* --- refusing ------------------------------------------------------------------------------------------- */

static void drop_skeleton(struct vg_ws_reader *r)
{
    free(r->heap);
    r->heap = NULL;
    r->heap_bytes = r->skeleton_bytes = 0;
}

/* Takes back what was given and says why. The rest of the message is skipped. */
static void refuse(struct vg_ws_reader *r, const char *code, const char *message)
{
    ws_audio_abort(&r->audio);
    drop_skeleton(r);
    r->mode = MODE_SKIP;
    r->sink.error(r->sink.arg, code, message, false, 0);
}

static void refuse_connection(struct vg_ws_reader *r)
{
    char message[64];
    snprintf(message, sizeof message, "a message may have at most %d bytes", VG_WS_MESSAGE_BYTES_MAX);
    ws_audio_abort(&r->audio);
    drop_skeleton(r);
    r->mode = MODE_DEAD;
    r->sink.error(r->sink.arg, "MESSAGE_TOO_BIG", message, true, 1009);
}

/* --- the skeleton --------------------------------------------------------------------------------------- */

static const char *skeleton(const struct vg_ws_reader *r)
{
    return r->heap ? r->heap : r->small;
}

static int skeleton_grow(struct vg_ws_reader *r, size_t need)
{
    size_t size = r->heap_bytes ? r->heap_bytes : 512;
    while (size < need)
        size *= 2;
    char *heap = realloc(r->heap, size);
    if (!heap)
        return VG_ENOMEM;
    if (!r->heap)
        memcpy(heap, r->small, r->skeleton_bytes);
    r->heap = heap;
    r->heap_bytes = size;
    return 0;
}

static void skeleton_add(struct vg_ws_reader *r, const char *text, size_t n)
{
    size_t need = r->skeleton_bytes + n;
    if (need > VG_WS_CONTROL_BYTES_MAX) {
        char message[80];
        snprintf(message, sizeof message, "a message may have at most %d bytes without its audio",
                 VG_WS_CONTROL_BYTES_MAX);
        refuse(r, "MESSAGE_TOO_BIG", message);
        return;
    }
    if (need > (r->heap ? r->heap_bytes : SMALL_BYTES) && skeleton_grow(r, need)) {
        refuse(r, "INTERNAL_ERROR", "no memory for the message");
        return;
    }
    memcpy((r->heap ? r->heap : r->small) + r->skeleton_bytes, text, n);
    r->skeleton_bytes = need;
}

static size_t skip_space(const char *text, size_t at, size_t n)
{
    while (at < n && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
        at++;
    return at;
}

/* True if the skeleton is these tokens, with any white space between them. */
static bool skeleton_is(const struct vg_ws_reader *r, const char *const tokens[9])
{
    const char *text = skeleton(r);
    size_t n = r->skeleton_bytes, at = skip_space(text, 0, n);
    for (int i = 0; i < 9; i++) {
        size_t length = strlen(tokens[i]);
        if (n - at < length || memcmp(text + at, tokens[i], length) != 0)
            return false;
        at = skip_space(text, at + length, n);
    }
    return at == n;
}

static bool is_plain_audio(const struct vg_ws_reader *r)
{
    static const char *const TYPE_FIRST[9] = {"{",        "\"type\"", ":",    "\"audio\"", ",",
                                              "\"data\"", ":",        "\"\"", "}"};
    static const char *const DATA_FIRST[9] = {"{",        "\"data\"", ":",         "\"\"", ",",
                                              "\"type\"", ":",        "\"audio\"", "}"};
    return r->has_data && !r->heap && (skeleton_is(r, TYPE_FIRST) || skeleton_is(r, DATA_FIRST));
}

/* --- the lexer ------------------------------------------------------------------------------------------ */

static bool word_is(const char *word, uint8_t chars, const char *text)
{
    return chars == strlen(text) && memcmp(word, text, chars) == 0;
}

static void string_opens(struct vg_ws_reader *r)
{
    bool is_data = r->depth == 1 && !r->is_key && !r->has_data && !r->other_type &&
                   word_is(r->member, r->member_chars, "data");
    r->lex = is_data ? LEX_DATA : LEX_STRING;
    r->has_data = r->has_data || is_data;
    r->word_chars = 0;
}

static void string_closes(struct vg_ws_reader *r)
{
    r->lex = LEX_OUTSIDE;
    if (r->depth != 1)
        return;
    if (r->is_key) {
        memcpy(r->member, r->word, sizeof r->member);
        r->member_chars = r->word_chars;
    } else if (word_is(r->member, r->member_chars, "type")) {
        r->other_type = !word_is(r->word, r->word_chars, "audio");
    }
}

static void string_char(struct vg_ws_reader *r, char c)
{
    if (r->word_chars < sizeof r->word)
        r->word[r->word_chars++] = c;
    if (c == '\\')
        r->lex = LEX_ESCAPE;
}

static void outside_char(struct vg_ws_reader *r, char c)
{
    switch (c) {
    case '"': string_opens(r); break;
    case '{':
    case '[':
        r->depth += r->depth < DEPTH_LIMIT;
        r->is_key = c == '{';
        break;
    case '}':
    case ']': r->depth -= r->depth > 0; break;
    case ',': r->is_key = true; break; /* looked at in the outermost object only */
    case ':': r->is_key = false; break;
    default: break;
    }
}

/* Runs over the characters from `at` up to the beginning of the audio or to the end; returns where it
 * stopped. What it ran over is part of the skeleton. */
static size_t lex_run(struct vg_ws_reader *r, const char *text, size_t at, size_t n)
{
    for (; at < n && r->lex != LEX_DATA; at++) {
        char c = text[at];
        if (r->lex == LEX_OUTSIDE)
            outside_char(r, c);
        else if (r->lex == LEX_ESCAPE)
            r->lex = LEX_STRING;
        else if (c == '"')
            string_closes(r);
        else
            string_char(r, c);
    }
    return at;
}

static void feed_text(struct vg_ws_reader *r, const char *text, size_t n)
{
    size_t at = 0;
    while (at < n && r->mode == MODE_JSON) {
        if (r->lex == LEX_DATA) {
            bool closed;
            at += ws_audio_text(&r->audio, text + at, n - at, &closed);
            if (!closed)
                continue;
            r->lex = LEX_OUTSIDE;
            skeleton_add(r, "\"", 1);
        } else {
            size_t end = lex_run(r, text, at, n);
            skeleton_add(r, text + at, end - at);
            at = end;
        }
    }
}

/* --- the end of a message ------------------------------------------------------------------------------- */

static void refuse_details(struct vg_ws_reader *r, const char *code, const struct vg_bind_details *details)
{
    char message[256];
    const struct vg_bind_detail *first = &details->list[0];
    const char *subject = first->field[0] ? first->field : "the message";
    snprintf(message, sizeof message, "%s %s", subject, details->count ? first->message : "is wrong");
    refuse(r, code, message);
}

/* Audio whose data could not be taken on its way: the key or the type was spelt with escapes. */
static void finish_collected_audio(struct vg_ws_reader *r, const json_t *json)
{
    const json_t *data = json_object_get(json, "data");
    if (!json_is_string(data)) {
        refuse(r, "BAD_FIELD", data ? "data must be a string of base64" : "data is required");
        return;
    }
    size_t n = json_string_length(data), taken = 0;
    uint8_t *bytes = malloc(n / 4 * 3 + 40);
    if (!bytes) {
        refuse(r, "INTERNAL_ERROR", "no memory for the message");
        return;
    }
    size_t got = vg_base64_stream_feed(&r->audio.base64, bytes, json_string_value(data), n, &taken);
    r->audio.bad = taken < n;
    ws_audio_raw(&r->audio, bytes, got);
    free(bytes);
    ws_audio_finish(&r->audio);
}

static void finish_control(struct vg_ws_reader *r, const char *type, const json_t *json)
{
    struct vg_bind_details details = {0};
    struct vg_ws_in m;
    ws_audio_abort(&r->audio);
    int rc = ws_control_read(&m, type, json, &r->in_force, &details);
    if (rc == 0) {
        r->sink.message(r->sink.arg, &m);
    } else if (rc == VG_ENOENT) {
        char message[80];
        snprintf(message, sizeof message, "there is no message of type %.40s", type);
        refuse(r, "UNKNOWN_TYPE", message);
    } else {
        refuse_details(r, "BAD_FIELD", &details);
    }
}

static void finish_text(struct vg_ws_reader *r)
{
    if (is_plain_audio(r)) {
        ws_audio_finish(&r->audio);
        return;
    }
    struct vg_bind_details details = {0};
    json_t *json = NULL;
    int rc = r->lex == LEX_DATA ? VG_EPARSE : vg_bind_parse(&json, skeleton(r), r->skeleton_bytes, &details);
    if (rc) {
        if (details.count == 0)
            vg_bind_fault(&details, NULL, "", rc == VG_EPARSE ? "ends inside its data" : "finds no memory");
        refuse_details(r, rc == VG_EPARSE ? "BAD_JSON" : "INTERNAL_ERROR", &details);
        return;
    }
    const json_t *type = json_object_get(json, "type");
    const char *name = json_string_value(type);
    if (!name)
        refuse(r, "BAD_FIELD", type ? "type must be a string" : "type is required");
    else if (strcmp(name, "audio") != 0)
        finish_control(r, name, json);
    else if (r->has_data)
        ws_audio_finish(&r->audio);
    else
        finish_collected_audio(r, json);
    json_decref(json);
}

static void start_message(struct vg_ws_reader *r, bool binary)
{
    ws_audio_abort(&r->audio); /* of a message that never ended */
    ws_audio_start(&r->audio);
    drop_skeleton(r);
    r->mode = binary ? MODE_BINARY : MODE_JSON;
    r->message_bytes = 0;
    r->lex = LEX_OUTSIDE;
    r->depth = 0;
    r->is_key = r->has_data = r->other_type = false;
    r->word_chars = r->member_chars = 0;
}

void vg_ws_reader_feed(struct vg_ws_reader *r, const uint8_t *data, size_t bytes, bool first, bool final,
                       bool binary)
{
    if (r->mode == MODE_DEAD)
        return;
    if (first)
        start_message(r, binary);
    r->message_bytes += bytes;
    if (r->message_bytes > VG_WS_MESSAGE_BYTES_MAX) {
        refuse_connection(r);
        return;
    }
    if (r->mode == MODE_JSON)
        feed_text(r, (const char *)data, bytes);
    else if (r->mode == MODE_BINARY)
        ws_audio_raw(&r->audio, data, bytes);
    if (!final)
        return;
    if (r->mode == MODE_JSON)
        finish_text(r);
    else if (r->mode == MODE_BINARY)
        ws_audio_finish(&r->audio);
    drop_skeleton(r);
    r->mode = MODE_IDLE;
}
