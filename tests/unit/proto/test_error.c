/* proto/error: the list is sound and the error body has the documented shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"

static void every_code_is_unique_found_and_explained(void **state)
{
    (void)state;
    for (int i = 0; i < VG_ERROR_COUNT; i++) {
        const struct vg_error_info *info = vg_error_info((enum vg_error_id)i);
        enum vg_error_id found;
        assert_int_equal(vg_error_find(info->code, &found), 0);
        assert_int_equal(found, i);
        assert_true(strlen(info->help) > 10);
        assert_true(info->http_status == 0 || (info->http_status >= 400 && info->http_status < 600));
        assert_true(info->close_code == 0 || info->fatal);
    }
    enum vg_error_id none;
    assert_int_equal(vg_error_find("NO_SUCH", &none), VG_ENOENT);
}

static void an_error_body_has_the_shape_of_the_contract(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_error_write(&b, VG_ERROR_VALIDATION, "a \"bad\" body", "[{\"field\":\"x\"}]", "req_1");
    assert_string_equal(vg_buf_str(&b),
                        "{\"error\":{\"code\":\"VALIDATION_ERROR\",\"message\":\"a \\\"bad\\\" body\","
                        "\"details\":[{\"field\":\"x\"}],\"requestId\":\"req_1\"}}");
    vg_buf_reset(&b);
    vg_error_write(&b, VG_ERROR_CALL_ENDED, NULL, NULL, "req_2");
    assert_string_equal(vg_buf_str(&b),
                        "{\"error\":{\"code\":\"CALL_ENDED\",\"message\":\"The call has ended.\","
                        "\"details\":null,\"requestId\":\"req_2\"}}");
    vg_buf_free(&b);
}

static void errors_of_functions_become_http_errors(void **state)
{
    (void)state;
    for (int err = 0; err >= VG_ECANCELED; err--)
        assert_true(vg_error_info(vg_error_from_err(err))->http_status >= 400);
    assert_int_equal(vg_error_from_err(VG_ENOENT), VG_ERROR_NOT_FOUND);
    assert_int_equal(vg_error_from_err(VG_EUNAVAIL), VG_ERROR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_unique_found_and_explained),
        cmocka_unit_test(an_error_body_has_the_shape_of_the_contract),
        cmocka_unit_test(errors_of_functions_become_http_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
