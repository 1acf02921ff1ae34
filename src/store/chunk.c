/* Paragraphs and headings to passages; see chunk.h. */
#include "store/chunk.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { CHUNK_BYTES = 800, HEADING_BYTES = 200 };

struct chunker {
    chunk_fn fn;
    void *arg;
    bool markdown;
    char heading[HEADING_BYTES + 1];
    struct vg_buf body;      /* the passage so far */
    struct vg_buf paragraph; /* the paragraph that is being read */
    int stop;                /* what fn returned, or VG_ENOMEM */
};

int chunk_is_utf8(const char *text, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + bytes;
    while (p < end) {
        int more = *p < 0x80 ? 0 : *p < 0xc2 ? -1 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : -1;
        if (more < 0 || *p == 0 || end - p <= more)
            return 0;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
            (*p == 0xf4 && p[1] > 0x8f))
            return 0;
        for (int i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
        }
        p += more + 1;
    }
    return 1;
}

/* The largest length of at most `max` that does not cut a character. */
static size_t whole_characters(const char *text, size_t max)
{
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static void emit(struct chunker *c)
{
    if (c->body.len > 0 && !c->stop)
        c->stop = c->fn(c->arg, c->heading, vg_buf_str(&c->body));
    vg_buf_reset(&c->body);
}

/* Where to cut a paragraph that is too long: after a sentence, else a word, else a character. */
static size_t cut_at(const char *text)
{
    size_t word = 0;
    for (size_t i = CHUNK_BYTES - 1; i > CHUNK_BYTES / 3; i--) {
        bool stop =
            strchr(".!?", text[i - 1]) != NULL || (i >= 2 && memcmp(text + i - 2, "\xd8\x9f", 2) == 0);
        if (text[i] == ' ' && stop)
            return i;
        if (text[i] == ' ' && !word)
            word = i;
    }
    return word ? word : whole_characters(text, CHUNK_BYTES);
}

static void end_paragraph(struct chunker *c)
{
    const char *text = vg_buf_str(&c->paragraph);
    size_t left = c->paragraph.len;
    if (c->body.len && c->body.len + left + 1 > CHUNK_BYTES)
        emit(c);
    while (left > CHUNK_BYTES) {
        size_t n = cut_at(text);
        vg_buf_add(&c->body, text, n);
        emit(c);
        text += n;
        left -= n;
        while (left && *text == ' ') {
            text++;
            left--;
        }
    }
    if (left) {
        if (c->body.len)
            vg_buf_putc(&c->body, '\n');
        vg_buf_add(&c->body, text, left);
    }
    vg_buf_reset(&c->paragraph);
    if (c->body.failed || c->paragraph.failed)
        c->stop = VG_ENOMEM;
}

static void set_heading(struct chunker *c, const char *text, size_t n)
{
    end_paragraph(c);
    emit(c);
    if (n > HEADING_BYTES)
        n = whole_characters(text, HEADING_BYTES);
    memcpy(c->heading, text, n);
    c->heading[n] = 0;
}

/* Appends a line without its marks: emphasis, code ticks, and links as their text. */
static void add_marked(struct vg_buf *out, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        const char *close = *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
        const char *paren =
            close && close + 1 < end && close[1] == '(' ? memchr(close, ')', (size_t)(end - close)) : NULL;
        if (paren) {
            vg_buf_add(out, p + 1, (size_t)(close - p - 1));
            p = paren + 1;
        } else {
            if (*p != '*' && *p != '`')
                vg_buf_putc(out, *p);
            p++;
        }
    }
}

/* A list item or table row stays a line of its own, so that it is spoken with a pause. */
static bool begins_line(const char *line, size_t n)
{
    return n > 1 && (line[0] == '-' || line[0] == '*' || line[0] == '+' || line[0] == '|') && line[1] == ' ';
}

static void add_line(struct chunker *c, const char *line, size_t n)
{
    while (n && isspace((unsigned char)*line)) {
        line++;
        n--;
    }
    while (n && isspace((unsigned char)line[n - 1]))
        n--;
    if (n == 0) {
        end_paragraph(c);
        return;
    }
    size_t level = 0;
    while (c->markdown && level < n && line[level] == '#')
        level++;
    if (level && level <= 6 && level < n && line[level] == ' ') {
        while (level < n && line[level] == ' ')
            level++;
        while (n > level && (line[n - 1] == '#' || line[n - 1] == ' '))
            n--;
        set_heading(c, line + level, n - level);
        return;
    }
    if (c->markdown && begins_line(line, n)) {
        end_paragraph(c);
        line += 2;
        n -= 2;
    }
    if (c->paragraph.len)
        vg_buf_putc(&c->paragraph, ' ');
    if (c->markdown)
        add_marked(&c->paragraph, line, n);
    else
        vg_buf_add(&c->paragraph, line, n);
}

int chunk_document(enum chunk_format format, const char *content, chunk_fn fn, void *arg)
{
    struct chunker c = {.fn = fn, .arg = arg, .markdown = format != CHUNK_TEXT};
    struct vg_buf text = VG_BUF_INIT;
    if (format == CHUNK_HTML) {
        chunk_html_to_text(&text, content);
        content = vg_buf_str(&text);
        c.stop = text.failed ? VG_ENOMEM : 0;
    }
    for (const char *line = content; *line && !c.stop;) {
        size_t n = strcspn(line, "\n");
        add_line(&c, line, n);
        line += n + (line[n] == '\n');
    }
    end_paragraph(&c);
    emit(&c);
    vg_buf_free(&c.body);
    vg_buf_free(&c.paragraph);
    vg_buf_free(&text);
    return c.stop;
}
