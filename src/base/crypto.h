/* The few cryptographic primitives that several rooms need, over OpenSSL's libcrypto. Any thread. */
#ifndef VG_BASE_CRYPTO_H
#define VG_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { VG_SHA256_SIZE = 32, VG_SHA256_HEX_SIZE = 65 };

/* Fills `out` with `n` random bytes from a per-thread pool of the kernel's generator. Ends the process if the
 * kernel has none to give. */
void vg_random_bytes(void *out, size_t n);

void vg_sha256(const void *data, size_t n, uint8_t out[VG_SHA256_SIZE]);
void vg_sha256_hex(const void *data, size_t n, char out[VG_SHA256_HEX_SIZE]);
void vg_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t n,
                    uint8_t out[VG_SHA256_SIZE]);

/* Compares in time that depends on the lengths alone. */
bool vg_equal_const_time(const void *a, size_t a_bytes, const void *b, size_t b_bytes);

/* base64url without padding (RFC 4648, section 5). `cap` includes the NUL; returns the length without it,
 * VG_ETOOBIG if it does not fit. */
int vg_base64url_encode(char *out, size_t cap, const void *data, size_t n) VG_MUST_CHECK;

/* The reverse; padding is refused. Returns the number of bytes, VG_EPARSE or VG_ETOOBIG. */
int vg_base64url_decode(uint8_t *out, size_t cap, const char *text, size_t n) VG_MUST_CHECK;

#endif
