/* Hashes, randomness and base64url; see crypto.h. */
#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

enum { POOL_BYTES = 512 };

void vg_random_bytes(void *out, size_t n)
{
    static _Thread_local uint8_t pool[POOL_BYTES];
    static _Thread_local size_t left;
    uint8_t *p = out;
    while (n > 0) {
        if (left == 0) {
            VG_ASSERT(getrandom(pool, POOL_BYTES, 0) == POOL_BYTES);
            left = POOL_BYTES;
        }
        size_t take = n < left ? n : left;
        uint8_t *from = pool + POOL_BYTES - left;
        memcpy(p, from, take);
        memset(from, 0, take); /* a pool byte is handed out once */
        left -= take;
        p += take;
        n -= take;
    }
}

void vg_sha256(const void *data, size_t n, uint8_t out[VG_SHA256_SIZE])
{
    SHA256(data, n, out);
}

void vg_sha256_hex(const void *data, size_t n, char out[VG_SHA256_HEX_SIZE])
{
    uint8_t digest[VG_SHA256_SIZE];
    vg_sha256(data, n, digest);
    vg_text_hex(out, digest, sizeof digest);
}

void vg_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t n,
                    uint8_t out[VG_SHA256_SIZE])
{
    unsigned size = VG_SHA256_SIZE;
    HMAC(EVP_sha256(), key, (int)key_bytes, data, n, out, &size);
}

bool vg_equal_const_time(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    return a_bytes == b_bytes && CRYPTO_memcmp(a, b, a_bytes) == 0;
}

static const char URL64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int vg_base64url_encode(char *out, size_t cap, const void *data, size_t n)
{
    size_t need = n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
    if (need + 1 > cap)
        return VG_ETOOBIG;
    const uint8_t *p = data;
    char *q = out;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v =
            (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (have > 2 ? p[i + 2] : 0);
        for (size_t k = 0; k <= have; k++)
            *q++ = URL64[v >> (18 - 6 * k) & 63];
    }
    *q = 0;
    return (int)need;
}

static int url64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int vg_base64url_decode(uint8_t *out, size_t cap, const char *text, size_t n)
{
    if (n % 4 == 1)
        return VG_EPARSE;
    size_t bytes = n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0);
    if (bytes > cap)
        return VG_ETOOBIG;
    uint32_t acc = 0;
    int bits = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        int v = url64_value(text[i]);
        if (v < 0)
            return VG_EPARSE;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[k++] = (uint8_t)(acc >> bits);
        }
    }
    if (acc & ((1u << bits) - 1))
        return VG_EPARSE; /* bits that no encoder would leave set */
    return (int)k;
}
