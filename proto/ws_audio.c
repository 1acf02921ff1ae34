/* The audio of one message, piece by piece to the sink; see ws_reader.h. */
#include <stdio.h>
#include <string.h>

#include "proto/ws_reader.h"

enum { PIECE_BYTES = 3072 }; /* on the stack; what 4 kB of text give */

void ws_audio_start(struct ws_audio *a)
{
    a->base64 = (struct vg_base64_stream){0};
    a->bytes = 0;
    a->bad = a->too_long = false;
    a->escape_chars = 0;
}

void ws_audio_raw(struct ws_audio *a, const uint8_t *data, size_t bytes)
{
    if (a->too_long || bytes == 0)
        return;
    if (a->bytes + bytes > a->chunk_max) {
        a->too_long = true;
        return;
    }
    a->bytes += bytes;
    a->sink->audio(a->sink->arg, data, bytes);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character of an escape. Some JSON writers spell '/' as "\/" or '+' as "\u002B". Returns the
 * character once it is complete, 0 while it is not; what base64 cannot have sets `bad`. */
static char escape_step(struct ws_audio *a, char c)
{
    int digit = hex_digit(c);
    if (a->escape_chars == 1) {
        a->escape_chars = c == 'u' ? 2 : 0;
        a->escape_code = 0;
        a->bad = a->bad || (c != 'u' && c != '/');
        return c == '/' ? c : 0;
    }
    if (digit < 0) {
        a->bad = true;
        a->escape_chars = 0;
        return 0;
    }
    a->escape_code = a->escape_code << 4 | (unsigned)digit;
    if (++a->escape_chars < 6)
        return 0;
    a->escape_chars = 0;
    a->bad = a->bad || a->escape_code == 0 || a->escape_code > 0x7f;
    return a->bad ? 0 : (char)a->escape_code;
}

/* A character that the decoder of runs did not take. Returns bytes written to `out`. */
static size_t char_step(struct ws_audio *a, char c, uint8_t *out, bool *closed)
{
    if (a->escape_chars == 0 && c != '\\') {
        *closed = c == '"';
        a->bad = a->bad || c != '"';
        return 0;
    }
    if (a->escape_chars == 0) {
        a->escape_chars = 1;
        return 0;
    }
    char plain = escape_step(a, c);
    size_t taken = 0;
    size_t bytes = plain && !a->bad ? vg_base64_stream_feed(&a->base64, out, &plain, 1, &taken) : 0;
    a->bad = a->bad || (plain && taken == 0);
    return bytes;
}

size_t ws_audio_text(struct ws_audio *a, const char *text, size_t n, bool *closed)
{
    _Alignas(16) uint8_t piece[PIECE_BYTES + 64];
    size_t i = 0, filled = 0;
    *closed = false;
    while (i < n && !*closed) {
        bool decoding = a->escape_chars == 0 && !a->bad && !a->too_long;
        if (decoding) {
            size_t room = (PIECE_BYTES - filled) / 3 * 4, taken = 0;
            size_t ask = n - i < room ? n - i : room;
            filled += vg_base64_stream_feed(&a->base64, piece + filled, text + i, ask, &taken);
            i += taken;
        }
        if (filled > PIECE_BYTES - 16) {
            ws_audio_raw(a, piece, filled);
            filled = 0;
        } else if (i < n) {
            filled += char_step(a, text[i++], piece + filled, closed);
        }
    }
    ws_audio_raw(a, piece, filled);
    return i;
}

void ws_audio_abort(struct ws_audio *a)
{
    if (a->bytes > 0)
        a->sink->audio_abort(a->sink->arg);
    a->bytes = 0;
}

void ws_audio_finish(struct ws_audio *a)
{
    const struct vg_ws_in_sink *sink = a->sink;
    bool broken = a->bad || vg_base64_stream_finish(&a->base64);
    if (!broken && !a->too_long) {
        size_t bytes = a->bytes;
        a->bytes = 0;
        sink->audio_end(sink->arg, bytes);
        return;
    }
    ws_audio_abort(a);
    char message[96];
    if (!a->too_long) {
        sink->error(sink->arg, "BAD_BASE64", "data is not strict base64", false, 0);
        return;
    }
    snprintf(message, sizeof message, "the message has more than %zu bytes of audio, one second",
             a->chunk_max);
    sink->error(sink->arg, "CHUNK_TOO_LONG", message, false, 0);
}
