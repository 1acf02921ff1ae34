/* Tests of src/obs/traceparent.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "obs/trace.h"

#define TRACE "5b8efff798038103d269b633813fc60c"
#define SPAN  "eee19b7ec3c1b174"

static void reads_what_it_writes(void **state)
{
    (void)state;
    struct vg_span_context ctx;
    char text[VG_TRACEPARENT_SIZE];
    assert_int_equal(vg_traceparent_parse("00-" TRACE "-" SPAN "-01", &ctx), VG_OK);
    assert_true(ctx.sampled);
    assert_int_equal(ctx.trace_id[0], 0x5b);
    assert_int_equal(ctx.span_id[7], 0x74);
    vg_traceparent_write(&ctx, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-01");
}

static void only_the_sampled_bit_of_the_flags_counts(void **state)
{
    (void)state;
    struct vg_span_context ctx;
    char text[VG_TRACEPARENT_SIZE];
    assert_int_equal(vg_traceparent_parse("00-" TRACE "-" SPAN "-fe", &ctx), VG_OK);
    assert_false(ctx.sampled);
    vg_traceparent_write(&ctx, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-00");
}

static void later_versions_are_read_as_far_as_known(void **state)
{
    (void)state;
    struct vg_span_context ctx;
    assert_int_equal(vg_traceparent_parse("01-" TRACE "-" SPAN "-01", &ctx), VG_OK);
    assert_int_equal(vg_traceparent_parse("cc-" TRACE "-" SPAN "-01-what-ever", &ctx), VG_OK);
    assert_int_equal(vg_traceparent_parse("cc-" TRACE "-" SPAN "-01.what", &ctx), VG_EPARSE);
}

static void refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-011",
        "ff-" TRACE "-" SPAN "-01",
        "0x-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-0g",
        "00-5B8EFFF798038103D269B633813FC60C-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00_" TRACE "_" SPAN "_01",
        " 00-" TRACE "-" SPAN "-01",
    };
    struct vg_span_context ctx = {.sampled = true};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++)
        assert_int_equal(vg_traceparent_parse(bad[i], &ctx), VG_EPARSE);
    assert_int_equal(vg_traceparent_parse(NULL, &ctx), VG_EPARSE);
    assert_true(ctx.sampled); /* written only on success */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(only_the_sampled_bit_of_the_flags_counts),
        cmocka_unit_test(later_versions_are_read_as_far_as_known),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
