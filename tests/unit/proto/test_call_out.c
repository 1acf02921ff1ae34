/* Tests of proto/call_out.c: what every surface shows of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/call_out.h"

static const struct vg_call_out ENDED = {
    .call_id = "call_1",
    .session_id = "ses_1",
    .tenant_id = "tnt_1",
    .user_id = "a \"user\"",
    .agent_id = "agt_1",
    .status = "ended",
    .direction = "inbound",
    .channel = "websocket",
    .language = "en",
    .voice_id = "voice",
    .started_at_us = 1700000000000001,
    .answered_at_us = 1700000001000000,
    .ended_at_us = 1700000003500000,
    .duration_us = 2500000,
    .end_reason = "client_ended",
    .turns = 3,
    .metadata = "{\"a\":1}",
};

static void an_ended_call_shows_all_of_it(void **state)
{
    (void)state;
    struct vg_buf b = VG_BUF_INIT;
    vg_call_out_write(&b, &ENDED);
    assert_string_equal(vg_buf_str(&b),
                        "{\"call_id\":\"call_1\",\"session_id\":\"ses_1\",\"tenant_id\":\"tnt_1\","
                        "\"user_id\":\"a \\\"user\\\"\",\"agent_id\":\"agt_1\",\"status\":\"ended\","
                        "\"direction\":\"inbound\",\"channel\":\"websocket\",\"language\":\"en\","
                        "\"voice_id\":\"voice\",\"started_at\":1700000000.000001,"
                        "\"answered_at\":1700000001.000000,\"ended_at\":1700000003.500000,"
                        "\"duration_seconds\":2.500000,\"end_reason\":\"client_ended\",\"turns\":3,"
                        "\"metadata\":{\"a\":1}}");
    vg_buf_free(&b);
}

static void what_there_is_not_is_null_and_goes_between_other_members(void **state)
{
    (void)state;
    struct vg_call_out c = ENDED;
    struct vg_buf b = VG_BUF_INIT;
    c.user_id = c.agent_id = c.end_reason = c.metadata = "";
    c.answered_at_us = c.ended_at_us = c.duration_us = 0;
    c.status = "ready";
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_int(&j, "v", 1);
    vg_call_out_members(&j, &c);
    vg_json_int(&j, "more", 2);
    vg_json_end(&j);
    assert_string_equal(vg_buf_str(&b),
                        "{\"v\":1,\"call_id\":\"call_1\",\"session_id\":\"ses_1\",\"tenant_id\":\"tnt_1\","
                        "\"user_id\":null,\"agent_id\":null,\"status\":\"ready\",\"direction\":\"inbound\","
                        "\"channel\":\"websocket\",\"language\":\"en\",\"voice_id\":\"voice\","
                        "\"started_at\":1700000000.000001,\"answered_at\":null,\"ended_at\":null,"
                        "\"duration_seconds\":0.000000,\"end_reason\":null,\"turns\":3,\"metadata\":{},"
                        "\"more\":2}");
    vg_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ended_call_shows_all_of_it),
        cmocka_unit_test(what_there_is_not_is_null_and_goes_between_other_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
