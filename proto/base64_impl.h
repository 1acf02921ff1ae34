/* The two ways to run base64, inside proto/ and for its tests and benchmark: both give the same bytes. */
#ifndef VG_PROTO_BASE64_IMPL_H
#define VG_PROTO_BASE64_IMPL_H

#include <stddef.h>
#include <stdint.h>

struct base64_impl {
    const char *name;
    /* Decodes whole quads until one has a character outside the alphabet or fewer than 4 are left; returns
     * characters taken. `out` needs n / 4 * 3 bytes + 32. */
    size_t (*decode_run)(uint8_t *out, const char *text, size_t n);
    /* Encodes as many whole groups of 3 bytes as it likes, none included; returns bytes taken. */
    size_t (*encode_run)(char *out, const uint8_t *data, size_t n);
};

const struct base64_impl *base64_impl_scalar(void);
/* NULL where the processor (or the architecture) has no AVX2. */
const struct base64_impl *base64_impl_avx2(void);

#endif
