/* A growable byte buffer that is always NUL-terminated, for building text.
 *
 * Appending never fails loudly: an append that finds no memory sets `failed`, later ones do nothing, and the
 * owner checks `failed` once at the end. Not for the real-time path (it allocates). One thread at a time. */
#ifndef VG_BASE_BUF_H
#define VG_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct vg_buf {
    char *data;  /* owned; NULL until the first append */
    size_t len;  /* bytes in use, without the NUL */
    size_t cap;  /* bytes allocated */
    bool failed; /* an append found no memory; the content is incomplete */
};

#define VG_BUF_INIT ((struct vg_buf){0})

void vg_buf_free(struct vg_buf *b);
/* Empties the buffer and keeps its memory. */
void vg_buf_reset(struct vg_buf *b);
/* Makes room for `more` bytes beyond `len`. */
int vg_buf_reserve(struct vg_buf *b, size_t more) VG_MUST_CHECK;
void vg_buf_add(struct vg_buf *b, const void *data, size_t n);
void vg_buf_puts(struct vg_buf *b, const char *text);
/* In decimal, without printf (see text.h). */
void vg_buf_int(struct vg_buf *b, int64_t value);
void vg_buf_printf(struct vg_buf *b, const char *fmt, ...) VG_PRINTF(2, 3);
void vg_buf_vprintf(struct vg_buf *b, const char *fmt, va_list ap) VG_PRINTF(2, 0);
static inline void vg_buf_putc(struct vg_buf *b, char c)
{
    if (b->failed || b->cap - b->len < 2) {
        vg_buf_add(b, &c, 1);
        return;
    }
    b->data[b->len++] = c;
    b->data[b->len] = 0;
}
/* The text, "" while empty. Borrowed until the next append. */
const char *vg_buf_str(const struct vg_buf *b);
/* Gives the text to the caller (who frees it) and empties the buffer; NULL if it failed. */
char *vg_buf_take(struct vg_buf *b);

#endif
