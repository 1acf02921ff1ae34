/* Tests of src/base/buf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"

static void an_empty_buffer_reads_as_empty_text(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    assert_string_equal(vg_buf_str(&b), "");
    char *text = vg_buf_take(&b);
    assert_string_equal(text, "");
    free(text);
    vg_buf_free(&b);
}

static void is_terminated_after_every_append(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    for (unsigned i = 0; i < 2000; i++) {
        vg_buf_putc(&b, (char)('a' + i % 26));
        assert_int_equal(b.len, i + 1);
        assert_int_equal(b.data[b.len], 0);
        assert_true(b.cap > b.len);
    }
    vg_buf_free(&b);
    assert_null(b.data);
}

static void takes_bytes_and_formats(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_add(&b, "a\0b", 3);
    vg_buf_puts(&b, "-");
    vg_buf_printf(&b, "%d/%s", 42, "x");
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "a\0b-42/x", 9);
    vg_buf_free(&b);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_puts(&b, "something");
    const char *data = b.data;
    vg_buf_reset(&b);
    assert_string_equal(vg_buf_str(&b), "");
    vg_buf_puts(&b, "else");
    assert_ptr_equal(b.data, data);
    vg_buf_free(&b);
}

static void a_failed_buffer_takes_nothing_more(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_puts(&b, "kept");
    b.failed = true;
    vg_buf_puts(&b, "lost");
    vg_buf_printf(&b, "%d", 1);
    assert_string_equal(vg_buf_str(&b), "kept");
    assert_null(vg_buf_take(&b));
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_empty_text),
        cmocka_unit_test(is_terminated_after_every_append),
        cmocka_unit_test(takes_bytes_and_formats),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(a_failed_buffer_takes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
