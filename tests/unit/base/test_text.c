/* Tests of src/base/text.c. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"

static void numbers_are_written_as_printf_writes_them(void **state)
{
    (void)state;
    static const int64_t VALUES[] = {0, 1, 9, 10, 99, 100, -1, -10, 4294967295, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < VG_COUNT_OF(VALUES); i++) {
        char text[VG_TEXT_INT_SIZE], expected[VG_TEXT_INT_SIZE];
        int n = snprintf(expected, sizeof expected, "%" PRId64, VALUES[i]);
        assert_int_equal(vg_text_int(text, VALUES[i]), n);
        assert_string_equal(text, expected);
    }
}

static void what_does_not_fit_is_cut_and_terminated(void **state)
{
    (void)state;
    char text[6];
    memset(text, 'x', sizeof text);
    assert_int_equal(vg_text_copy(text, sizeof text, "abc"), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(vg_text_copy(text, sizeof text, "abcdefgh"), 5);
    assert_string_equal(text, "abcde");
    assert_int_equal(vg_text_copy(text, 1, "abc"), 0);
    assert_string_equal(text, "");
    assert_int_equal(vg_text_copy(text, sizeof text, NULL), 0);
    assert_string_equal(text, "");
    assert_int_equal(vg_text_join(text, sizeof text, (const char *[]){"ab", "", "cd", NULL}), 4);
    assert_string_equal(text, "abcd");
    assert_int_equal(vg_text_join(text, sizeof text, (const char *[]){"ab", "cdef", "gh", NULL}), 5);
    assert_string_equal(text, "abcde");
    assert_int_equal(vg_text_join(text, sizeof text, (const char *[]){NULL}), 0);
    assert_string_equal(text, "");
}

static void bytes_become_lower_case_hex(void **state)
{
    (void)state;
    char text[9];
    vg_text_hex(text, "\x00\x0f\xa5\xff", 4);
    assert_string_equal(text, "000fa5ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_printf_writes_them),
        cmocka_unit_test(what_does_not_fit_is_cut_and_terminated),
        cmocka_unit_test(bytes_become_lower_case_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
