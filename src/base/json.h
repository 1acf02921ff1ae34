/* The one JSON writer. It streams into a vg_buf, puts the commas itself, escapes strings, replaces invalid
 * UTF-8 by U+FFFD, and writes decimals from text so that money never goes through a double.
 *
 *     struct vg_json j = vg_json_start(&buf);
 *     vg_json_object(&j, NULL);
 *     vg_json_str(&j, "type", "pong");
 *     vg_json_int(&j, "seq", 7);
 *     vg_json_end(&j);                       -> {"type":"pong","seq":7}
 *
 * `key` is NULL inside arrays and at the top level. One thread at a time. */
#ifndef VG_BASE_JSON_H
#define VG_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { VG_JSON_DEPTH_MAX = 32 };

struct vg_json {
    struct vg_buf *out;                 /* borrowed */
    int depth;                          /* open objects and arrays */
    bool has_member[VG_JSON_DEPTH_MAX]; /* a comma is due before the next member */
    char closer[VG_JSON_DEPTH_MAX];     /* '}' or ']' */
};

struct vg_json vg_json_start(struct vg_buf *out);
void vg_json_object(struct vg_json *j, const char *key);
void vg_json_array(struct vg_json *j, const char *key);
/* Closes the innermost object or array. */
void vg_json_end(struct vg_json *j);

/* NULL writes null. */
void vg_json_str(struct vg_json *j, const char *key, const char *value);
void vg_json_strn(struct vg_json *j, const char *key, const char *value, size_t n);
void vg_json_int(struct vg_json *j, const char *key, int64_t value);
void vg_json_bool(struct vg_json *j, const char *key, bool value);
void vg_json_null(struct vg_json *j, const char *key);
/* A binary floating point number with `decimals` (0-9) places; not finite writes null. Never for money. */
void vg_json_num(struct vg_json *j, const char *key, double value, int decimals);
/* Microseconds as seconds with six places, exactly ("1700000000.789000"). */
void vg_json_seconds(struct vg_json *j, const char *key, int64_t us);
/* JSON that is known to be valid (a decimal literal, a stored document), copied as it is. */
void vg_json_raw(struct vg_json *j, const char *key, const char *json);
void vg_json_rawn(struct vg_json *j, const char *key, const char *json, size_t n);

#endif
