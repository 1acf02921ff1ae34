/* The W3C traceparent header. Source: W3C trace-context, section 3.2 (version 00; later versions are read by
 * its rules for the first 55 characters). Any thread. */
#include <stdio.h>
#include <string.h>

#include "obs/trace.h"

enum { TRACEPARENT_LEN = VG_TRACEPARENT_SIZE - 1 };

/* -1 for what is not a lower-case hex digit: upper case makes the header invalid. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static int hex_bytes(const char *text, uint8_t *out, size_t n)
{
    unsigned any = 0;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return VG_EPARSE;
        out[i] = (uint8_t)(high << 4 | low);
        any |= out[i];
    }
    return any ? VG_OK : VG_ENOENT;
}

int vg_traceparent_parse(const char *text, struct vg_span_context *out)
{
    if (!text || strnlen(text, TRACEPARENT_LEN) < TRACEPARENT_LEN)
        return VG_EPARSE;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-')
        return VG_EPARSE;
    uint8_t version, flags;
    struct vg_span_context ctx;
    if (hex_bytes(text, &version, 1) == VG_EPARSE || version == 0xff)
        return VG_EPARSE;
    if (text[55] != '\0' && (version == 0 || text[55] != '-'))
        return VG_EPARSE;
    if (hex_bytes(text + 3, ctx.trace_id, sizeof ctx.trace_id) != VG_OK ||
        hex_bytes(text + 36, ctx.span_id, sizeof ctx.span_id) != VG_OK ||
        hex_bytes(text + 53, &flags, 1) == VG_EPARSE)
        return VG_EPARSE;
    ctx.sampled = flags & 1;
    *out = ctx;
    return VG_OK;
}

static char *hex_put(char *p, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    return p;
}

void vg_traceparent_write(const struct vg_span_context *ctx, char out[VG_TRACEPARENT_SIZE])
{
    char *p = out;
    *p++ = '0';
    *p++ = '0';
    *p++ = '-';
    p = hex_put(p, ctx->trace_id, sizeof ctx->trace_id);
    *p++ = '-';
    p = hex_put(p, ctx->span_id, sizeof ctx->span_id);
    *p++ = '-';
    *p++ = '0';
    *p++ = ctx->sampled ? '1' : '0';
    *p = '\0';
}
