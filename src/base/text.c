/* See text.h. */
#include "base/text.h"

#include <string.h>

size_t vg_text_int(char out[VG_TEXT_INT_SIZE], int64_t value)
{
    char digits[VG_TEXT_INT_SIZE], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *--at = 0;
    do
        *--at = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        *--at = '-';
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, n);
    return n - 1;
}

size_t vg_text_copy(char *out, size_t size, const char *text)
{
    size_t n = text ? strnlen(text, size - 1) : 0;
    if (n)
        memcpy(out, text, n);
    out[n] = 0;
    return n;
}

size_t vg_text_join(char *out, size_t size, const char *const *parts)
{
    size_t n = 0;
    out[0] = 0;
    for (; *parts; parts++)
        n += vg_text_copy(out + n, size - n, *parts);
    return n;
}

void vg_text_hex(char *out, const void *bytes, size_t n)
{
    static const char HEX[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        *out++ = HEX[p[i] >> 4];
        *out++ = HEX[p[i] & 15];
    }
    *out = 0;
}
