/* The streaming clause splitter; see clause.h. */
#include "proto/clause.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
    SENTENCE_MIN_BYTES = 20, /* a shorter sentence waits for the next one: "Yes. I can." is one breath */
    COMMA_MIN_BYTES = 60,    /* text before a comma that may end a clause */
    FIRST_SENTENCE_MIN_BYTES = 2,
    FIRST_COMMA_MIN_BYTES = 24,
};

enum end { END_NONE, END_COMMA, END_SENTENCE, END_UNKNOWN /* more text must come before one can tell */ };

/* A mark of punctuation that may end a clause. */
static const struct mark {
    const char *bytes;
    enum end end;
    bool needs_blank; /* ends only where a blank follows */
} marks[] = {
    {".", END_SENTENCE, true},
    {"!", END_SENTENCE, true},
    {"?", END_SENTENCE, true},
    {"\xe2\x80\xa6", END_SENTENCE, true},  /* ellipsis */
    {"\xd8\x9f", END_SENTENCE, true},      /* Arabic question mark */
    {"\xdb\x94", END_SENTENCE, true},      /* Urdu full stop */
    {"\xe0\xa5\xa4", END_SENTENCE, true},  /* danda */
    {"\xe3\x80\x82", END_SENTENCE, false}, /* ideographic full stop */
    {"\xef\xbc\x81", END_SENTENCE, false}, /* fullwidth ! */
    {"\xef\xbc\x9f", END_SENTENCE, false}, /* fullwidth ? */
    {",", END_COMMA, true},
    {";", END_COMMA, true},
    {":", END_COMMA, true},
    {"\xd8\x8c", END_COMMA, true},      /* Arabic comma */
    {"\xd8\x9b", END_COMMA, true},      /* Arabic semicolon */
    {"\xe2\x80\x94", END_COMMA, true},  /* em dash */
    {"\xe3\x80\x81", END_COMMA, false}, /* ideographic comma */
    {"\xef\xbc\x8c", END_COMMA, false}, /* fullwidth comma */
};

/* What may stand between the mark and the blank. */
static const char *const closers[] = {
    "\"", "'", ")", "]", "*", "_", "`", "\xe2\x80\x9d", "\xe2\x80\x99", "\xc2\xbb", ".", "!", "?", "\xd8\x9f",
};

/* Words whose dot does not end a sentence, in lower case. */
static const char *const abbreviations[] = {
    "dr",     "mr",   "mrs", "ms",   "prof", "st",  "sr",  "jr",  "vs",   "no",  "nr",  "tel", "ext",
    "approx", "dept", "est", "fig",  "vol",  "eng", "gen", "col", "capt", "lt",  "sgt", "rev", "hon",
    "e.g",    "i.e",  "cf",  "incl", "jan",  "feb", "mar", "apr", "jun",  "jul", "aug", "sep", "sept",
    "oct",    "nov",  "dec", "mon",  "tue",  "wed", "thu", "fri", "min",  "max", "al",
};

/* Abbreviations that often do end a sentence: they do where the next word has a capital. */
static const char *const ambiguous[] = {"a.m", "p.m",  "etc", "inc", "ltd",
                                        "co",  "corp", "u.s", "u.k", "u.a.e"};

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r';
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch)
{
    return ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || (unsigned char)ch >= 0x80;
}

static bool listed(const char *const *list, size_t count, const char *word, size_t bytes)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == bytes && strncasecmp(list[i], word, bytes) == 0)
            return true;
    return false;
}

/* True if the code point at `at` has not come in whole. */
static bool is_partial(const struct vg_clause *c, size_t at)
{
    unsigned char b = (unsigned char)c->text[at];
    size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
    return at + n > c->len;
}

/* Bytes of the closer at `at`, 0 if there is none. */
static size_t closer_at(const struct vg_clause *c, size_t at)
{
    for (size_t i = 0; i < sizeof closers / sizeof closers[0]; i++) {
        size_t n = strlen(closers[i]);
        if (c->len - at >= n && memcmp(c->text + at, closers[i], n) == 0)
            return n;
    }
    return 0;
}

static const struct mark *mark_at(const struct vg_clause *c, size_t at)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t n = strlen(marks[i].bytes);
        if (c->len - at >= n && memcmp(c->text + at, marks[i].bytes, n) == 0)
            return &marks[i];
    }
    return NULL;
}

/* Judges the dot at `dot`, which a blank follows at `after`. */
static enum end dot_end(const struct vg_clause *c, size_t dot, size_t after, bool complete)
{
    size_t begin = dot;
    while (begin > 0 && !is_space(c->text[begin - 1]) && !strchr("(\"'*_", c->text[begin - 1]))
        begin--;
    const char *word = c->text + begin;
    size_t bytes = dot - begin, digits = 0;
    if (bytes == 0)
        return END_SENTENCE;
    while (digits < bytes && is_digit(word[digits]))
        digits++;
    if (digits == bytes && bytes <= 2 && (begin == 0 || c->text[begin - 1] == '\n'))
        return END_NONE; /* the number of a list item */
    if (bytes == 1 && word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I')
        return END_NONE; /* an initial */
    if (listed(abbreviations, sizeof abbreviations / sizeof abbreviations[0], word, bytes)) {
        /* "No." ends a sentence by itself, and before anything but a number. */
        if (bytes != 2 || strncasecmp(word, "no", 2) != 0)
            return END_NONE;
        while (after < c->len && is_space(c->text[after]))
            after++;
        if (after == c->len)
            return complete ? END_SENTENCE : END_UNKNOWN;
        return is_digit(c->text[after]) ? END_NONE : END_SENTENCE;
    }
    if (!listed(ambiguous, sizeof ambiguous / sizeof ambiguous[0], word, bytes))
        return END_SENTENCE;
    while (after < c->len && is_space(c->text[after]))
        after++;
    if (after == c->len)
        return complete ? END_SENTENCE : END_UNKNOWN;
    char next = c->text[after];
    return is_letter(next) && !(next >= 'a' && next <= 'z') ? END_SENTENCE : END_NONE;
}

/* Judges the place `at`; for an end, *after is where the clause's text stops. */
static enum end end_at(const struct vg_clause *c, size_t at, bool complete, size_t *after)
{
    if (c->text[at] == '\n') {
        *after = at + 1;
        return END_SENTENCE;
    }
    if (!complete && is_partial(c, at))
        return END_UNKNOWN;
    const struct mark *mark = mark_at(c, at);
    if (!mark)
        return END_NONE;
    size_t stop = at + strlen(mark->bytes), n;
    while (stop < c->len && (n = closer_at(c, stop)) > 0)
        stop += n;
    if (!complete && (stop == c->len || is_partial(c, stop)))
        return END_UNKNOWN;
    if (mark->needs_blank && stop < c->len && !is_space(c->text[stop]))
        return END_NONE;
    enum end end = mark->end;
    if (mark->bytes[0] == '.' && stop == at + 1)
        end = dot_end(c, at, stop, complete);
    /* The blanks belong to this clause, so that the next one begins with its first word. */
    while (stop < c->len && is_space(c->text[stop]) && c->text[stop] != '\n')
        stop++;
    *after = stop;
    return end;
}

static bool has_word(const struct vg_clause *c, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (is_letter(c->text[i]) || is_digit(c->text[i]))
            return true;
    return false;
}

/* Emits the first `bytes` bytes and moves the rest down. */
static void cut(struct vg_clause *c, size_t bytes)
{
    char speech[VG_CLAUSE_MAX_BYTES + 1];
    size_t n = vg_clause_speech(speech, c->text, bytes);
    if (bytes > 0)
        c->emit(c->arg, c->text, bytes, speech, n);
    c->len -= bytes;
    memmove(c->text, c->text + bytes, c->len);
    c->scanned = 0;
    c->comma = 0;
    c->started |= n > 0;
}

/* Emits every clause that is complete. */
static void scan(struct vg_clause *c, bool complete)
{
    while (c->scanned < c->len) {
        size_t after = 0;
        enum end end = end_at(c, c->scanned, complete, &after);
        if (end == END_UNKNOWN)
            return;
        size_t sentence_min = c->started ? SENTENCE_MIN_BYTES : FIRST_SENTENCE_MIN_BYTES;
        size_t comma_min = c->started ? COMMA_MIN_BYTES : FIRST_COMMA_MIN_BYTES;
        if (end == END_SENTENCE && after >= sentence_min && has_word(c, after)) {
            cut(c, after);
            continue;
        }
        if (end == END_COMMA && after >= comma_min && has_word(c, after)) {
            cut(c, after);
            continue;
        }
        if (end != END_NONE)
            c->comma = after;
        c->scanned++;
    }
}

/* The last place up to `max` that does not stand inside a code point, if the text is UTF-8. */
static size_t code_point_end(const struct vg_clause *c, size_t max)
{
    size_t lead = max - 1;
    while (lead > max - 4 && ((unsigned char)c->text[lead] & 0xc0) == 0x80)
        lead--;
    unsigned char b = (unsigned char)c->text[lead];
    size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
    return lead + n > max ? lead : max;
}

/* Where to cut text that is too long: after a mark, else after a blank that does not stand between digits,
 * else between two code points. */
static size_t forced_end(const struct vg_clause *c, size_t max)
{
    if (c->comma > max / 4 && c->comma <= max)
        return c->comma;
    for (size_t i = max; i > max / 4; i--)
        if (is_space(c->text[i - 1]) &&
            !(i >= 2 && i < c->len && is_digit(c->text[i - 2]) && is_digit(c->text[i])))
            return i;
    return code_point_end(c, max);
}

void vg_clause_init(struct vg_clause *c, vg_clause_fn emit, void *arg)
{
    *c = (struct vg_clause){.emit = emit, .arg = arg};
}

void vg_clause_feed(struct vg_clause *c, const char *delta, size_t bytes)
{
    while (bytes > 0) {
        size_t max = c->started ? VG_CLAUSE_MAX_BYTES : VG_CLAUSE_FIRST_MAX_BYTES;
        if (c->len >= max)
            cut(c, forced_end(c, max));
        size_t n = max - c->len < bytes ? max - c->len : bytes;
        memcpy(c->text + c->len, delta, n);
        c->len += n;
        delta += n;
        bytes -= n;
        scan(c, false);
    }
}

void vg_clause_finish(struct vg_clause *c)
{
    scan(c, true);
    cut(c, c->len);
    c->started = false;
}
