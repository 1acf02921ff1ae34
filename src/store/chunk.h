/* Cuts a document into passages of at most about 800 bytes on paragraph and heading bounds, so that each can
 * be spoken by itself. Pure; any thread. */
#ifndef VG_STORE_CHUNK_H
#define VG_STORE_CHUNK_H

#include <stddef.h>

#include "base/buf.h"

enum chunk_format { CHUNK_TEXT, CHUNK_MARKDOWN, CHUNK_HTML };

/* A passage: `heading` is the nearest one above it ("" if none), `body` plain text. Borrowed. Nonzero stops.
 */
typedef int (*chunk_fn)(void *arg, const char *heading, const char *body);

/* Returns 0, VG_ENOMEM or what `fn` returned. `content` is NUL-terminated UTF-8. */
int chunk_document(enum chunk_format format, const char *content, chunk_fn fn, void *arg) VG_MUST_CHECK;
/* HTML as text: headings as "# ..." lines, blocks as paragraphs, list items as "- ", entities decoded;
 * scripts, styles and comments dropped. */
void chunk_html_to_text(struct vg_buf *out, const char *html);
/* True for well-formed UTF-8 without NUL. */
int chunk_is_utf8(const char *text, size_t bytes);

#endif
