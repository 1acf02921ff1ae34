/* Parses the head of one HTTP/1.x request: pure, no input or output, no allocation; fuzzed. It is strict
 * where leniency lets requests be smuggled past a proxy: CRLF line ends only, no folded lines, no blank
 * before the colon, one Host, one Content-Length of digits. Source: RFC 9112, sections 2.2, 3, 5, 6 and 11.2.
 * Any thread. */
#ifndef VG_NET_HTTP_PARSE_H
#define VG_NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    HTTP_HEAD_BYTES_MAX = 16 * 1024,
    HTTP_HEAD_HEADERS_MAX = 100,
};

struct http_field {
    char *name; /* lower case */
    char *value;
};

/* Strings point into the parsed buffer and are NUL-terminated there. */
struct http_head {
    char *method;
    char *path;  /* percent-decoded, begins with '/' (or is "*") */
    char *query; /* as sent, "" without one */
    int minor;   /* 0 or 1 of HTTP/1.x */
    bool keep_alive;
    bool expect_continue;
    bool upgrade_websocket; /* Connection: upgrade and Upgrade: websocket */
    bool has_length;
    uint64_t content_length;
    struct http_field fields[HTTP_HEAD_HEADERS_MAX];
    unsigned field_count;
};

/* Finds the end of the head in `data`: its size with the blank line, 0 if it is not complete yet. `from` is
 * how many bytes an earlier call has seen, so that a slow sender costs linear time. */
size_t http_head_size(const char *data, size_t bytes, size_t from);

/* What is wrong with a request: the HTTP status (0: nothing) and a phrase for a person. */
struct http_fault {
    int status;
    const char *message;
};

/* Parses a complete head of `bytes` bytes in place. Faults: 400, 405, 411, 417, 431, 501, 505. */
struct http_fault http_head_parse(struct http_head *head, char *data, size_t bytes) VG_MUST_CHECK;

/* The first header of that lower-case name, NULL if absent. */
const char *http_head_field(const struct http_head *head, const char *name);
/* How many headers have that name. */
unsigned http_head_count(const struct http_head *head, const char *name);
/* True if `list` (comma-separated, any case) has `token`. NULL has none. */
bool http_list_has(const char *list, const char *token);

/* Decodes %XX (and '+' as blank if `form`) in place; returns the new length, VG_EPARSE for a bad escape or an
 * encoded NUL. */
int http_percent_decode(char *text, bool form) VG_MUST_CHECK;

#endif
