/* proto/base64: every length against OpenSSL, both implementations, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "proto/base64.h"
#include "proto/base64_impl.h"

enum { LENGTH_MAX = 700 };

static void fill(uint8_t *data, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (uint8_t)(seed >> 24);
    }
}

static void every_length_encodes_as_openssl_does_and_comes_back(void **state)
{
    (void)state;
    for (size_t n = 0; n <= LENGTH_MAX; n++) {
        uint8_t *data = malloc(n + 1); /* exact, so that the address sanitizer sees a read beyond */
        fill(data, n, (unsigned)n);
        char *text = malloc(VG_BASE64_BOUND(n) + 1), expected[LENGTH_MAX * 2];
        size_t length = vg_base64_encode(text, data, n);
        assert_int_equal(length, EVP_EncodeBlock((unsigned char *)expected, data, (int)n));
        assert_memory_equal(text, expected, length);
        uint8_t *back = malloc(length / 4 * 3 + 32);
        assert_int_equal(vg_base64_decode(back, text, length), n);
        assert_memory_equal(back, data, n);
        free(back);
        free(text);
        free(data);
    }
}

static void every_wrong_character_is_refused_at_every_place(void **state)
{
    (void)state;
    uint8_t data[72], out[128];
    char text[96];
    fill(data, sizeof data, 7);
    assert_int_equal(vg_base64_encode(text, data, sizeof data), sizeof text);
    for (size_t at = 0; at < sizeof text; at++) {
        char good = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            bool inside = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                          c == '+' || c == '/';
            int rc = vg_base64_decode(out, text, sizeof text);
            if (inside)
                assert_int_equal(rc, sizeof data);
            else if (c != '=' || at + 2 < sizeof text) /* '=' may stand at the end, if the bits allow */
                assert_int_equal(rc, VG_EPARSE);
        }
        text[at] = good;
    }
}

static void padding_must_be_complete_at_the_end_and_canonical(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"", "QQ==", "QUI=", "QUJD", "QUJDRA==", "/+/+"};
    static const char *const BAD[] = {"Q",     "QQ",    "QQ=",   "QUI",      "QR==", "QUJ=", "=",
                                      "====",  "QQ==Q", "QQ===", "QQ==QUJD", "Q===", "QQ=Q", "QUI==",
                                      "QUJD=", " QUJD", "QU JD", "QUJD\n",   "QUJ-", "QUJ_", "QQ=\0="};
    uint8_t out[64];
    for (size_t i = 0; i < VG_COUNT_OF(GOOD); i++)
        assert_int_equal(vg_base64_decode(out, GOOD[i], strlen(GOOD[i])),
                         strlen(GOOD[i]) / 4 * 3 - (strchr(GOOD[i], '=') ? strlen(strchr(GOOD[i], '=')) : 0));
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++)
        assert_int_equal(vg_base64_decode(out, BAD[i], strlen(BAD[i])), VG_EPARSE);
}

static void a_stream_cut_anywhere_gives_the_same_bytes(void **state)
{
    (void)state;
    uint8_t data[200], out[400];
    char text[VG_BASE64_BOUND(sizeof data)];
    for (size_t n = 150; n < 153; n++) {
        fill(data, n, 3);
        size_t length = vg_base64_encode(text, data, n);
        for (size_t step = 1; step <= length; step++) {
            struct vg_base64_stream s = {0};
            size_t filled = 0;
            for (size_t i = 0; i < length; i += step) {
                size_t ask = length - i < step ? length - i : step, taken = 0;
                filled += vg_base64_stream_feed(&s, out + filled, text + i, ask, &taken);
                assert_int_equal(taken, ask);
            }
            assert_int_equal(vg_base64_stream_finish(&s), 0);
            assert_int_equal(filled, n);
            assert_memory_equal(out, data, n);
        }
    }
}

static void a_stream_stops_at_a_foreign_character(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t taken = 0;
    struct vg_base64_stream s = {0};
    assert_int_equal(vg_base64_stream_feed(&s, out, "QUJDQU\"}", 8, &taken), 3);
    assert_int_equal(taken, 6);
    assert_int_equal(vg_base64_stream_finish(&s), VG_EPARSE);
}

static void avx2_and_the_table_agree(void **state)
{
    (void)state;
    const struct base64_impl *fast = base64_impl_avx2(), *slow = base64_impl_scalar();
    if (!fast)
        skip();
    char text[256], text_b[400];
    uint8_t a[256], b[256];
    for (unsigned round = 0; round < 20000; round++) {
        fill((uint8_t *)text, sizeof text, round);
        static const char SET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = SET[(unsigned char)text[i] & 63];
        if (round % 3)
            text[round * 7 % sizeof text] = (char)(round >> 4);
        size_t fast_taken = fast->decode_run(a, text, sizeof text);
        size_t slow_taken = slow->decode_run(b, text, sizeof text);
        assert_true(fast_taken <= slow_taken && slow_taken - fast_taken < 32);
        assert_memory_equal(a, b, fast_taken / 4 * 3);
        size_t n = fast->encode_run(text_b, (const uint8_t *)text, sizeof text);
        char text_s[400];
        assert_int_equal(slow->encode_run(text_s, (const uint8_t *)text, n), n);
        assert_memory_equal(text_b, text_s, n / 3 * 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_encodes_as_openssl_does_and_comes_back),
        cmocka_unit_test(every_wrong_character_is_refused_at_every_place),
        cmocka_unit_test(padding_must_be_complete_at_the_end_and_canonical),
        cmocka_unit_test(a_stream_cut_anywhere_gives_the_same_bytes),
        cmocka_unit_test(a_stream_stops_at_a_foreign_character),
        cmocka_unit_test(avx2_and_the_table_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
