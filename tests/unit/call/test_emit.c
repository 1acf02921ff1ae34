/* What the client is told, and in which order (src/call/call_emit.c): nothing final before the spool has it,
 * nothing overtakes, a resuming client gets what it missed. The leg is a list that the test reads. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "call/call_internal.h"
#include "store/spool.h"

enum { HEARD_MAX = 512 };

struct heard {
    enum vg_leg_out_type type;
    uint64_t seq;
    char text[64];
    size_t audio_bytes;
};

struct fixture {
    struct vg_leg leg;
    struct vg_shard shard;
    struct vg_call_spec spec;
    struct vg_call call;
    struct heard heard[HEARD_MAX];
    int count;
};

static void hear(struct vg_leg *leg, const struct vg_leg_out *out)
{
    struct fixture *f = (struct fixture *)(void *)leg;
    VG_ASSERT(f->count < HEARD_MAX);
    struct heard *h = &f->heard[f->count++];
    *h = (struct heard){.type = out->type, .seq = out->seq, .audio_bytes = out->audio_bytes};
    snprintf(h->text, sizeof h->text, "%s", out->text ? out->text : "");
}

static void closed(struct vg_leg *leg, int code, const char *reason)
{
    (void)leg;
    (void)code;
    (void)reason;
}

static const struct vg_leg_ops LEG_OPS = {.channel = "test", .event = hear, .close = closed};
static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.leg.ops = &LEG_OPS;
    f.call.shard = &f.shard; /* one loop for both: NULL */
    f.call.spec = &f.spec;
    f.call.host = host_new(&f.call, &f.leg);
    return f.call.host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    call_outbox_free(&f.call);
    free(f.call.host);
    return 0;
}

static void emit(const char *text)
{
    struct vg_leg_out out = {.type = VG_OUT_TRANSCRIPT_INTERIM, .text = text};
    call_emit(&f.call, &out);
}

static void tell(const char *text)
{
    struct vg_leg_out out = {.type = VG_OUT_TRANSCRIPT_FINAL, .text = text};
    call_tell(&f.call, &out);
}

/* What was heard so far, "a b c". */
static const char *texts(void)
{
    static char text[HEARD_MAX * 8];
    text[0] = 0;
    for (int i = 0; i < f.count; i++) {
        assert_int_equal(f.heard[i].seq, i + 1); /* numbered in the order of leaving */
        strcat(strcat(text, i ? " " : ""), f.heard[i].text);
    }
    return text;
}

static void with_nothing_to_record_all_leaves_at_once(void **state)
{
    (void)state;
    emit("a");
    tell("b");
    emit("c");
    assert_string_equal(texts(), "a b c");
}

static void a_final_waits_for_the_spool_and_what_follows_waits_behind_it(void **state)
{
    (void)state;
    emit("before");
    f.call.recorder.appended = 1;
    tell("final");
    emit("after");
    assert_string_equal(texts(), "before");
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "before");
    f.call.recorder.acked = 1;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "before final after");
    emit("next");
    assert_string_equal(texts(), "before final after next");
}

static void each_final_waits_for_its_own_record_only(void **state)
{
    (void)state;
    f.call.recorder.appended = 1;
    tell("one");
    f.call.recorder.appended = 3;
    tell("three");
    emit("tail");
    f.call.recorder.acked = 1;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "one");
    f.call.recorder.acked = 2;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "one");
    f.call.recorder.acked = 3;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "one three tail");
}

static void a_final_that_the_spool_refuses_is_not_told(void **state)
{
    (void)state;
    f.call.recorder.appended = 2;
    tell("lost");
    emit("after");
    f.call.recorder.acked = 2;
    call_outbox_drop_finals(&f.call);
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "after");
    tell("next");
    assert_string_equal(texts(), "after next");
}

static void a_spool_that_says_nothing_is_not_waited_for_without_end(void **state)
{
    (void)state;
    const int64_t start_us = 1000000;
    f.call.recorder.appended = 2;
    f.call.recorder.waiting_us = start_us;
    tell("lost");
    emit("after");
    call_record_check(&f.call, start_us + VG_SPOOL_DEADLINE_US);
    assert_int_equal(f.count, 0);
    call_record_check(&f.call, start_us + VG_SPOOL_DEADLINE_US + 1);
    assert_int_equal(f.count, 2); /* in the order of the events: what was held, then the error */
    assert_string_equal(f.heard[0].text, "after");
    assert_int_equal(f.heard[1].type, VG_OUT_ERROR);
    assert_int_equal(f.call.recorder.late, 2); /* acknowledgements that are still owed */
    call_record_check(&f.call, start_us + 10 * VG_SPOOL_DEADLINE_US);
    assert_int_equal(f.count, 2);
    emit("next");
    assert_int_equal(f.count, 3);
}

static void a_clear_passes_what_waits(void **state)
{
    (void)state;
    f.call.recorder.appended = 1;
    tell("final");
    struct vg_leg_out clear = {.type = VG_OUT_CLEAR, .text = "clear"};
    call_emit_now(&f.call, &clear);
    f.call.recorder.acked = 1;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "clear final");
}

static void what_waits_keeps_its_own_copy_of_text_and_audio(void **state)
{
    (void)state;
    char text[] = "kept";
    uint8_t audio[] = {1, 2, 3, 4, 5};
    f.call.recorder.appended = 1;
    tell("first");
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .text = text, .audio = audio, .audio_bytes = sizeof audio};
    call_emit(&f.call, &out);
    memset(text, 'x', sizeof text - 1);
    memset(audio, 0, sizeof audio);
    f.call.recorder.acked = 1;
    call_outbox_flush(&f.call);
    assert_string_equal(texts(), "first kept");
    assert_int_equal(f.heard[1].audio_bytes, 5);
}

static void a_resuming_client_gets_the_texts_it_missed_with_their_numbers(void **state)
{
    (void)state;
    tell("one");
    emit("interim");
    tell("two");
    struct vg_leg_out piece = {
        .type = VG_OUT_RESPONSE, .text = "", .audio = (const uint8_t *)"au", .audio_bytes = 2};
    call_emit(&f.call, &piece);
    piece.text = "clause";
    call_emit(&f.call, &piece);
    f.count = 0;
    call_outbox_replay(&f.call, 1);
    assert_int_equal(f.count, 2); /* neither interims nor pieces without text */
    assert_string_equal(f.heard[0].text, "two");
    assert_int_equal(f.heard[0].seq, 3);
    assert_string_equal(f.heard[1].text, "clause");
    assert_int_equal(f.heard[1].seq, 5);
    assert_int_equal(f.heard[1].audio_bytes, 0); /* text, never audio */
    emit("new");
    assert_int_equal(f.heard[2].seq, 6);
}

static void what_is_told_while_nobody_listens_is_replayed(void **state)
{
    (void)state;
    struct vg_leg_host *host = f.call.host;
    f.call.host = NULL;
    tell("missed");
    assert_int_equal(f.count, 0);
    f.call.host = host;
    call_outbox_replay(&f.call, 0);
    assert_string_equal(texts(), "missed");
}

static void the_replay_keeps_the_newest(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * REPLAY_MAX; i++)
        tell("x");
    f.count = 0;
    call_outbox_replay(&f.call, 0);
    assert_int_equal(f.count, REPLAY_MAX);
    for (int i = 0; i < f.count; i++)
        assert_int_equal(f.heard[i].seq, 2 * REPLAY_MAX + 1 + i);
}

static void a_copy_of_ready_stands_alone(void **state)
{
    (void)state;
    char id[] = "call_1", token[] = "token";
    struct vg_leg_ready ready = {.call_id = id, .resume_token = token, .language = "en"};
    struct vg_leg_out out = {.type = VG_OUT_READY, .ready = &ready};
    struct held_out *copy = held_out_new(&out, true);
    assert_non_null(copy);
    memset(id, 'x', sizeof id - 1);
    memset(&ready, 0, sizeof ready);
    const struct vg_leg_ready *r = held_out_get(copy)->ready;
    assert_string_equal(r->call_id, "call_1");
    assert_string_equal(r->resume_token, "token");
    assert_null(r->session_id);
    assert_null(held_out_free(copy));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(with_nothing_to_record_all_leaves_at_once),
        CASE(a_final_waits_for_the_spool_and_what_follows_waits_behind_it),
        CASE(each_final_waits_for_its_own_record_only),
        CASE(a_final_that_the_spool_refuses_is_not_told),
        CASE(a_spool_that_says_nothing_is_not_waited_for_without_end),
        CASE(a_clear_passes_what_waits),
        CASE(what_waits_keeps_its_own_copy_of_text_and_audio),
        CASE(a_resuming_client_gets_the_texts_it_missed_with_their_numbers),
        CASE(what_is_told_while_nobody_listens_is_replayed),
        CASE(the_replay_keeps_the_newest),
        CASE(a_copy_of_ready_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
