/* Streaming JSON writer; see json.h. */
#include "base/json.h"

#include <math.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of 2^64 */

struct vg_json vg_json_start(struct vg_buf *out)
{
    return (struct vg_json){.out = out};
}

/* Length of the valid UTF-8 sequence at p (at most `left` bytes), 0 if there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        unsigned char length;
    } FORMS[] = {/* RFC 3629, section 4 */
                 {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                 {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < VG_COUNT_OF(FORMS); i++) {
        if (p[0] < FORMS[i].first_min || p[0] > FORMS[i].first_max)
            continue;
        size_t n = FORMS[i].length;
        if (left < n || p[1] < FORMS[i].second_min || p[1] > FORMS[i].second_max)
            return 0;
        for (size_t k = 2; k < n; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        }
        return n;
    }
    return 0;
}

static void put_escaped(struct vg_buf *b, unsigned char c)
{
    static const char SHORT[] = "\"\\\b\f\n\r\t";
    static const char LETTER[] = "\"\\bfnrt";
    const char *at = c ? strchr(SHORT, c) : NULL;
    if (at)
        vg_buf_printf(b, "\\%c", LETTER[at - SHORT]);
    else
        vg_buf_printf(b, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Most texts are ASCII without anything to escape: one reservation and a copy. */
static bool put_plain(struct vg_buf *b, const char *text, size_t n)
{
    unsigned odd = 0;
    for (size_t i = 0; i < n; i++)
        odd |= !is_plain((unsigned char)text[i]);
    if (odd || vg_buf_reserve(b, n + 2))
        return false;
    char *at = b->data + b->len;
    at[0] = '"';
    if (n)
        memcpy(at + 1, text, n);
    at[n + 1] = '"';
    at[n + 2] = 0;
    b->len += n + 2;
    return true;
}

static void put_quoted(struct vg_buf *b, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t run = 0; /* bytes seen that go out as they are */
    if (put_plain(b, text, n))
        return;
    vg_buf_putc(b, '"');
    for (size_t i = 0; i < n;) {
        size_t step = 1;
        bool plain = is_plain(p[i]);
        if (p[i] >= 0x80) {
            step = utf8_length(p + i, n - i);
            plain = step > 0;
        }
        if (plain) {
            run += step;
            i += step;
            continue;
        }
        vg_buf_add(b, p + i - run, run);
        run = 0;
        if (p[i] >= 0x80)
            vg_buf_puts(b, "\xef\xbf\xbd");
        else
            put_escaped(b, p[i]);
        i++;
    }
    vg_buf_add(b, p + n - run, run);
    vg_buf_putc(b, '"');
}

static void begin_member(struct vg_json *j, const char *key)
{
    if (j->depth > 0) {
        if (j->has_member[j->depth - 1])
            vg_buf_putc(j->out, ',');
        j->has_member[j->depth - 1] = true;
    }
    if (key) {
        put_quoted(j->out, key, strlen(key));
        vg_buf_putc(j->out, ':');
    }
}

static void open_container(struct vg_json *j, const char *key, char opener, char closer)
{
    begin_member(j, key);
    VG_ASSERT(j->depth < VG_JSON_DEPTH_MAX);
    j->has_member[j->depth] = false;
    j->closer[j->depth++] = closer;
    vg_buf_putc(j->out, opener);
}

void vg_json_object(struct vg_json *j, const char *key)
{
    open_container(j, key, '{', '}');
}

void vg_json_array(struct vg_json *j, const char *key)
{
    open_container(j, key, '[', ']');
}

void vg_json_end(struct vg_json *j)
{
    VG_ASSERT(j->depth > 0);
    vg_buf_putc(j->out, j->closer[--j->depth]);
}

void vg_json_strn(struct vg_json *j, const char *key, const char *value, size_t n)
{
    begin_member(j, key);
    put_quoted(j->out, value, n);
}

void vg_json_str(struct vg_json *j, const char *key, const char *value)
{
    if (value)
        vg_json_strn(j, key, value, strlen(value));
    else
        vg_json_null(j, key);
}

void vg_json_rawn(struct vg_json *j, const char *key, const char *json, size_t n)
{
    begin_member(j, key);
    vg_buf_add(j->out, json, n);
}

void vg_json_raw(struct vg_json *j, const char *key, const char *json)
{
    vg_json_rawn(j, key, json, strlen(json));
}

/* Decimal digits, at least `least` of them. Not by printf: every message has several numbers, and where a
 * library has hooked into printf (libquadmath, which comes with PocketSphinx, does) each costs 0.4 us. */
static void put_digits(struct vg_buf *b, uint64_t value, int least)
{
    char text[DIGITS_MAX], *at = text + sizeof text;
    for (; value > 0 || least > 0; value /= 10, least--)
        *--at = (char)('0' + value % 10);
    vg_buf_add(b, at, (size_t)(text + sizeof text - at));
}

static uint64_t put_sign(struct vg_buf *b, int64_t value)
{
    if (value >= 0)
        return (uint64_t)value;
    vg_buf_putc(b, '-');
    return 0 - (uint64_t)value;
}

void vg_json_int(struct vg_json *j, const char *key, int64_t value)
{
    begin_member(j, key);
    put_digits(j->out, put_sign(j->out, value), 1);
}

void vg_json_bool(struct vg_json *j, const char *key, bool value)
{
    vg_json_raw(j, key, value ? "true" : "false");
}

void vg_json_null(struct vg_json *j, const char *key)
{
    vg_json_raw(j, key, "null");
}

void vg_json_num(struct vg_json *j, const char *key, double value, int decimals)
{
    begin_member(j, key);
    if (isfinite(value))
        vg_buf_printf(j->out, "%.*f", decimals, value);
    else
        vg_buf_puts(j->out, "null");
}

void vg_json_seconds(struct vg_json *j, const char *key, int64_t us)
{
    begin_member(j, key);
    uint64_t magnitude = put_sign(j->out, us);
    put_digits(j->out, magnitude / 1000000, 1);
    vg_buf_putc(j->out, '.');
    put_digits(j->out, magnitude % 1000000, 6);
}
