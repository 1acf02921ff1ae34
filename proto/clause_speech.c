/* What is spoken of a text: no markdown, no emoji, no stray bytes; see clause.h. */
#include "proto/clause.h"

#include <stdint.h>
#include <string.h>

struct speech {
    const unsigned char *in;
    size_t bytes, at;
    char *out;
    size_t len;
};

/* Decodes one code point (RFC 3629); returns its bytes, 0 if there is none at `at`. */
static unsigned decode(const struct speech *s, uint32_t *cp)
{
    const unsigned char *p = s->in + s->at;
    size_t left = s->bytes - s->at;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    unsigned n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (n > left)
        return 0;
    uint32_t v = p[0] & (0x7fU >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3fU);
    }
    if ((n == 3 && v < 0x800) || (n == 4 && v < 0x10000) || (v >= 0xd800 && v < 0xe000) || v > 0x10ffff)
        return 0;
    *cp = v;
    return n;
}

static bool is_emoji(uint32_t cp)
{
    return (cp >= 0x1f000 && cp <= 0x1faff) || (cp >= 0x2600 && cp <= 0x27bf) ||
           (cp >= 0x2b00 && cp <= 0x2bff) || (cp >= 0x2190 && cp <= 0x21ff) ||
           (cp >= 0x2300 && cp <= 0x23ff) || (cp >= 0x25a0 && cp <= 0x25ff) ||
           (cp >= 0xfe00 && cp <= 0xfe0f) || cp == 0x20e3 || cp >= 0xe0000;
}

/* Controls, joiners and direction marks: nothing that is heard. U+200C stays, Persian spelling needs it. */
static bool is_silent(uint32_t cp)
{
    return (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x200b || (cp >= 0x200d && cp <= 0x200f) ||
           (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

static bool is_blank(uint32_t cp)
{
    return cp <= 0x20 || cp == 0xa0 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x3000;
}

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void put_blank(struct speech *s)
{
    if (s->len > 0 && s->out[s->len - 1] != ' ')
        s->out[s->len++] = ' ';
}

static int byte_at(const struct speech *s, size_t at)
{
    return at < s->bytes ? s->in[at] : 0;
}

static bool at_line_start(const struct speech *s)
{
    size_t i = s->at;
    while (i > 0 && (s->in[i - 1] == ' ' || s->in[i - 1] == '\t'))
        i--;
    return i == 0 || s->in[i - 1] == '\n';
}

/* "](address)" after a link's words: returns the bytes to leave out, 0 if it is none. */
static size_t link_tail(const struct speech *s)
{
    if (byte_at(s, s->at) != ']' || byte_at(s, s->at + 1) != '(')
        return 0;
    const unsigned char *p = s->in + s->at;
    const unsigned char *close = memchr(p, ')', s->bytes - s->at);
    return close ? (size_t)(close - p) + 1 : 0;
}

/* Bytes of markdown at the present place, 0 if it is none. */
static size_t markup(const struct speech *s)
{
    int c = byte_at(s, s->at), next = byte_at(s, s->at + 1);
    bool word_before = s->at > 0 && is_word_byte(s->in[s->at - 1]);
    switch (c) {
    case '`':
    case '|': return 1;
    case '~': return next == '~' ? 2 : 0;
    case '*': return s->at > 0 && byte_at(s, s->at - 1) == ' ' && next == ' ' && !at_line_start(s) ? 0 : 1;
    case '_': return !word_before || !is_word_byte((unsigned char)next) || next == 0 ? 1 : 0;
    case '#': return at_line_start(s) || byte_at(s, s->at - 1) == '#' ? (next == ' ' || next == '#') : 0;
    case '>': return at_line_start(s);
    case '-':
    case '+': return at_line_start(s) && next == ' ';
    case '[': return memchr(s->in + s->at, ']', s->bytes - s->at) != NULL;
    case ']': return link_tail(s) ? link_tail(s) : 1;
    default: return 0;
    }
}

/* "https://" and "www." are read out letter by letter: left out. */
static size_t scheme(const struct speech *s)
{
    static const char *const prefixes[] = {"https://www.", "http://www.", "https://", "http://"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t n = strlen(prefixes[i]);
        if (s->bytes - s->at >= n && memcmp(s->in + s->at, prefixes[i], n) == 0)
            return n;
    }
    return 0;
}

static void step(struct speech *s)
{
    uint32_t cp = 0;
    size_t skip = markup(s);
    if (skip == 0)
        skip = scheme(s);
    if (skip > 0) {
        if (s->in[s->at] == '|')
            put_blank(s);
        s->at += skip;
        return;
    }
    unsigned n = decode(s, &cp);
    if (n == 0) {
        s->at++;
        return;
    }
    if (is_blank(cp) || cp == '_') {
        put_blank(s);
    } else if (!is_silent(cp) && !is_emoji(cp)) {
        memcpy(s->out + s->len, s->in + s->at, n);
        s->len += n;
    }
    s->at += n;
}

size_t vg_clause_speech(char *out, const char *text, size_t bytes)
{
    struct speech s = {.in = (const unsigned char *)text, .bytes = bytes, .out = out};
    bool speaks = false;
    while (s.at < s.bytes)
        step(&s);
    while (s.len > 0 && out[s.len - 1] == ' ')
        s.len--;
    for (size_t i = 0; i < s.len && !speaks; i++)
        speaks = is_word_byte((unsigned char)out[i]);
    if (!speaks)
        s.len = 0;
    out[s.len] = 0;
    return s.len;
}
