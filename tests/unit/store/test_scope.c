/* Tests of src/store/scope.c: words to bits and back, for tokens and for the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/scope.h"

static uint32_t parsed(const char *text, bool known)
{
    uint32_t scopes = 12345;
    assert_int_equal(vg_scopes_parse(text, &scopes), known);
    return scopes;
}

static void words_become_bits(void **state)
{
    (void)state;
    assert_int_equal(parsed("calls", true), VG_SCOPE_CALLS);
    assert_int_equal(parsed("calls,usage:read desk", true),
                     VG_SCOPE_CALLS | VG_SCOPE_USAGE_READ | VG_SCOPE_DESK);
    assert_int_equal(parsed("agents, admin,", true), VG_SCOPE_AGENTS | VG_SCOPE_ADMIN);
    assert_int_equal(parsed(NULL, true), 0);
    assert_int_equal(parsed("", true), 0);
}

static void words_that_are_no_scopes_are_told_and_left_out(void **state)
{
    (void)state;
    assert_int_equal(parsed("adm admins ADMIN call usage", false), 0); /* words, not beginnings */
    assert_int_equal(parsed("root calls", false), VG_SCOPE_CALLS);
    assert_int_equal(parsed("calls root", false), VG_SCOPE_CALLS);
}

static void every_set_of_bits_comes_back(void **state)
{
    (void)state;
    static const char *const SEPARATORS[] = {" ", ",", ", "};
    for (uint32_t scopes = 0; scopes < 192; scopes++) {
        struct vg_buf b = VG_BUF_INIT;
        vg_scopes_write(&b, scopes & 63, SEPARATORS[scopes / 64]);
        assert_int_equal(parsed(vg_buf_str(&b), true), scopes & 63);
        vg_buf_free(&b);
    }
}

static void help_texts_name_exactly_these(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_scopes_write(&b, UINT32_MAX, ", ");
    assert_string_equal(vg_buf_str(&b), VG_SCOPE_NAMES);
    vg_buf_free(&b);
    assert_int_equal(parsed(VG_SCOPE_NAMES, true), VG_SCOPES_TENANT | VG_SCOPE_ADMIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_bits),
        cmocka_unit_test(words_that_are_no_scopes_are_told_and_left_out),
        cmocka_unit_test(every_set_of_bits_comes_back),
        cmocka_unit_test(help_texts_name_exactly_these),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
