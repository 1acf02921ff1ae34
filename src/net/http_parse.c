/* The request head parser; see http_parse.h. Called by conn_request.c, tested and fuzzed alone. */
#include "net/http_parse.h"

#include <string.h>
#include <strings.h>

static const struct http_fault NO_FAULT;

static struct http_fault fault(int status, const char *message)
{
    return (struct http_fault){status, message};
}

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110, section 5.6.2. */
static bool is_token_char(unsigned char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_token_char((unsigned char)*text))
            return false;
    return true;
}

size_t http_head_size(const char *data, size_t bytes, size_t from)
{
    size_t start = from > 3 ? from - 3 : 0;
    if (start >= bytes)
        return 0;
    const char *end = memmem(data + start, bytes - start, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int http_percent_decode(char *text, bool form)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in == '+' && form) {
            *out++ = ' ';
        } else if (*in == '%') {
            int high = hex_digit(in[1]);
            int low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0 || (high == 0 && low == 0))
                return VG_EPARSE;
            *out++ = (char)(high << 4 | low);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (int)(out - text);
}

/* A path that climbs ("..") has no honest use here. */
static bool has_dot_segment(const char *path)
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        size_t n = strcspn(p + 1, "/");
        if ((n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
            return true;
    }
    return false;
}

static struct http_fault parse_target(struct http_head *head, char *target)
{
    for (const unsigned char *p = (const unsigned char *)target; *p; p++)
        if (*p <= 0x20 || *p == 0x7f || *p == '#')
            return fault(400, "The request target has characters that must be escaped.");
    /* The absolute form, as sent to proxies, must be taken (RFC 9112, section 3.2.2). */
    if (!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8)) {
        char *authority = strstr(target, "//") + 2;
        char *slash = authority + strcspn(authority, "/?");
        if (*slash != '/')
            return fault(400, "The request target has no path.");
        target = slash;
    }
    if (target[0] != '/' && !(strcmp(target, "*") == 0 && strcmp(head->method, "OPTIONS") == 0))
        return fault(400, "The request target must begin with a slash.");
    char *mark = strchr(target, '?');
    head->query = mark ? mark + 1 : target + strlen(target);
    if (mark)
        *mark = '\0';
    head->path = target;
    if (http_percent_decode(target, false) < 0)
        return fault(400, "The path has a bad escape.");
    if (has_dot_segment(target))
        return fault(400, "The path must not have dot segments.");
    return NO_FAULT;
}

static struct http_fault parse_request_line(struct http_head *head, char *line)
{
    char *target = strchr(line, ' ');
    char *version = target ? strrchr(line, ' ') : NULL;
    if (!target || version == target)
        return fault(400, "The request line is malformed.");
    *target++ = '\0';
    *version++ = '\0';
    if (strncmp(version, "HTTP/", 5) || strlen(version) != 8 || version[6] != '.')
        return fault(400, "The request line is malformed.");
    if (version[5] != '1' || (version[7] != '0' && version[7] != '1'))
        return fault(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    head->minor = version[7] - '0';
    head->method = line;
    if (!is_token(line))
        return fault(400, "The method is malformed.");
    if (!strcmp(line, "CONNECT") || !strcmp(line, "TRACE"))
        return fault(405, "The method is not allowed.");
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    bool found = false;
    for (size_t i = 0; i < VG_COUNT_OF(known); i++)
        found = found || !strcmp(line, known[i]);
    if (!found)
        return fault(501, "The method is not known.");
    return parse_target(head, target);
}

static struct http_fault parse_field(struct http_head *head, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return fault(400, "A header has no colon.");
    *colon = '\0';
    if (!is_token(line))
        return fault(400, "A header's name is malformed.");
    if (head->field_count == HTTP_HEAD_HEADERS_MAX)
        return fault(431, "The request has too many headers.");
    for (char *p = line; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    char *value = colon + 1;
    value += strspn(value, " \t");
    char *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return fault(400, "A header has control characters.");
    head->fields[head->field_count++] = (struct http_field){line, value};
    return NO_FAULT;
}

const char *http_head_field(const struct http_head *head, const char *name)
{
    for (unsigned i = 0; i < head->field_count; i++)
        if (!strcmp(head->fields[i].name, name))
            return head->fields[i].value;
    return NULL;
}

unsigned http_head_count(const struct http_head *head, const char *name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < head->field_count; i++)
        n += !strcmp(head->fields[i].name, name);
    return n;
}

bool http_list_has(const char *list, const char *token)
{
    size_t want = strlen(token);
    for (const char *p = list; p && *p;) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ", \t");
        if (n == want && !strncasecmp(p, token, n))
            return true;
        p += n;
    }
    return false;
}

static struct http_fault parse_length(struct http_head *head)
{
    const char *text = http_head_field(head, "content-length");
    if (!text)
        return NO_FAULT;
    if (http_head_count(head, "content-length") > 1)
        return fault(400, "Content-Length is given twice.");
    size_t n = strlen(text);
    if (n == 0 || n > 18 || strspn(text, "0123456789") != n)
        return fault(400, "Content-Length is not a number.");
    for (head->content_length = 0; *text; text++)
        head->content_length = head->content_length * 10 + (uint64_t)(*text - '0');
    head->has_length = true;
    return NO_FAULT;
}

/* The headers that decide how the rest of the connection is read. */
static struct http_fault check_framing(struct http_head *head)
{
    unsigned hosts = http_head_count(head, "host");
    if (hosts > 1 || (hosts == 0 && head->minor == 1))
        return fault(400, "Exactly one Host header is required.");
    if (http_head_field(head, "transfer-encoding"))
        return fault(411, "Chunked requests are not taken; send Content-Length.");
    struct http_fault bad = parse_length(head);
    if (bad.status)
        return bad;
    const char *expect = http_head_field(head, "expect");
    if (expect && strcasecmp(expect, "100-continue"))
        return fault(417, "The expectation is not known.");
    head->expect_continue = expect && head->minor == 1;
    bool upgrade = false, close = false, keep = false;
    for (unsigned i = 0; i < head->field_count; i++) {
        if (strcmp(head->fields[i].name, "connection"))
            continue;
        upgrade = upgrade || http_list_has(head->fields[i].value, "upgrade");
        close = close || http_list_has(head->fields[i].value, "close");
        keep = keep || http_list_has(head->fields[i].value, "keep-alive");
    }
    head->keep_alive = !close && (head->minor == 1 || keep);
    head->upgrade_websocket =
        upgrade && head->minor == 1 && http_list_has(http_head_field(head, "upgrade"), "websocket");
    return NO_FAULT;
}

struct http_fault http_head_parse(struct http_head *head, char *data, size_t bytes)
{
    memset(head, 0, offsetof(struct http_head, fields));
    head->field_count = 0;
    if (bytes < 4 || memchr(data, '\0', bytes))
        return fault(400, "The request has NUL bytes.");
    data[bytes - 2] = '\0'; /* the blank line ends the text */
    bool first = true;
    for (char *line = data; *line;) {
        char *end = strpbrk(line, "\r\n");
        if (!end || end[0] != '\r' || end[1] != '\n')
            return fault(400, "Lines must end with CR and LF.");
        *end = '\0';
        if (!first && (*line == ' ' || *line == '\t'))
            return fault(400, "Folded headers are not taken.");
        struct http_fault bad = first ? parse_request_line(head, line) : parse_field(head, line);
        if (bad.status)
            return bad;
        first = false;
        line = end + 2;
    }
    if (first)
        return fault(400, "The request line is missing.");
    return check_framing(head);
}
