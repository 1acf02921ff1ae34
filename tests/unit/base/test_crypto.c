/* Tests of src/base/crypto.c, with the published vectors of SHA-256 (FIPS 180-4), HMAC (RFC 4231) and
 * base64url (RFC 4648, RFC 7515). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/crypto.h"

static void hashes_as_published(void **state)
{
    (void)state;
    char hex[VG_SHA256_HEX_SIZE];
    vg_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    vg_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void authenticates_as_published(void **state)
{
    (void)state;
    static const uint8_t WANT[VG_SHA256_SIZE] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                                 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                                 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                                 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t mac[VG_SHA256_SIZE];
    vg_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    assert_memory_equal(mac, WANT, sizeof WANT);
}

static void compares_content_and_length(void **state)
{
    (void)state;
    assert_true(vg_equal_const_time("abc", 3, "abc", 3));
    assert_false(vg_equal_const_time("abc", 3, "abd", 3));
    assert_false(vg_equal_const_time("abc", 3, "ab", 2));
    assert_true(vg_equal_const_time("", 0, "", 0));
}

static void base64url_has_no_padding_and_its_own_letters(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } CASES[] = {{"", 0, ""},
                 {"f", 1, "Zg"},
                 {"fo", 2, "Zm8"},
                 {"foo", 3, "Zm9v"},
                 {"foob", 4, "Zm9vYg"},
                 {"fooba", 5, "Zm9vYmE"},
                 {"\xff\xff\xfe", 3, "___-"},
                 {"\xfb\xff", 2, "-_8"}};
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        char text[16];
        uint8_t back[16];
        int n = vg_base64url_encode(text, sizeof text, CASES[i].bytes, CASES[i].n);
        assert_string_equal(text, CASES[i].text);
        assert_int_equal(n, strlen(CASES[i].text));
        assert_int_equal(vg_base64url_decode(back, sizeof back, text, (size_t)n), CASES[i].n);
        assert_memory_equal(back, CASES[i].bytes, CASES[i].n);
    }
}

static void base64url_goes_there_and_back(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        uint8_t bytes[300], back[300];
        char text[401];
        vg_random_bytes(bytes, n);
        int length = vg_base64url_encode(text, sizeof text, bytes, n);
        assert_true(length >= 0);
        assert_int_equal(vg_base64url_decode(back, sizeof back, text, (size_t)length), n);
        assert_memory_equal(back, bytes, n);
    }
}

static void base64url_refuses_what_no_encoder_writes(void **state)
{
    (void)state;
    static const char *const BAD[] = {"A", "Zg==", "Zg=", "Zm9+", "Zm9/", "Zm 9", "Zh", "Zm9", "Zm9vA"};
    uint8_t out[16];
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++)
        assert_int_equal(vg_base64url_decode(out, sizeof out, BAD[i], strlen(BAD[i])), VG_EPARSE);
}

static void base64url_keeps_to_its_bounds(void **state)
{
    (void)state;
    char text[4];
    uint8_t out[2];
    assert_int_equal(vg_base64url_encode(text, 4, "foo", 3), VG_ETOOBIG);
    assert_int_equal(vg_base64url_encode(text, 4, "fo", 2), 3);
    assert_int_equal(vg_base64url_decode(out, sizeof out, "Zm9v", 4), VG_ETOOBIG);
}

static void random_bytes_do_not_repeat(void **state)
{
    (void)state;
    enum { N = 500 };
    static uint8_t seen[N][16];
    for (size_t i = 0; i < N; i++) {
        vg_random_bytes(seen[i], sizeof seen[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(seen[i], seen[k], sizeof seen[i]);
    }
    uint8_t many[5000] = {0};
    vg_random_bytes(many, sizeof many); /* more than the pool */
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof many; i++)
        zeros += many[i] == 0;
    assert_in_range(zeros, 1, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_published),
        cmocka_unit_test(authenticates_as_published),
        cmocka_unit_test(compares_content_and_length),
        cmocka_unit_test(base64url_has_no_padding_and_its_own_letters),
        cmocka_unit_test(base64url_goes_there_and_back),
        cmocka_unit_test(base64url_refuses_what_no_encoder_writes),
        cmocka_unit_test(base64url_keeps_to_its_bounds),
        cmocka_unit_test(random_bytes_do_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
