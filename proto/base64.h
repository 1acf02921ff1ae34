/* Base64 (RFC 4648, section 4) at the speed of audio: AVX2 where the processor has it, a 4x256 table else. */
#ifndef VG_PROTO_BASE64_H
#define VG_PROTO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VG_BASE64_BOUND(bytes) (((bytes) + 2) / 3 * 4)

/* Encodes with padding; `out` has VG_BASE64_BOUND(n) bytes, no NUL is written. Returns characters written. */
size_t vg_base64_encode(char *out, const void *data, size_t n);
/* Decodes `n` characters (padding allowed at the end only, white space refused). `out` needs n / 4 * 3 bytes + 32.
 * Returns bytes or VG_EPARSE. */
int vg_base64_decode(uint8_t *out, const char *text, size_t n) VG_MUST_CHECK;

#endif
