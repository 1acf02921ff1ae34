/* Base64 by table, and the stream that carries quads over the borders of fragments; see base64.h. The long
 * runs go to base64_avx2.c where the processor has it. */
#include "proto/base64.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

#include "proto/base64_impl.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four tables, one for each character of a quad: its six bits where they belong in the three bytes, read as a
 * little-endian number, or a bit above them. So a quad is four loads and three ORs. */
#define OUTSIDE 0x80000000u
#define SEXTET(c)                                                                                            \
    ((c) >= 'A' && (c) <= 'Z'   ? (c) - 'A'                                                                  \
     : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26                                                             \
     : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52                                                             \
     : (c) == '+'               ? 62                                                                         \
     : (c) == '/'               ? 63                                                                         \
                                : -1)
#define PLACE_0(v)   ((unsigned)(v) << 2)
#define PLACE_1(v)   ((unsigned)(v) >> 4 | ((unsigned)(v)&15) << 12)
#define PLACE_2(v)   ((unsigned)(v) >> 2 << 8 | ((unsigned)(v)&3) << 22)
#define PLACE_3(v)   ((unsigned)(v) << 16)
#define ENTRY(p, c)  (SEXTET(c) < 0 ? OUTSIDE : PLACE_##p(SEXTET(c)))
#define ROW_4(p, c)  ENTRY(p, c), ENTRY(p, (c) + 1), ENTRY(p, (c) + 2), ENTRY(p, (c) + 3)
#define ROW_16(p, c) ROW_4(p, c), ROW_4(p, (c) + 4), ROW_4(p, (c) + 8), ROW_4(p, (c) + 12)
#define ROW_64(p, c) ROW_16(p, c), ROW_16(p, (c) + 16), ROW_16(p, (c) + 32), ROW_16(p, (c) + 48)
#define TABLE(p)                                                                                             \
    {                                                                                                        \
        ROW_64(p, 0), ROW_64(p, 64), ROW_64(p, 128), ROW_64(p, 192)                                          \
    }

static const uint32_t PLACED[4][256] = {TABLE(0), TABLE(1), TABLE(2), TABLE(3)};

static size_t decode_run_scalar(uint8_t *out, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t v = PLACED[0][p[i]] | PLACED[1][p[i + 1]] | PLACED[2][p[i + 2]] | PLACED[3][p[i + 3]];
        if (v & OUTSIDE)
            break;
        v = htole32(v);
        memcpy(out, &v, sizeof v); /* the fourth byte is overwritten by the next quad */
        out += 3;
    }
    return i;
}

static size_t encode_run_scalar(char *out, const uint8_t *data, size_t n)
{
    size_t i = 0;
    for (; i + 3 <= n; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        out[0] = ALPHABET[v >> 18];
        out[1] = ALPHABET[v >> 12 & 63];
        out[2] = ALPHABET[v >> 6 & 63];
        out[3] = ALPHABET[v & 63];
        out += 4;
    }
    return i;
}

const struct base64_impl *base64_impl_scalar(void)
{
    static const struct base64_impl SCALAR = {"scalar", decode_run_scalar, encode_run_scalar};
    return &SCALAR;
}

/* The run of the best implementation, finished by the scalar one. */
static size_t decode_run(uint8_t *out, const char *text, size_t n)
{
    const struct base64_impl *fast = base64_impl_avx2();
    size_t taken = fast ? fast->decode_run(out, text, n) : 0;
    return taken + decode_run_scalar(out + taken / 4 * 3, text + taken, n - taken);
}

size_t vg_base64_encode(char *out, const void *data, size_t n)
{
    const uint8_t *p = data;
    const struct base64_impl *fast = base64_impl_avx2();
    size_t taken = fast ? fast->encode_run(out, p, n) : 0;
    taken += encode_run_scalar(out + taken / 3 * 4, p + taken, n - taken);
    out += taken / 3 * 4;
    if (n > taken) {
        uint32_t v = (uint32_t)p[taken] << 16 | (n - taken == 2 ? (uint32_t)p[taken + 1] << 8 : 0);
        out[0] = ALPHABET[v >> 18];
        out[1] = ALPHABET[v >> 12 & 63];
        out[2] = n - taken == 2 ? ALPHABET[v >> 6 & 63] : '=';
        out[3] = '=';
    }
    return VG_BASE64_BOUND(n);
}

/* --- the stream ----------------------------------------------------------------------------------------- */

/* One '='. Bits that no byte uses must be zero, so that each value has one spelling. */
static int take_padding(struct vg_base64_stream *s, uint8_t *out)
{
    if (s->pad_due) {
        s->pad_due = false;
        s->closed = true;
        return 0;
    }
    if (s->closed || s->chars < 2 || (s->bits & (s->chars == 2 ? 15u : 3u)))
        return VG_EPARSE;
    int bytes = s->chars - 1;
    if (bytes == 1) {
        out[0] = (uint8_t)(s->bits >> 4);
        s->pad_due = true;
    } else {
        out[0] = (uint8_t)(s->bits >> 10);
        out[1] = (uint8_t)(s->bits >> 2);
        s->closed = true;
    }
    s->bits = s->chars = 0;
    return bytes;
}

/* One character of the alphabet. */
static int take_sextet(struct vg_base64_stream *s, uint8_t *out, uint32_t sextet)
{
    if (s->closed || s->pad_due)
        return VG_EPARSE;
    s->bits = s->bits << 6 | sextet;
    if (++s->chars < 4)
        return 0;
    for (int i = 0; i < 3; i++)
        out[i] = (uint8_t)(s->bits >> (16 - 8 * i));
    s->bits = s->chars = 0;
    return 3;
}

size_t vg_base64_stream_feed(struct vg_base64_stream *s, uint8_t *out, const char *text, size_t n,
                             size_t *taken)
{
    size_t i = 0, bytes = 0;
    while (i < n) {
        if (s->chars == 0 && !s->closed && !s->pad_due) {
            size_t run = decode_run(out + bytes, text + i, n - i);
            i += run;
            bytes += run / 4 * 3;
            if (i == n)
                break;
        }
        uint32_t sextet = PLACED[3][(unsigned char)text[i]];
        bool padding = text[i] == '=';
        if (sextet == OUTSIDE && !padding)
            break;
        int got = padding ? take_padding(s, out + bytes) : take_sextet(s, out + bytes, sextet >> 16);
        if (got < 0)
            break;
        bytes += (size_t)got;
        i++;
    }
    *taken = i;
    return bytes;
}

int vg_base64_stream_finish(const struct vg_base64_stream *s)
{
    return s->chars || s->pad_due ? VG_EPARSE : 0;
}

int vg_base64_decode(uint8_t *out, const char *text, size_t n)
{
    struct vg_base64_stream s = {0};
    size_t taken;
    if (n > INT_MAX)
        return VG_EPARSE;
    size_t bytes = vg_base64_stream_feed(&s, out, text, n, &taken);
    return taken < n || vg_base64_stream_finish(&s) ? VG_EPARSE : (int)bytes;
}
