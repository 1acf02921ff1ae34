/* Both implementations of base64, and the stream cut where the first byte says, must agree on any text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/base64_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_runs(const char *text, size_t n, uint8_t *a, uint8_t *b)
{
    const struct base64_impl *fast = base64_impl_avx2(), *slow = base64_impl_scalar();
    if (!fast)
        return;
    size_t fast_taken = fast->decode_run(a, text, n), slow_taken = slow->decode_run(b, text, n);
    VG_ASSERT(fast_taken <= slow_taken && slow_taken - fast_taken < 32);
    VG_ASSERT(memcmp(a, b, fast_taken / 4 * 3) == 0);
}

/* Decodes in pieces of `step` characters; returns as vg_base64_decode does. */
static int decode_pieces(uint8_t *out, const char *text, size_t n, size_t step)
{
    struct vg_base64_stream s = {0};
    int bytes = 0;
    for (size_t at = 0; at < n; at += step) {
        size_t ask = n - at < step ? n - at : step, taken = 0;
        size_t got = vg_base64_stream_feed(&s, out + bytes, text + at, ask, &taken);
        if (taken < ask)
            return VG_EPARSE;
        bytes += (int)got;
    }
    return vg_base64_stream_finish(&s) ? VG_EPARSE : bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n = size - 1, step = 1 + data[0] % 64;
    char *text = malloc(n + 1), *again = malloc(VG_BASE64_BOUND(n) + 1);
    uint8_t *a = calloc(1, n + 64), *b = calloc(1, n + 64);
    VG_ASSERT(text && again && a && b);
    memcpy(text, data + 1, n);
    compare_runs(text, n, a, b);
    int whole = vg_base64_decode(a, text, n);
    VG_ASSERT(decode_pieces(b, text, n, step) == whole);
    if (whole >= 0) { /* strict: what is decoded has one spelling */
        VG_ASSERT(memcmp(a, b, (size_t)whole) == 0);
        VG_ASSERT(vg_base64_encode(again, a, (size_t)whole) == n && memcmp(again, text, n) == 0);
    }
    size_t length = vg_base64_encode(again, data + 1, n); /* and any bytes come back */
    uint8_t *back = malloc(length / 4 * 3 + 32);
    VG_ASSERT(back && vg_base64_decode(back, again, length) == (int)n && memcmp(back, data + 1, n) == 0);
    free(back);
    free(b);
    free(a);
    free(again);
    free(text);
    return 0;
}
