/* Matching of paths and methods (src/api/routes.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/exchange.h"
#include "proto/rest_in.h"

static char params[PARAMS_MAX][PARAM_SIZE];
static bool known;

static const char *pattern_of(const char *method, const char *path)
{
    const struct route *r = route_find(method, path, params, &known);
    return r ? r->path : NULL;
}

static void a_fixed_path_fits_itself_alone(void **state)
{
    (void)state;
    assert_string_equal(pattern_of("GET", "/health"), "/health");
    assert_string_equal(pattern_of("GET", "/"), "/");
    static const char *const UNKNOWN[] = {"/health/", "/healthz/x", "/Health",      "",
                                          "//",       "/callx",     "/call/start/x"};
    for (size_t i = 0; i < VG_COUNT_OF(UNKNOWN); i++) {
        assert_null(pattern_of("GET", UNKNOWN[i]));
        assert_false(known);
    }
}

static void segments_in_braces_are_parameters(void **state)
{
    (void)state;
    assert_string_equal(pattern_of("GET", "/call/call_123"), "/call/{id}");
    assert_string_equal(params[0], "call_123");
    assert_string_equal(pattern_of("POST", "/call/call_9/end"), "/call/{id}/end");
    assert_string_equal(params[0], "call_9");
    assert_null(pattern_of("POST", "/call//end"));
    assert_null(pattern_of("GET", "/call/"));
}

static void a_literal_path_comes_before_a_parameter(void **state)
{
    (void)state;
    assert_string_equal(pattern_of("POST", "/call/start"), "/call/start");
    assert_string_equal(pattern_of("GET", "/call/start"), "/call/{id}");
}

static void a_parameter_has_a_bound(void **state)
{
    (void)state;
    char path[300] = "/call/";
    memset(path + 6, 'a', PARAM_SIZE - 1);
    assert_non_null(pattern_of("GET", path));
    path[6 + PARAM_SIZE - 1] = 'a';
    assert_null(pattern_of("GET", path));
    assert_false(known);
}

static void another_method_of_a_known_path_is_told_from_an_unknown_path(void **state)
{
    (void)state;
    assert_null(pattern_of("DELETE", "/call/call_1"));
    assert_true(known);
    struct vg_buf b = VG_BUF_INIT;
    route_allowed("/ingest/doc_1", &b);
    assert_string_equal(vg_buf_str(&b), "GET, DELETE");
    vg_buf_free(&b);
    route_allowed("/nowhere", &b);
    assert_string_equal(vg_buf_str(&b), "");
}

static void bodies_are_bounded_by_their_route(void **state)
{
    (void)state;
    assert_int_equal(route_body_limit("POST", "/ingest"), VG_REST_INGEST_BYTES_MAX);
    assert_int_equal(route_body_limit("POST", "/call/start"), VG_REST_BODY_BYTES_MAX);
    assert_int_equal(route_body_limit("POST", "/nowhere"), VG_REST_BODY_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_path_fits_itself_alone),
        cmocka_unit_test(segments_in_braces_are_parameters),
        cmocka_unit_test(a_literal_path_comes_before_a_parameter),
        cmocka_unit_test(a_parameter_has_a_bound),
        cmocka_unit_test(another_method_of_a_known_path_is_told_from_an_unknown_path),
        cmocka_unit_test(bodies_are_bounded_by_their_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
