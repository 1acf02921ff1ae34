/* Tests of src/bus/events.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/events.h"

static void payload_is_a_call_event(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_event_write(&b, VG_EVENT_BARGE_IN, "call_1", 1700000000789000, "{\"played_ms\":120}");
    assert_string_equal(vg_buf_str(&b),
                        "{\"event_type\":\"barge_in\",\"call_id\":\"call_1\",\"timestamp\":1700000000."
                        "789000,\"data\":{\"played_ms\":120}}");
    vg_buf_reset(&b);
    vg_event_write(&b, VG_EVENT_INGEST_QUEUED, NULL, 1000000, NULL);
    assert_string_equal(
        vg_buf_str(&b),
        "{\"event_type\":\"ingest.queued\",\"call_id\":null,\"timestamp\":1.000000,\"data\":{}}");
    vg_buf_free(&b);
}

static void call_channels_end_in_the_id(void **state)
{
    (void)state;
    char channel[VG_CHANNEL_SIZE];
    assert_string_equal(vg_channel_of_call(channel, VG_EVENT_TRANSCRIPT, "call_0192"),
                        "transcript:call_0192");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_is_a_call_event),
        cmocka_unit_test(call_channels_end_in_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
