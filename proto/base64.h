/* Base64 (RFC 4648, section 4) at the speed of audio: AVX2 where the processor has it, a 4x256 table else. */
#ifndef VG_PROTO_BASE64_H
#define VG_PROTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VG_BASE64_BOUND(bytes) (((bytes) + 2) / 3 * 4)

/* Encodes with padding; `out` has VG_BASE64_BOUND(n) bytes, no NUL is written. Returns characters written. */
size_t vg_base64_encode(char *out, const void *data, size_t n);
/* Decodes `n` characters (padding allowed at the end only, white space refused). `out` needs n / 4 * 3 bytes
 * + 32. Returns bytes or VG_EPARSE. */
int vg_base64_decode(uint8_t *out, const char *text, size_t n) VG_MUST_CHECK;

/* The same for text that comes in pieces: what has not made a whole quad is carried over. Zero it to start.
 */
struct vg_base64_stream {
    uint32_t bits; /* of the quad that is open, most significant first */
    uint8_t chars; /* in that quad, 0..3 */
    bool pad_due;  /* the first of two '=' has come */
    bool closed;   /* padding has come: nothing may follow */
};
/* Decodes up to the first character that may not stand where it does (a foreign one, or padding out of place)
 * and tells how many it took. `out` needs (n / 4 + 1) * 3 bytes + 32. Returns bytes. */
size_t vg_base64_stream_feed(struct vg_base64_stream *s, uint8_t *out, const char *text, size_t n,
                             size_t *taken);
/* 0 if the text may end here, else VG_EPARSE. */
int vg_base64_stream_finish(const struct vg_base64_stream *s) VG_MUST_CHECK;

#endif
