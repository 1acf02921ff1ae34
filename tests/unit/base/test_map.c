/* Tests of src/base/map.c, most of all random operations against a model that cannot be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"

enum { KEYS = 300, STEPS = 200000 };

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void key_of(unsigned n, char out[16])
{
    snprintf(out, 16, "key-%u", n);
}

/* Every entry of the map is in the model and the other way round. */
static void compare(const struct vg_map *m, char *const model[KEYS])
{
    size_t cursor = 0, walked = 0, expected = 0;
    const char *key;
    void *value;
    while ((value = vg_map_next(m, &cursor, &key))) {
        unsigned n = (unsigned)strtoul(key + 4, NULL, 10);
        assert_in_range(n, 0, KEYS - 1);
        assert_ptr_equal(value, model[n]);
        walked++;
    }
    for (unsigned n = 0; n < KEYS; n++) {
        char text[16];
        key_of(n, text);
        assert_ptr_equal(vg_map_get(m, text), model[n]);
        expected += model[n] != NULL;
    }
    assert_int_equal(walked, expected);
    assert_int_equal(vg_map_count(m), expected);
}

static void agrees_with_a_model_after_any_operations(void **state)
{
    (void)state;
    static char values[64];
    for (uint32_t seed = 1; seed <= 3; seed++) {
        uint32_t r = seed * 2654435761u;
        struct vg_map *m = vg_map_new();
        char *model[KEYS] = {0};
        for (int step = 0; step < STEPS; step++) {
            unsigned n = next_random(&r) % KEYS;
            char key[16];
            key_of(n, key);
            switch (next_random(&r) % 3) {
            case 0: {
                char *value = &values[next_random(&r) % sizeof values];
                assert_int_equal(vg_map_put(m, key, value), 0);
                model[n] = value;
                break;
            }
            case 1:
                assert_ptr_equal(vg_map_remove(m, key), model[n]);
                model[n] = NULL;
                break;
            default: assert_ptr_equal(vg_map_get(m, key), model[n]);
            }
            if (step % 10000 == 0)
                compare(m, model);
        }
        compare(m, model);
        assert_null(vg_map_free(m));
    }
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct vg_map *m = vg_map_new();
    size_t cursor = 0;
    assert_null(vg_map_get(m, "x"));
    assert_null(vg_map_remove(m, "x"));
    assert_null(vg_map_next(m, &cursor, NULL));
    assert_int_equal(vg_map_count(m), 0);
    vg_map_free(m);
    assert_null(vg_map_free(NULL));
}

static void keys_are_copied(void **state)
{
    (void)state;
    struct vg_map *m = vg_map_new();
    char key[8] = "abc";
    int value;
    assert_int_equal(vg_map_put(m, key, &value), 0);
    key[0] = 'z';
    assert_ptr_equal(vg_map_get(m, "abc"), &value);
    assert_null(vg_map_get(m, "zbc"));
    vg_map_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model_after_any_operations),
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(keys_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
