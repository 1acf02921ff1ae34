/* The one way JSON comes in: a table per type says which fields there are, and binding fills a struct from
 * it.
 *
 *     static const struct vg_bind_field FIELDS[] = {
 *         {.name = "query", .kind = VG_BIND_STRING, .offset = offsetof(struct q, query), .required = true,
 *          .min = 1, .max = 2000, .help = "what to look for"},
 *         {.name = "top_k", .kind = VG_BIND_INT, .offset = offsetof(struct q, top_k), .min = 1, .max = 20},
 *     };
 *
 * Absent fields (null counts as absent) keep what the struct had, so defaults are set before. Unknown fields
 * are ignored. Every fault becomes a line {field, message} of the details. Pure; any thread. */
#ifndef VG_PROTO_BIND_H
#define VG_PROTO_BIND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    VG_BIND_DEPTH_MAX = 16,   /* nested objects and arrays in what a client sends */
    VG_BIND_DETAILS_MAX = 16, /* faults told at once; further ones are dropped */
};

enum vg_bind_kind {                     /* type of the struct's member */
                    VG_BIND_STRING,     /* const char *, borrowed from the json_t */
                    VG_BIND_INT,        /* int64_t */
                    VG_BIND_NUMBER,     /* double */
                    VG_BIND_BOOL,       /* bool */
                    VG_BIND_OBJECT,     /* json_t *, borrowed */
                    VG_BIND_ARRAY,      /* json_t *, borrowed */
                    VG_BIND_ENUM,       /* int: index into `values` */
                    VG_BIND_ENUM_ARRAY, /* unsigned: bit i is set if values[i] is in the array */
};

struct vg_bind_field {
    const char *name;
    enum vg_bind_kind kind;
    size_t offset; /* of the member, as its kind says */
    bool required;
    /* Range of a number, of a string's bytes, of an array's elements, of an object's members; both 0: any. */
    int64_t min, max;
    const char *const *values; /* ENUM, ENUM_ARRAY: up to a NULL, at most 32 */
    const char *help;          /* for people */
};

struct vg_bind_detail {
    char field[64]; /* "audio.in.rate" */
    char message[640]; /* room for a list of what is known */
};

struct vg_bind_details {
    struct vg_bind_detail list[VG_BIND_DETAILS_MAX];
    int count;
};

/* Reads one JSON object. Errors: VG_EPARSE (not JSON, not an object, a key twice, nested too deeply; details
 * say where), VG_ENOMEM. The caller owns `*out` and frees it by json_decref. */
int vg_bind_parse(json_t **out, const char *text, size_t bytes,
                  struct vg_bind_details *details) VG_MUST_CHECK;

/* Fills `target` from `object`. `path` ("audio.in", or NULL) goes before the names in details. Returns 0 or
 * VG_EINVAL with `details` added to; then `target` is filled only in part. */
int vg_bind(void *target, const json_t *object, const struct vg_bind_field *fields, size_t count,
            const char *path, struct vg_bind_details *details) VG_MUST_CHECK;

/* Adds a fault of a check that a table cannot say. */
void vg_bind_fault(struct vg_bind_details *details, const char *path, const char *field, const char *format,
                   ...) VG_PRINTF(4, 5);
/* [{"field":..,"message":..},..] */
void vg_bind_details_write(struct vg_buf *out, const struct vg_bind_details *details);

#endif
