/* Growable text buffer; see buf.h. */
#include "base/buf.h"

#include <string.h>

#include "base/text.h"

void vg_buf_free(struct vg_buf *b)
{
    free(b->data);
    *b = VG_BUF_INIT;
}

void vg_buf_reset(struct vg_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

int vg_buf_reserve(struct vg_buf *b, size_t more)
{
    if (b->failed)
        return VG_ENOMEM;
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 128;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return VG_ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

void vg_buf_add(struct vg_buf *b, const void *data, size_t n)
{
    if (vg_buf_reserve(b, n))
        return;
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = 0;
}

void vg_buf_puts(struct vg_buf *b, const char *text)
{
    vg_buf_add(b, text, strlen(text));
}

void vg_buf_int(struct vg_buf *b, int64_t value)
{
    char text[VG_TEXT_INT_SIZE];
    vg_buf_add(b, text, vg_text_int(text, value));
}

void vg_buf_vprintf(struct vg_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || vg_buf_reserve(b, (size_t)n))
        return;
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
}

void vg_buf_printf(struct vg_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vg_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

const char *vg_buf_str(const struct vg_buf *b)
{
    return b->data ? b->data : "";
}

char *vg_buf_take(struct vg_buf *b)
{
    if (vg_buf_reserve(b, 0)) {
        vg_buf_free(b);
        return NULL;
    }
    char *text = b->data;
    text[b->len] = 0;
    *b = VG_BUF_INIT;
    return text;
}
