/* Tests of src/base/id.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"

static void new_ids_are_valid_uuid_version_7(void **state)
{
    (void)state;
    char id[VG_ID_SIZE], uuid[VG_UUID_SIZE];
    vg_id_new(id, VG_ID_CALL);
    assert_true(vg_id_valid(id, VG_ID_CALL));
    assert_int_equal(vg_id_to_uuid(uuid, id, VG_ID_CALL), 0);
    assert_int_equal(uuid[14], '7');
    assert_non_null(strchr("89ab", uuid[19]));
}

static void ids_of_a_thread_strictly_increase(void **state)
{
    (void)state;
    char last[VG_ID_SIZE] = "", id[VG_ID_SIZE];
    for (int i = 0; i < 100000; i++) {
        vg_id_new(id, "");
        assert_true(strcmp(id, last) > 0);
        memcpy(last, id, sizeof last);
    }
}

static void an_id_carries_its_time(void **state)
{
    (void)state;
    char id[VG_ID_SIZE], head[13] = "";
    int64_t before_ms = vg_utc_us() / 1000;
    vg_id_new(id, VG_ID_SESSION);
    memcpy(head, id + strlen(VG_ID_SESSION), 12);
    int64_t ms = strtoll(head, NULL, 16);
    /* The test before this one may have run ahead of the clock by some milliseconds. */
    assert_true(ms >= before_ms && ms < before_ms + 1000);
}

static void validity_is_exact(void **state)
{
    (void)state;
    assert_true(vg_id_valid("agt_0123456789abcdef0123456789abcdef", "agt_"));
    assert_false(vg_id_valid("agt_0123456789ABCDEF0123456789abcdef", "agt_"));
    assert_false(vg_id_valid("agt_0123456789abcdef0123456789abcde", "agt_"));
    assert_false(vg_id_valid("agt_0123456789abcdef0123456789abcdef0", "agt_"));
    assert_false(vg_id_valid("tnt_0123456789abcdef0123456789abcdef", "agt_"));
    assert_false(vg_id_valid("", "agt_"));
}

static void every_written_form_gives_the_same_uuid(void **state)
{
    (void)state;
    static const char WANT[] = "01234567-89ab-cdef-0123-456789abcdef";
    static const char *const FORMS[] = {"tnt_0123456789abcdef0123456789abcdef",
                                        "0123456789ABCDEF0123456789abcdef",
                                        "01234567-89AB-cdef-0123-456789abcdef"};
    char uuid[VG_UUID_SIZE], id[VG_ID_SIZE];
    for (size_t i = 0; i < VG_COUNT_OF(FORMS); i++) {
        assert_int_equal(vg_id_to_uuid(uuid, FORMS[i], "tnt_"), 0);
        assert_string_equal(uuid, WANT);
    }
    assert_int_equal(vg_id_from_uuid(id, "tnt_", WANT), 0);
    assert_string_equal(id, FORMS[0]);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "tnt_",
                                      "agt_0123456789abcdef0123456789abcdef",
                                      "0123456789abcdef0123456789abcdeg",
                                      "01234567_89ab-cdef-0123-456789abcdef",
                                      "012345678-9ab-cdef-0123-456789abcdef",
                                      "0123456789abcdef0123456789abcdef0123"};
    char uuid[VG_UUID_SIZE] = "untouched";
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++) {
        assert_int_equal(vg_id_to_uuid(uuid, BAD[i], "tnt_"), VG_EPARSE);
        assert_string_equal(uuid, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_are_valid_uuid_version_7),
        cmocka_unit_test(ids_of_a_thread_strictly_increase),
        cmocka_unit_test(an_id_carries_its_time),
        cmocka_unit_test(validity_is_exact),
        cmocka_unit_test(every_written_form_gives_the_same_uuid),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
