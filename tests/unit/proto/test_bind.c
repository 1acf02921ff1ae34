/* proto/bind: what each kind takes, and that every fault is told by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bind.h"

struct sample {
    const char *name;
    int64_t count;
    double ratio;
    bool on;
    json_t *object, *array;
    int colour;
    unsigned colours;
};

static const char *const COLOURS[] = {"red", "green", "blue", NULL};
static const struct vg_bind_field FIELDS[] = {
    {.name = "name",
     .kind = VG_BIND_STRING,
     .offset = offsetof(struct sample, name),
     .required = true,
     .min = 1,
     .max = 5},
    {.name = "count", .kind = VG_BIND_INT, .offset = offsetof(struct sample, count), .min = 1, .max = 20},
    {.name = "ratio", .kind = VG_BIND_NUMBER, .offset = offsetof(struct sample, ratio), .min = 0, .max = 1},
    {.name = "on", .kind = VG_BIND_BOOL, .offset = offsetof(struct sample, on)},
    {.name = "object", .kind = VG_BIND_OBJECT, .offset = offsetof(struct sample, object), .max = 2},
    {.name = "array", .kind = VG_BIND_ARRAY, .offset = offsetof(struct sample, array), .max = 2},
    {.name = "colour", .kind = VG_BIND_ENUM, .offset = offsetof(struct sample, colour), .values = COLOURS},
    {.name = "colours",
     .kind = VG_BIND_ENUM_ARRAY,
     .offset = offsetof(struct sample, colours),
     .values = COLOURS},
};

/* Binds `text`; returns what vg_bind said, with the details written as JSON. */
static int bind_text(struct sample *s, const char *text, struct vg_buf *told)
{
    struct vg_bind_details details = {0};
    json_t *json = NULL;
    int rc = vg_bind_parse(&json, text, strlen(text), &details);
    if (rc == 0)
        rc = vg_bind(s, json, FIELDS, VG_COUNT_OF(FIELDS), NULL, &details);
    vg_buf_reset(told);
    vg_bind_details_write(told, &details);
    json_decref(json);
    return rc;
}

static void good_values_fill_the_struct(void **state)
{
    (void)state;
    struct sample s = {.count = 3};
    struct vg_buf told = VG_BUF_INIT;
    assert_int_equal(
        bind_text(&s,
                  "{\"name\":\"abc\",\"count\":20,\"ratio\":0.5,\"on\":true,\"object\":{\"a\":1},"
                  "\"array\":[1],\"colour\":\"blue\",\"colours\":[\"red\",\"blue\"],\"more\":1}",
                  &told),
        0);
    assert_int_equal(s.count, 20);
    assert_true(s.ratio > 0.49 && s.ratio < 0.51 && s.on);
    assert_int_equal(s.colour, 2);
    assert_int_equal(s.colours, 5);
    assert_string_equal(vg_buf_str(&told), "[]");
    vg_buf_free(&told);
}

static void absent_and_null_fields_keep_their_defaults(void **state)
{
    (void)state;
    struct sample s = {.count = 3, .colour = 1};
    struct vg_buf told = VG_BUF_INIT;
    assert_int_equal(bind_text(&s, "{\"name\":\"abc\",\"count\":null}", &told), 0);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.colour, 1);
    vg_buf_free(&told);
}

static void every_fault_is_told_with_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } CASES[] = {
        {"{}", "[{\"field\":\"name\",\"message\":\"is required\"}]"},
        {"{\"name\":null}", "[{\"field\":\"name\",\"message\":\"is required\"}]"},
        {"{\"name\":7}", "[{\"field\":\"name\",\"message\":\"must be a string\"}]"},
        {"{\"name\":\"\"}", "[{\"field\":\"name\",\"message\":\"must not be empty\"}]"},
        {"{\"name\":\"abcdef\"}", "[{\"field\":\"name\",\"message\":\"must have at most 5 bytes\"}]"},
        {"{\"name\":\"a\",\"count\":\"1\"}",
         "[{\"field\":\"count\",\"message\":\"must be a whole number\"}]"},
        {"{\"name\":\"a\",\"count\":1.5}", "[{\"field\":\"count\",\"message\":\"must be a whole number\"}]"},
        {"{\"name\":\"a\",\"count\":1e300}",
         "[{\"field\":\"count\",\"message\":\"must be a whole number\"}]"},
        {"{\"name\":\"a\",\"count\":0}", "[{\"field\":\"count\",\"message\":\"must be from 1 to 20\"}]"},
        {"{\"name\":\"a\",\"ratio\":2}", "[{\"field\":\"ratio\",\"message\":\"must be from 0 to 1\"}]"},
        {"{\"name\":\"a\",\"ratio\":[]}", "[{\"field\":\"ratio\",\"message\":\"must be a number\"}]"},
        {"{\"name\":\"a\",\"on\":1}", "[{\"field\":\"on\",\"message\":\"must be true or false\"}]"},
        {"{\"name\":\"a\",\"object\":[]}", "[{\"field\":\"object\",\"message\":\"must be an object\"}]"},
        {"{\"name\":\"a\",\"array\":[1,2,3]}",
         "[{\"field\":\"array\",\"message\":\"must have at most 2 elements\"}]"},
        {"{\"name\":\"a\",\"colour\":\"pink\"}",
         "[{\"field\":\"colour\",\"message\":\"must be one of: red, green, blue\"}]"},
        {"{\"name\":\"a\",\"colours\":[\"red\",1]}",
         "[{\"field\":\"colours\",\"message\":\"must be an array of: red, green, blue\"}]"},
        {"{\"count\":0,\"on\":3}",
         "[{\"field\":\"name\",\"message\":\"is required\"},{\"field\":\"count\",\"message\":"
         "\"must be from 1 to 20\"},{\"field\":\"on\",\"message\":\"must be true or false\"}]"},
    };
    struct vg_buf told = VG_BUF_INIT;
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        struct sample s = {0};
        assert_int_equal(bind_text(&s, CASES[i].text, &told), VG_EINVAL);
        assert_string_equal(vg_buf_str(&told), CASES[i].told);
    }
    vg_buf_free(&told);
}

static void what_is_not_one_sound_object_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        " ",
        "[]",
        "7",
        "\"x\"",
        "null",
        "{",
        "{\"a\":1}}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\xff\"}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1,}",
        "{\"a\":\"\n\"}",
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]}",
    };
    struct vg_buf told = VG_BUF_INIT;
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++) {
        struct sample s = {0};
        assert_int_equal(bind_text(&s, BAD[i], &told), VG_EPARSE);
        assert_non_null(strstr(vg_buf_str(&told), "{\"field\":\"\",\"message\":\"is n"));
    }
    vg_buf_free(&told);
}

static void more_faults_than_fit_are_dropped(void **state)
{
    (void)state;
    struct vg_bind_details details = {0};
    for (int i = 0; i < 3 * VG_BIND_DETAILS_MAX; i++)
        vg_bind_fault(&details, "path", "field", "%d", i);
    assert_int_equal(details.count, VG_BIND_DETAILS_MAX);
    assert_string_equal(details.list[0].field, "path.field");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_fill_the_struct),
        cmocka_unit_test(absent_and_null_fields_keep_their_defaults),
        cmocka_unit_test(every_fault_is_told_with_its_field),
        cmocka_unit_test(what_is_not_one_sound_object_is_refused),
        cmocka_unit_test(more_faults_than_fit_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
