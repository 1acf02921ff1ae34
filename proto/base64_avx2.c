/* Base64 with AVX2: 32 characters (24 bytes) at a time, chosen at run time by base64.c.
 *
 * Source of the method: W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions",
 * ACM Transactions on the Web 12(3), 2018. */
#include "proto/base64_impl.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Both 128-bit lanes look the same thing up. */
#define TWICE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* Characters to sextets; false if one is outside the alphabet. A character is in it if no bit is set in both
 * of what its high and its low nibble look up; '/' is told from '+' by itself. */
AVX2 static inline int translate_in(__m256i *chars)
{
    const __m256i low =
        TWICE(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m256i high =
        TWICE(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    const __m256i shift = TWICE(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i slash = _mm256_set1_epi8('/'); /* 0x2f: also the mask of a nibble for a look-up */
    __m256i high_nibbles = _mm256_and_si256(_mm256_srli_epi32(*chars, 4), slash);
    __m256i low_nibbles = _mm256_and_si256(*chars, slash);
    if (!_mm256_testz_si256(_mm256_shuffle_epi8(low, low_nibbles), _mm256_shuffle_epi8(high, high_nibbles)))
        return 0;
    __m256i is_slash = _mm256_cmpeq_epi8(*chars, slash);
    __m256i by = _mm256_shuffle_epi8(shift, _mm256_add_epi8(is_slash, high_nibbles));
    *chars = _mm256_add_epi8(*chars, by);
    return 1;
}

AVX2 static size_t decode_run_avx2(uint8_t *out, const char *text, size_t n)
{
    const __m256i order = TWICE(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        if (!translate_in(&v))
            break;
        v = _mm256_maddubs_epi16(v, _mm256_set1_epi32(0x01400140)); /* pairs of sextets: 12 bits each */
        v = _mm256_madd_epi16(v, _mm256_set1_epi32(0x00011000));    /* quads: 24 bits each */
        v = _mm256_shuffle_epi8(v, order);
        v = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        _mm256_storeu_si256((__m256i *)(void *)out, v); /* 24 bytes and 8 that are overwritten */
        out += 24;
    }
    return i;
}

/* Sextets to characters: which of five ranges a sextet is in says what to add. */
AVX2 static inline __m256i translate_out(__m256i sextets)
{
    const __m256i offset = TWICE('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                 '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    __m256i range = _mm256_subs_epu8(sextets, _mm256_set1_epi8(51));
    __m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), sextets);
    range = _mm256_or_si256(range, _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));
    return _mm256_add_epi8(_mm256_shuffle_epi8(offset, range), sextets);
}

AVX2 static size_t encode_run_avx2(char *out, const uint8_t *data, size_t n)
{
    const __m256i spread = TWICE(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    size_t i = 0;
    for (; i + 28 <= n; i += 24) { /* the second load reads 4 bytes beyond the 24 */
        __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(data + i));
        __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(data + i + 12));
        __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
        v = _mm256_shuffle_epi8(v, spread);
        __m256i odd = _mm256_and_si256(v, _mm256_set1_epi32(0x0fc0fc00));
        __m256i even = _mm256_and_si256(v, _mm256_set1_epi32(0x003f03f0));
        odd = _mm256_mulhi_epu16(odd, _mm256_set1_epi32(0x04000040));
        even = _mm256_mullo_epi16(even, _mm256_set1_epi32(0x01000010));
        _mm256_storeu_si256((__m256i *)(void *)out, translate_out(_mm256_or_si256(odd, even)));
        out += 32;
    }
    return i;
}

const struct base64_impl *base64_impl_avx2(void)
{
    static const struct base64_impl IMPL = {"avx2", decode_run_avx2, encode_run_avx2};
    return __builtin_cpu_supports("avx2") ? &IMPL : NULL;
}

#else

const struct base64_impl *base64_impl_avx2(void)
{
    return NULL;
}

#endif
