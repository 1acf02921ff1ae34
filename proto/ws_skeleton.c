/* What is kept of a message: all of it, but for the characters of its audio; see ws_reader.h. */
#include <stdlib.h>
#include <string.h>

#include "proto/ws_reader.h"

void ws_skeleton_reset(struct ws_skeleton *s)
{
    free(s->heap);
    s->heap = NULL;
    s->heap_bytes = s->bytes = 0;
}

const char *ws_skeleton_text(const struct ws_skeleton *s)
{
    return s->heap ? s->heap : s->small;
}

static int grow(struct ws_skeleton *s, size_t need)
{
    size_t size = s->heap_bytes ? s->heap_bytes : 512;
    while (size < need)
        size *= 2;
    char *heap = realloc(s->heap, size);
    if (!heap)
        return VG_ENOMEM;
    if (!s->heap)
        memcpy(heap, s->small, s->bytes);
    s->heap = heap;
    s->heap_bytes = size;
    return 0;
}

int ws_skeleton_add(struct ws_skeleton *s, const char *text, size_t n)
{
    size_t need = s->bytes + n;
    if (need > VG_WS_CONTROL_BYTES_MAX)
        return VG_ETOOBIG;
    if (need > (s->heap ? s->heap_bytes : sizeof s->small) && grow(s, need))
        return VG_ENOMEM;
    memcpy((s->heap ? s->heap : s->small) + s->bytes, text, n);
    s->bytes = need;
    return 0;
}

static size_t skip_space(const char *text, size_t at, size_t n)
{
    while (at < n && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
        at++;
    return at;
}

/* True if the text is these tokens, with any white space between them. */
static bool is_tokens(const struct ws_skeleton *s, const char *const tokens[9])
{
    const char *text = ws_skeleton_text(s);
    size_t n = s->bytes, at = skip_space(text, 0, n);
    for (int i = 0; i < 9; i++) {
        size_t length = strlen(tokens[i]);
        if (n - at < length || memcmp(text + at, tokens[i], length) != 0)
            return false;
        at = skip_space(text, at + length, n);
    }
    return at == n;
}

bool ws_skeleton_is_audio(const struct ws_skeleton *s)
{
    static const char *const TYPE_FIRST[9] = {"{",        "\"type\"", ":",    "\"audio\"", ",",
                                              "\"data\"", ":",        "\"\"", "}"};
    static const char *const DATA_FIRST[9] = {"{",        "\"data\"", ":",         "\"\"", ",",
                                              "\"type\"", ":",        "\"audio\"", "}"};
    return is_tokens(s, TYPE_FIRST) || is_tokens(s, DATA_FIRST);
}
