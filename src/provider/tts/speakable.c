/* Text for the engines; see speakable.h. */
#include "provider/tts/speakable.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Decodes one code point (RFC 3629); returns its bytes, or 0 for an invalid byte. */
static unsigned utf8_next(const unsigned char *s, uint32_t *cp)
{
    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    unsigned n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] >= 0xf5)
        return 0;
    uint32_t v = s[0] & (0x7fU >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) /* the closing NUL ends up here too */
            return 0;
        v = v << 6 | (s[i] & 0x3fU);
    }
    bool overlong = (n == 3 && v < 0x800) || (n == 4 && v < 0x10000);
    if (overlong || (v >= 0xd800 && v < 0xe000) || v > 0x10ffff)
        return 0;
    *cp = v;
    return n;
}

/* Marks without a sound: controls, zero-width and direction marks, variation selectors, tags, private use. */
static bool cp_silent(uint32_t cp)
{
    return (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x200b || (cp >= 0x200e && cp <= 0x200f) ||
           (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) ||
           (cp >= 0xe000 && cp <= 0xf8ff) || (cp >= 0xfe00 && cp <= 0xfe0f) || cp == 0xfeff || cp >= 0xe0000;
}

static bool cp_blank(uint32_t cp)
{
    return cp <= 0x20 || cp == 0xa0 || cp == '[' || cp == ']' || cp == '<' || cp == '>' ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x3000;
}

/* Letters and digits of any script, roughly: what is neither ASCII punctuation nor a general mark or symbol.
 */
static bool cp_spoken(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= '0' && cp <= '9') || ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z');
    return cp >= 0xc0 && cp != 0x60c && cp != 0x61b && cp != 0x61f && !(cp >= 0x2000 && cp <= 0x2bff) &&
           !(cp >= 0x3000 && cp <= 0x3004) && !(cp >= 0x3008 && cp <= 0x3020) && cp < 0x1f000;
}

struct sink {
    char *data;
    size_t len;
    unsigned run; /* code points since the last blank */
    uint32_t characters;
    bool speaks;
};

static void sink_blank(struct sink *s)
{
    if (s->len > 0 && s->data[s->len - 1] != ' ') {
        s->data[s->len++] = ' ';
        s->characters++;
    }
    s->run = 0;
}

static void sink_add(struct sink *s, const char *bytes, size_t n)
{
    if (s->run == SPEAKABLE_WORD_MAX)
        sink_blank(s);
    memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->run++;
    s->characters++;
}

/* What Flite is given for a code point above ASCII; "" where it has no sound in English. `letter` is room for
 * the answer. */
static const char *ascii_of(uint32_t cp, char letter[2])
{
    static const char latin[] =
        "AAAAAA CEEEEIIIIDNOOOOOxOUUUUY  aaaaaa ceeeeiiiidnooooo ouuuuy y"; /* U+00C0.. */
    static const struct {
        uint32_t cp;
        const char *text;
    } marks[] = {
        {0xa3, " pound "}, {0xb0, " degrees "}, {0xb7, " "},    {0xc6, "AE"},    {0xdf, "ss"},
        {0xe6, "ae"},      {0x152, "OE"},       {0x153, "oe"},  {0x60c, ","},    {0x61b, ";"},
        {0x61f, "?"},      {0x2013, "-"},       {0x2014, ", "}, {0x2018, "'"},   {0x2019, "'"},
        {0x201c, "\""},    {0x201d, "\""},      {0x2022, ", "}, {0x2026, "..."}, {0x20ac, " euro "},
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (marks[i].cp == cp)
            return marks[i].text;
    bool is_letter = cp >= 0xc0 && cp <= 0xff && latin[cp - 0xc0] != ' ';
    letter[0] = is_letter ? latin[cp - 0xc0] : 0;
    letter[1] = 0;
    return letter;
}

static void sink_text(struct sink *s, const char *text)
{
    for (; *text; text++) {
        if (*text == ' ')
            sink_blank(s);
        else
            sink_add(s, text, 1);
    }
}

static void sink_code_point(struct sink *s, uint32_t cp, const char *bytes, size_t n, bool ascii)
{
    char letter[2];
    if (cp_blank(cp)) {
        sink_blank(s);
    } else if (cp_silent(cp)) {
        return;
    } else if (ascii && cp >= 0x80) {
        const char *text = ascii_of(cp, letter);
        s->speaks |= cp_spoken((unsigned char)text[0]) || text[0] == ' ';
        sink_text(s, text);
    } else {
        s->speaks |= cp_spoken(cp);
        sink_add(s, bytes, n);
    }
}

static char *speakable(const char *text, uint32_t *characters, bool ascii)
{
    size_t bytes = strnlen(text, SPEAKABLE_BYTES_MAX);
    char *copy = strndup(text, bytes); /* so that a sign cut by the limit meets a NUL */
    /* A two-byte sign may become nine bytes (" degrees "), and a blank may follow each run. */
    struct sink s = {.data = malloc(bytes * 5 + 16)};
    if (!s.data || !copy) {
        free(copy);
        free(s.data);
        return NULL;
    }
    for (const char *p = copy; *p;) {
        uint32_t cp = 0;
        unsigned n = utf8_next((const unsigned char *)p, &cp);
        if (n > 0)
            sink_code_point(&s, cp, p, n, ascii);
        p += n > 0 ? n : 1;
    }
    free(copy);
    if (s.len > 0 && s.data[s.len - 1] == ' ') {
        s.len--;
        s.characters--;
    }
    s.data[s.len] = 0;
    *characters = s.speaks ? s.characters : 0;
    return s.data;
}

char *speakable_utf8(const char *text, uint32_t *characters)
{
    return speakable(text, characters, false);
}

char *speakable_ascii(const char *text, uint32_t *characters)
{
    return speakable(text, characters, true);
}
