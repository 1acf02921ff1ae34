/* Tests of src/bus/rate_window.c: the arithmetic, with time by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "bus/rate.h"

#define SECOND 1000000LL

static struct rate_window window(int64_t elapsed_us, int64_t current, int64_t previous)
{
    return (struct rate_window){.window_us = 60 * SECOND,
                                .elapsed_us = elapsed_us,
                                .current = current,
                                .previous = previous,
                                .limit = 100};
}

static void previous_window_fades_out(void **state)
{
    (void)state;
    struct rate_window w = window(0, 0, 100);
    assert_int_equal(rate_window_room(&w), 0);
    w = window(30 * SECOND, 0, 100);
    assert_int_equal(rate_window_room(&w), 50);
    w = window(30 * SECOND, 20, 100);
    assert_int_equal(rate_window_room(&w), 30);
    w = window(59 * SECOND, 0, 0);
    assert_int_equal(rate_window_room(&w), 100);
}

/* Whatever the counters say: after the wait there is room, and just before there is none. */
static void wait_is_exact(void **state)
{
    (void)state;
    for (int64_t previous = 0; previous <= 150; previous += 10) {
        for (int64_t current = 0; current <= 150; current += 10) {
            struct rate_window w = window(7 * SECOND, current, previous);
            int64_t wait_us = rate_window_wait_us(&w);
            if (wait_us == 0) {
                assert_true(rate_window_room(&w) > 0);
                continue;
            }
            for (int64_t off_us = -1000; off_us <= 1000; off_us += 2000) {
                int64_t at_us = 7 * SECOND + wait_us + off_us;
                struct rate_window then = at_us < 60 * SECOND ? window(at_us, current, previous)
                                                              : window(at_us - 60 * SECOND, 0, current);
                assert_int_equal(rate_window_room(&then) > 0, off_us > 0);
            }
        }
    }
}

static void no_limit_means_no_room(void **state)
{
    (void)state;
    struct rate_window w = window(0, 0, 0);
    w.limit = 0;
    assert_int_equal(rate_window_room(&w), 0);
    assert_true(rate_window_wait_us(&w) > 0);
}

static void bucket_refills_evenly(void **state)
{
    (void)state;
    struct rate_bucket b = {0};
    rate_bucket_turn(&b, 10, 10 * SECOND, SECOND);
    for (int i = 0; i < 10; i++)
        assert_true(rate_bucket_take(&b));
    assert_false(rate_bucket_take(&b));
    assert_in_range(rate_bucket_wait_us(&b), SECOND, SECOND + 1);
    rate_bucket_turn(&b, 10, 10 * SECOND, 3 * SECOND);
    assert_true(rate_bucket_take(&b));
    assert_true(rate_bucket_take(&b));
    assert_false(rate_bucket_take(&b));
    rate_bucket_turn(&b, 10, 10 * SECOND, 100 * SECOND);
    rate_bucket_debit(&b, 9);
    assert_true(rate_bucket_take(&b));
    assert_false(rate_bucket_take(&b));
    rate_bucket_debit(&b, 50);
    assert_in_range(rate_bucket_wait_us(&b), SECOND, SECOND + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(previous_window_fades_out),
        cmocka_unit_test(wait_is_exact),
        cmocka_unit_test(no_limit_means_no_room),
        cmocka_unit_test(bucket_refills_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
