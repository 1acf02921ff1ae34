/* The fake network against a host of the test: numbers, the order of events, the line, who hangs up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "audio/block.h"
#include "net/loop.h"
#include "telephony/fake.h"
#include "telephony/list.h"

#define TENANT "tnt_00000000000070008000000000000001"
#define OTHER  "tnt_00000000000070008000000000000002"
#define NUMBER "num_00000000000070008000000000000001"
#define DID    "+97142000000"

/* The core of the test: answers what it is told to, and counts. */
struct core {
    struct vg_loop *loop;
    struct vg_telephony *network;
    char events[64]; /* one letter an event: i r a e f */
    int refuse_initiated, refuse_answered;
    struct vg_leg *leg;
    size_t samples;
    double energy;
    char keys[16], end_reason[32];
    bool over;
    enum vg_telephony_event_type last;
    size_t heard_samples;
};

static int host_audio(struct vg_leg_host *h, const int16_t *pcm, size_t samples, int64_t arrival_us)
{
    struct core *core = (struct core *)(void *)h;
    (void)arrival_us;
    core->samples += samples;
    for (size_t i = 0; i < samples; i++)
        core->energy += (double)pcm[i] * pcm[i];
    return 0;
}

static size_t host_space(struct vg_leg_host *h)
{
    (void)h;
    return SIZE_MAX;
}

static void host_chunk(struct vg_leg_host *h, int64_t length_us)
{
    (void)h;
    (void)length_us;
}

static void host_message(struct vg_leg_host *h, const struct vg_leg_in *in)
{
    struct core *core = (struct core *)(void *)h;
    if (in->type == VG_IN_DTMF)
        strncat(core->keys, &in->digit, 1);
    if (in->type == VG_IN_END) {
        snprintf(core->end_reason, sizeof core->end_reason, "%s", in->text);
        struct vg_leg *leg = core->leg;
        core->leg = NULL;
        leg->ops->close(leg, 1000, "bye");
    }
}

static void host_gone(struct vg_leg_host *h, const char *why)
{
    (void)why;
    ((struct core *)(void *)h)->leg = NULL;
}

static const struct vg_leg_host_ops HOST_OPS = {.audio = host_audio,
                                                .space = host_space,
                                                .chunk = host_chunk,
                                                .message = host_message,
                                                .gone = host_gone};

static int on_event(void *arg, const struct vg_telephony_event *event, struct vg_leg *leg)
{
    struct core *core = arg;
    strncat(core->events, &"iraef"[event->type], 1);
    assert_string_equal(event->call.tenant_id, TENANT);
    assert_string_equal(event->call.phone_number_id, NUMBER);
    assert_string_equal(event->call.called_number, DID);
    assert_true(event->timestamp_us > 0);
    assert_true((leg != NULL) == (event->type == VG_TEL_ANSWERED));
    if (event->type == VG_TEL_INITIATED)
        return core->refuse_initiated;
    if (event->type != VG_TEL_ANSWERED)
        return 0;
    if (core->refuse_answered)
        return core->refuse_answered;
    core->leg = leg;
    leg->host = (struct vg_leg_host *)(void *)core;
    leg->host_ops = &HOST_OPS;
    return 0;
}

static void on_over(void *arg, const struct vg_fake_result *result)
{
    struct core *core = arg;
    core->over = true;
    core->last = result->last;
    core->heard_samples = result->heard_samples;
    vg_loop_stop(core->loop);
}

static void start(struct core *core)
{
    *core = (struct core){.loop = vg_loop_new("test")};
    struct vg_telephony_host host = {.event = on_event, .host_arg = core};
    assert_int_equal(vg_telephony_fake.open(&core->network, core->loop, &host), 0);
    assert_int_equal(vg_telephony_fake.register_number(core->network, TENANT, NUMBER, DID), 0);
}

static void stop(struct core *core)
{
    vg_telephony_fake.close(core->network);
    vg_loop_free(core->loop);
}

static struct vg_fake_script script_of(struct core *core)
{
    return (struct vg_fake_script){.caller_number = "+971501234567",
                                   .ring_us = 10000,
                                   .hang_up_us = 300000,
                                   .over = on_over,
                                   .arg = core};
}

static void a_number_belongs_to_one_tenant(void **state)
{
    struct core core;
    (void)state;
    start(&core);
    const struct vg_telephony_ops *ops = &vg_telephony_fake;
    assert_int_equal(ops->register_number(core.network, OTHER, NUMBER, DID), VG_EEXIST);
    assert_int_equal(ops->register_number(core.network, TENANT, NUMBER, DID), 0);
    assert_int_equal(ops->register_number(core.network, TENANT, NUMBER, "12345"), VG_EINVAL);
    assert_int_equal(ops->unregister_number(core.network, OTHER, NUMBER, DID), VG_ENOENT);
    assert_int_equal(ops->unregister_number(core.network, TENANT, NUMBER, DID), 0);
    struct vg_fake_script script = script_of(&core);
    assert_int_equal(vg_fake_dial(core.network, DID, &script), VG_ENOENT);
    stop(&core);
}

static void a_call_rings_is_answered_speaks_and_hangs_up(void **state)
{
    struct core core;
    int16_t tone[3200];
    (void)state;
    for (size_t i = 0; i < VG_COUNT_OF(tone); i++)
        tone[i] = (int16_t)(8000 * sin((double)i * 0.3));
    start(&core);
    struct vg_fake_script script = script_of(&core);
    struct vg_fake_key keys[] = {{.at_us = 50000, .digit = '4'}, {.at_us = 120000, .digit = '#'}};
    script.pcm = tone;
    script.samples = VG_COUNT_OF(tone);
    script.keys = keys;
    script.key_count = VG_COUNT_OF(keys);
    assert_int_equal(vg_fake_dial(core.network, DID, &script), 0);
    assert_int_equal(vg_fake_calls(core.network), 1);
    vg_loop_run(core.loop);
    assert_string_equal(core.events, "irae");
    assert_string_equal(core.keys, "4#");
    assert_string_equal(core.end_reason, "caller_hung_up");
    assert_true(core.samples > 4000 && core.samples < 6400); /* 0.3 s, all of them paced */
    assert_true(core.energy > 3200 * 8000.0 * 8000.0 / 4);   /* the tone came through the line */
    assert_int_equal(vg_fake_calls(core.network), 0);
    stop(&core);
}

static void what_the_host_refuses_fails(void **state)
{
    struct core core;
    (void)state;
    start(&core);
    struct vg_fake_script script = script_of(&core);
    core.refuse_initiated = VG_ENOENT;
    assert_int_equal(vg_fake_dial(core.network, DID, &script), VG_ENOENT);
    assert_string_equal(core.events, "i");
    core.refuse_initiated = 0;
    core.refuse_answered = VG_ECAPACITY;
    assert_int_equal(vg_fake_dial(core.network, DID, &script), 0);
    vg_loop_run(core.loop);
    assert_string_equal(core.events, "iiraf");
    assert_int_equal(core.last, VG_TEL_FAILED);
    stop(&core);
}

/* The core sends one second of reply and clears it after a while. */
static void send_reply(void *arg)
{
    struct core *core = arg;
    uint8_t silence[160];
    memset(silence, 0xFF, sizeof silence);
    struct vg_leg_out out = {.type = VG_OUT_AUDIO, .audio = silence, .audio_bytes = sizeof silence};
    for (int i = 0; core->leg && i < 50; i++)
        core->leg->ops->event(core->leg, &out);
}

static void send_clear(void *arg)
{
    struct core *core = arg;
    struct vg_leg_out out = {.type = VG_OUT_CLEAR};
    if (core->leg)
        core->leg->ops->event(core->leg, &out);
}

static void what_was_cleared_is_not_heard(void **state)
{
    struct core core;
    (void)state;
    start(&core);
    struct vg_fake_script script = script_of(&core);
    script.ring_us = 0;
    struct vg_timer *reply = vg_timer_new(core.loop, send_reply, &core);
    struct vg_timer *clear = vg_timer_new(core.loop, send_clear, &core);
    vg_timer_start(reply, 50000, 0);
    vg_timer_start(clear, 200000, 0);
    assert_int_equal(vg_fake_dial(core.network, DID, &script), 0);
    vg_loop_run(core.loop);
    assert_true(core.heard_samples > 800 && core.heard_samples < 4800); /* about 150 ms of the second */
    vg_timer_free(reply);
    vg_timer_free(clear);
    stop(&core);
}

static void the_core_may_end_the_call(void **state)
{
    struct core core;
    (void)state;
    start(&core);
    struct vg_fake_script script = script_of(&core);
    script.hang_up_us = 0;
    script.ring_us = 0;
    assert_int_equal(vg_fake_dial(core.network, DID, &script), 0);
    struct vg_timer *end = vg_timer_new(core.loop, send_clear, &core);
    vg_timer_start(end, 30000, 0);
    while (!core.leg && !core.over) {
        struct vg_timer *tick = vg_timer_new(core.loop, (vg_timer_fn)(void *)vg_loop_stop, core.loop);
        vg_timer_start(tick, 10000, 0);
        vg_loop_run(core.loop);
        vg_timer_free(tick);
    }
    core.leg->ops->close(core.leg, 1001, "draining");
    vg_loop_run(core.loop);
    assert_true(core.over);
    assert_int_equal(core.last, VG_TEL_ENDED);
    vg_timer_free(end);
    stop(&core);
}

static void closing_the_network_drops_its_calls(void **state)
{
    struct core core;
    (void)state;
    start(&core);
    struct vg_fake_script script = script_of(&core);
    assert_int_equal(vg_fake_dial(core.network, DID, &script), 0);
    stop(&core);
    assert_false(core.over);
    assert_string_equal(core.events, "irf");
}

static void the_list_names_each_adapter_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < vg_telephony_list_count; i++) {
        assert_non_null(vg_telephony_list[i]->open);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(vg_telephony_list[i]->name, vg_telephony_list[k]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_belongs_to_one_tenant),
        cmocka_unit_test(a_call_rings_is_answered_speaks_and_hangs_up),
        cmocka_unit_test(what_the_host_refuses_fails),
        cmocka_unit_test(what_was_cleared_is_not_heard),
        cmocka_unit_test(the_core_may_end_the_call),
        cmocka_unit_test(closing_the_network_drops_its_calls),
        cmocka_unit_test(the_list_names_each_adapter_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
