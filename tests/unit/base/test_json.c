/* Tests of src/base/json.c and src/base/clock.c: what it writes is read back by an independent parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"

static void writes_what_its_header_shows(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", "pong");
    vg_json_int(&j, "seq", 7);
    vg_json_array(&j, "list");
    vg_json_bool(&j, NULL, true);
    vg_json_str(&j, NULL, NULL);
    vg_json_object(&j, NULL);
    vg_json_end(&j);
    vg_json_raw(&j, NULL, "0.1000000000");
    vg_json_end(&j);
    vg_json_end(&j);
    assert_string_equal(vg_buf_str(&b), "{\"type\":\"pong\",\"seq\":7,\"list\":[true,null,{},0.1000000000]}");
    vg_buf_free(&b);
}

static void numbers_are_numbers_or_null(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_array(&j, NULL);
    vg_json_int(&j, NULL, INT64_MIN);
    vg_json_num(&j, NULL, 1.005, 2);
    vg_json_num(&j, NULL, NAN, 2);
    vg_json_num(&j, NULL, INFINITY, 2);
    vg_json_seconds(&j, NULL, 1700000000789000);
    vg_json_seconds(&j, NULL, -1500000);
    vg_json_seconds(&j, NULL, -1);
    vg_json_seconds(&j, NULL, INT64_MIN);
    vg_json_end(&j);
    assert_string_equal(vg_buf_str(&b), "[-9223372036854775808,1.00,null,null,1700000000.789000,-1.500000,"
                                        "-0.000001,-9223372036854.775808]");
    vg_buf_free(&b);
}

static json_t *read_back(const char *text, size_t n)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_strn(&j, "s", text, n);
    vg_json_end(&j);
    json_error_t e;
    json_t *root = json_loadb(b.data, b.len, JSON_ALLOW_NUL, &e);
    if (!root)
        print_error("%s: %s\n", b.data, e.text);
    vg_buf_free(&b);
    return root;
}

static void broken_utf8_becomes_a_replacement_character(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98\x80 \xd9\x85", "\xf0\x9f\x98\x80 \xd9\x85"},
        {"\"\\b\f\n\r\t\x01\x7f/", "\"\\b\f\n\r\t\x01\x7f/"},
    };
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        json_t *root = read_back(CASES[i].in, strlen(CASES[i].in));
        assert_non_null(root);
        assert_string_equal(json_string_value(json_object_get(root, "s")), CASES[i].out);
        json_decref(root);
    }
}

static void any_bytes_make_valid_json(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        char bytes[40];
        vg_random_bytes(bytes, sizeof bytes);
        json_t *root = read_back(bytes, (size_t)(i % 41));
        assert_non_null(root);
        json_decref(root);
    }
}

static void times_are_iso_8601_in_utc(void **state)
{
    (void)state;
    char out[VG_ISO8601_SIZE];
    assert_string_equal(vg_iso8601(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(vg_iso8601(1704067200000000, out), "2024-01-01T00:00:00.000Z");
    assert_string_equal(vg_iso8601(1709251199999999, out), "2024-02-29T23:59:59.999Z");
    assert_string_equal(vg_iso8601(-1500000, out), "1969-12-31T23:59:58.500Z");
}

static void clocks_run_forward(void **state)
{
    (void)state;
    int64_t last = vg_mono_us(), cpu = vg_thread_cpu_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now = vg_mono_us();
        assert_true(now >= last);
        last = now;
    }
    assert_true(vg_thread_cpu_us() >= cpu);
    assert_true(vg_utc_us() > 1700000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_its_header_shows),
        cmocka_unit_test(numbers_are_numbers_or_null),
        cmocka_unit_test(broken_utf8_becomes_a_replacement_character),
        cmocka_unit_test(any_bytes_make_valid_json),
        cmocka_unit_test(times_are_iso_8601_in_utc),
        cmocka_unit_test(clocks_run_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
