/* The reader of what a client says, run over the fragments as they come; see ws_in.h.
 *
 * A small lexer (ws_lex.c) finds the member "data" of the outermost object: its characters go straight to the
 * base64 decoder (ws_audio.c), all others into the skeleton (ws_skeleton.c), which has "" in their place. So
 * an audio message is never copied whole. At its end the skeleton is either the known shape of audio,
 * recognised without a JSON library, or it is read with jansson: then the type decides, and audio that was
 * not audio is taken back. Loop thread of the connection. */
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

struct vg_ws_reader {
    struct vg_ws_in_sink sink;
    struct ws_audio_pair in_force;
    enum mode mode;
    size_t message_bytes;
    struct ws_audio audio;
    struct ws_lexer lexer;
    struct ws_skeleton skeleton;
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
        ws_skeleton_reset(&r->skeleton);
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

/* Takes back what was given and says why. The rest of the message is skipped. */
static void refuse(struct vg_ws_reader *r, const char *code, const char *message)
{
    ws_audio_abort(&r->audio);
    ws_skeleton_reset(&r->skeleton);
    r->mode = MODE_SKIP;
    r->sink.error(r->sink.arg, code, message, false, 0);
}

static void refuse_connection(struct vg_ws_reader *r)
{
    char message[64];
    snprintf(message, sizeof message, "a message may have at most %d bytes", VG_WS_MESSAGE_BYTES_MAX);
    ws_audio_abort(&r->audio);
    ws_skeleton_reset(&r->skeleton);
    r->mode = MODE_DEAD;
    r->sink.error(r->sink.arg, "MESSAGE_TOO_BIG", message, true, 1009);
}

/* --- the characters of a message --------------------------------------------------------------------------
 */

static void keep(struct vg_ws_reader *r, const char *text, size_t n)
{
    int rc = ws_skeleton_add(&r->skeleton, text, n);
    if (!rc)
        return;
    char message[80];
    snprintf(message, sizeof message, "a message may have at most %d bytes without its audio",
             VG_WS_CONTROL_BYTES_MAX);
    if (rc == VG_ETOOBIG)
        refuse(r, "MESSAGE_TOO_BIG", message);
    else
        refuse(r, "INTERNAL_ERROR", "no memory for the message");
}

static void feed_text(struct vg_ws_reader *r, const char *text, size_t n)
{
    size_t at = 0;
    while (at < n && r->mode == MODE_JSON) {
        if (r->lexer.state == WS_LEX_DATA) {
            bool closed;
            at += ws_audio_text(&r->audio, text + at, n - at, &closed);
            if (!closed)
                continue;
            ws_lex_data_closed(&r->lexer);
            keep(r, "\"", 1);
        } else {
            size_t end = ws_lex_run(&r->lexer, text, at, n);
            keep(r, text + at, end - at);
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
    snprintf(message, sizeof message, "%s %.180s", subject, details->count ? first->message : "is wrong");
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
    if (r->lexer.has_data && ws_skeleton_is_audio(&r->skeleton)) {
        ws_audio_finish(&r->audio);
        return;
    }
    struct vg_bind_details details = {0};
    json_t *json = NULL;
    int rc = r->lexer.state == WS_LEX_DATA
                 ? VG_EPARSE
                 : vg_bind_parse(&json, ws_skeleton_text(&r->skeleton), r->skeleton.bytes, &details);
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
    else if (r->lexer.has_data)
        ws_audio_finish(&r->audio);
    else
        finish_collected_audio(r, json);
    json_decref(json);
}

static void start_message(struct vg_ws_reader *r, bool binary)
{
    ws_audio_abort(&r->audio); /* of a message that never ended */
    ws_audio_start(&r->audio);
    ws_skeleton_reset(&r->skeleton);
    r->mode = binary ? MODE_BINARY : MODE_JSON;
    r->message_bytes = 0;
    r->lexer = (struct ws_lexer){0};
}

void vg_ws_reader_feed(struct vg_ws_reader *r, const uint8_t *data, size_t bytes, bool first, bool final,
                       bool binary)
{
    if (r->mode == MODE_DEAD || (r->mode == MODE_IDLE && !first))
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
    ws_skeleton_reset(&r->skeleton);
    r->mode = MODE_IDLE;
}
