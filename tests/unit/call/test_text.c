/* The reply as text (src/call/call_text.c) and the running context of a handoff (src/call/call_history.c). */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "call/call_internal.h"

static struct vg_call call;
static struct clause clauses[4];

/* Two clauses of a second each, the second synthesised but only queued if `queued`. */
static void two_clauses(bool queued)
{
    memset(&call, 0, sizeof call);
    memset(clauses, 0, sizeof clauses);
    static char first[] = "The rover is on its way: ", second[] = "it goes forward ten meters.";
    clauses[0] = (struct clause){.text = first, .start_us = 0, .length_us = 1000000, .queued = true};
    clauses[1] = (struct clause){.text = second, .start_us = 1000000, .length_us = 1000000, .queued = queued};
    call.reply.clauses = clauses;
    call.reply.count = 2;
}

static void heard(int64_t played_us, const char *want)
{
    char *text = reply_heard_text(&call, played_us);
    assert_string_equal(text, want);
    free(text);
}

static void what_was_heard_is_cut_between_words(void **state)
{
    (void)state;
    two_clauses(true);
    heard(0, "");
    heard(10000, "");
    heard(200000, "The");
    heard(500000, "The rover is");
    heard(1000000, "The rover is on its way: ");
    heard(1500000, "The rover is on its way: it goes");
    heard(2000000, "The rover is on its way: it goes forward ten meters.");
    heard(9000000, "The rover is on its way: it goes forward ten meters.");
}

static void a_clause_that_was_not_queued_was_not_heard(void **state)
{
    (void)state;
    two_clauses(false);
    heard(9000000, "The rover is on its way: ");
}

static void words_of_any_script_stay_whole(void **state)
{
    (void)state;
    static char arabic[] = "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 \xd8\xa8\xd9\x83"; /* two words */
    memset(&call, 0, sizeof call);
    clauses[0] = (struct clause){.text = arabic, .length_us = 1000000, .queued = true};
    call.reply.clauses = clauses;
    call.reply.count = 1;
    for (int64_t at = 0; at < 1000000; at += 10000) {
        char *text = reply_heard_text(&call, at);
        assert_true(!*text || strcmp(text, "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7") == 0);
        free(text);
    }
}

static void the_history_keeps_the_newest_and_the_transcript_all(void **state)
{
    (void)state;
    memset(&call, 0, sizeof call);
    assert_string_equal(call_transcript_json(&call), "[]");
    for (int i = 0; i < HISTORY_MAX + 3; i++) {
        char text[16];
        snprintf(text, sizeof text, "n%d", i);
        history_add(&call, i & 1 ? VG_LLM_ASSISTANT : VG_LLM_USER, text);
        if (i == 1) /* reading does not disturb writing */
            assert_string_equal(call_transcript_json(&call), "[\"caller: n0\",\"agent: n1\"]");
    }
    assert_int_equal(call.history_count, HISTORY_MAX);
    assert_string_equal(call.history[0].text, "n3");
    assert_non_null(strstr(call_transcript_json(&call), "\"caller: n0\",\"agent: n1\",\"caller: n2\""));
    history_free(&call);
}

static void intents_are_told_without_repeats_in_a_row(void **state)
{
    (void)state;
    memset(&call, 0, sizeof call);
    assert_string_equal(call_intents_json(&call), "[]");
    assert_string_equal(call_sentiment(&call), "neutral");
    static const char *const INTENTS[] = {"greeting", "question", "question", "", NULL, "greeting"};
    for (size_t i = 0; i < VG_COUNT_OF(INTENTS); i++)
        history_note_intent(&call, INTENTS[i], -0.5);
    assert_string_equal(call_intents_json(&call), "[\"greeting\",\"question\",\"greeting\"]");
    assert_string_equal(call_sentiment(&call), "negative");
    history_free(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_heard_is_cut_between_words),
        cmocka_unit_test(a_clause_that_was_not_queued_was_not_heard),
        cmocka_unit_test(words_of_any_script_stay_whole),
        cmocka_unit_test(the_history_keeps_the_newest_and_the_transcript_all),
        cmocka_unit_test(intents_are_told_without_repeats_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
