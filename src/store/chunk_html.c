/* HTML to text; see chunk.h. Forgiving: whatever is not understood is passed over. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/chunk.h"

struct tag {
    char name[16]; /* lower case */
    bool closing;
};

static bool is_any(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

/* Reads the tag at `p` ('<') and returns what follows it; a quoted '>' does not end it. */
static const char *read_tag(const char *p, struct tag *tag)
{
    size_t n = 0;
    p++;
    tag->closing = *p == '/';
    p += tag->closing;
    while (isalnum((unsigned char)*p)) {
        if (n + 1 < sizeof tag->name)
            tag->name[n++] = (char)tolower((unsigned char)*p);
        p++;
    }
    tag->name[n] = 0;
    char quote = 0;
    for (; *p && (quote || *p != '>'); p++) {
        if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
    }
    return *p ? p + 1 : p;
}

static void put_codepoint(struct vg_buf *out, unsigned long c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x80) {
        vg_buf_putc(out, (char)c);
    } else if (c < 0x800) {
        vg_buf_putc(out, (char)(0xc0 | c >> 6));
        vg_buf_putc(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        vg_buf_putc(out, (char)(0xe0 | c >> 12));
        vg_buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
        vg_buf_putc(out, (char)(0x80 | (c & 63)));
    } else {
        vg_buf_putc(out, (char)(0xf0 | c >> 18));
        vg_buf_putc(out, (char)(0x80 | (c >> 12 & 63)));
        vg_buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
        vg_buf_putc(out, (char)(0x80 | (c & 63)));
    }
}

/* Decodes the entity at `p` ('&') and returns what follows; an unknown one stays as it is. */
static const char *read_entity(struct vg_buf *out, const char *p)
{
    static const struct {
        const char *name;
        const char *text;
    } NAMED[] = {
        {"amp;", "&"},    {"lt;", "<"},     {"gt;", ">"},       {"quot;", "\""},          {"apos;", "'"},
        {"nbsp;", " "},   {"ndash;", "-"},  {"mdash;", "-"},    {"rsquo;", "'"},          {"lsquo;", "'"},
        {"ldquo;", "\""}, {"rdquo;", "\""}, {"hellip;", "..."}, {"euro;", "\xe2\x82\xac"}};
    if (p[1] == '#') {
        bool hex = p[2] == 'x' || p[2] == 'X';
        const char *digits = p + (hex ? 3 : 2);
        char *end;
        unsigned long c = isxdigit((unsigned char)*digits) ? strtoul(digits, &end, hex ? 16 : 10) : 0;
        if (c && *end == ';') {
            put_codepoint(out, c);
            return end + 1;
        }
    }
    for (size_t i = 0; i < VG_COUNT_OF(NAMED); i++) {
        size_t n = strlen(NAMED[i].name);
        if (strncmp(p + 1, NAMED[i].name, n) == 0) {
            vg_buf_puts(out, NAMED[i].text);
            return p + 1 + n;
        }
    }
    vg_buf_putc(out, '&');
    return p + 1;
}

/* Where the element `name` ends whose content is not text. */
static const char *skip_element(const char *p, const char *name)
{
    size_t n = strlen(name);
    while (*p) {
        if (p[0] == '<' && p[1] == '/' && strncasecmp(p + 2, name, n) == 0)
            return p;
        p++;
    }
    return p;
}

static void on_tag(struct vg_buf *out, const struct tag *tag)
{
    static const char *const BLOCKS[] = {"p",     "div",        "section", "article", "ul",     "ol",
                                         "table", "blockquote", "title",   "pre",     "header", "footer",
                                         "main",  "nav",        "dl",      NULL};
    bool heading = tag->name[0] == 'h' && tag->name[1] >= '1' && tag->name[1] <= '6' && !tag->name[2];
    if (heading || strcmp(tag->name, "title") == 0)
        vg_buf_puts(out, tag->closing ? "\n\n" : "\n\n# ");
    else if (is_any(tag->name, BLOCKS))
        vg_buf_puts(out, "\n\n");
    else if (strcmp(tag->name, "li") == 0 && !tag->closing)
        vg_buf_puts(out, "\n- ");
    else if (strcmp(tag->name, "br") == 0 || strcmp(tag->name, "tr") == 0 || strcmp(tag->name, "dt") == 0)
        vg_buf_putc(out, '\n');
    else if (strcmp(tag->name, "td") == 0 || strcmp(tag->name, "th") == 0)
        vg_buf_putc(out, ' ');
}

void chunk_html_to_text(struct vg_buf *out, const char *p)
{
    static const char *const UNSPOKEN[] = {"script", "style", "noscript", "template", "svg", NULL};
    while (*p && !out->failed) {
        struct tag tag;
        if (strncmp(p, "<!--", 4) == 0) {
            const char *end = strstr(p + 4, "-->");
            p = end ? end + 3 : p + strlen(p);
        } else if (*p == '<' && (isalpha((unsigned char)p[1]) || p[1] == '/' || p[1] == '!' || p[1] == '?')) {
            p = read_tag(p, &tag);
            if (!tag.closing && is_any(tag.name, UNSPOKEN))
                p = skip_element(p, tag.name);
            else
                on_tag(out, &tag);
        } else if (*p == '&') {
            p = read_entity(out, p);
        } else {
            vg_buf_putc(out, isspace((unsigned char)*p) ? ' ' : *p);
            p++;
        }
    }
}
