/* The clause splitter: where it cuts, where it must not, and that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/clause.h"

struct heard {
    char speech[8192]; /* clauses joined by '|' */
    char text[8192];   /* put together again */
    size_t text_bytes;
    unsigned count;
    size_t longest;
};

static void hear(void *arg, const char *text, size_t text_bytes, const char *speech, size_t speech_bytes)
{
    struct heard *h = arg;
    assert_int_equal(strlen(speech), speech_bytes);
    if (speech_bytes) {
        if (h->speech[0])
            strcat(h->speech, "|");
        strcat(h->speech, speech);
        h->count++;
    }
    memcpy(h->text + h->text_bytes, text, text_bytes);
    h->text_bytes += text_bytes;
    if (text_bytes > h->longest)
        h->longest = text_bytes;
}

/* Feeds `text` in pieces of `step` bytes. */
static void split(struct heard *h, const char *text, size_t step)
{
    struct vg_clause c;
    size_t bytes = strlen(text);
    memset(h, 0, sizeof *h);
    vg_clause_init(&c, hear, h);
    for (size_t i = 0; i < bytes; i += step)
        vg_clause_feed(&c, text + i, bytes - i < step ? bytes - i : step);
    vg_clause_finish(&c);
    assert_int_equal(h->text_bytes, bytes);
    assert_memory_equal(h->text, text, bytes);
    assert_true(h->longest <= VG_CLAUSE_MAX_BYTES);
}

/* However the text comes in, the clauses are these. */
static void check(const char *text, const char *clauses)
{
    struct heard h;
    for (size_t step = 1; step <= strlen(text) + 1; step += step < 8 ? 1 : 7) {
        split(&h, text, step);
        assert_string_equal(h.speech, clauses);
    }
}

static void sentences_are_clauses(void **state)
{
    (void)state;
    check("Hello there. How can I help you today?", "Hello there.|How can I help you today?");
    check("Yes. I can certainly do that for you. Please wait a moment!",
          "Yes.|I can certainly do that for you.|Please wait a moment!");
    check("One line here\nand another line here", "One line here|and another line here");
    check("He said \"stop right there.\" Then he left the room.",
          "He said \"stop right there.\"|Then he left the room.");
    check("", "");
}

static void short_sentences_after_the_first_stay_together(void **state)
{
    (void)state;
    check("Hello. Yes. No. Maybe so, I cannot tell.", "Hello.|Yes. No. Maybe so, I cannot tell.");
}

static void numbers_times_and_addresses_are_not_cut(void **state)
{
    (void)state;
    check("It costs 3.14 dollars and 1,000 points.", "It costs 3.14 dollars and 1,000 points.");
    check("We open at 9:30 and close at 18:00 daily.", "We open at 9:30 and close at 18:00 daily.");
    check("Write to help.desk@example.co.uk or see https://www.example.com/a.b?c=d.e for more.",
          "Write to help.desk@example.co.uk or see example.com/a.b?c=d.e for more.");
    check("Version 2.0.1 is out.", "Version 2.0.1 is out.");
}

static void abbreviations_do_not_end_a_sentence(void **state)
{
    (void)state;
    check("Please ask Dr. Smith or Mrs. J. Jones e.g. tomorrow.",
          "Please ask Dr. Smith or Mrs. J. Jones e.g. tomorrow.");
    check("We close at 5 p.m. on weekdays and never else.", "We close at 5 p.m. on weekdays and never else.");
    check("We close at 5 p.m. Please come back tomorrow morning.",
          "We close at 5 p.m.|Please come back tomorrow morning.");
    check("Your ticket is No. 17 today.", "Your ticket is No. 17 today.");
    check("I am afraid not. No. That is all I know about it.",
          "I am afraid not.|No. That is all I know about it.");
    check("1. Open the box. 2. Take it out of the box.", "1. Open the box.|2. Take it out of the box.");
}

static void long_text_before_a_comma_is_a_clause(void **state)
{
    (void)state;
    check("If you have bought it in our shop, you can bring it back within thirty days to any of our shops "
          "in the "
          "country, and we will pay the price back.",
          "If you have bought it in our shop,|you can bring it back within thirty days to any of our shops "
          "in the "
          "country,|and we will pay the price back.");
}

static void arabic_and_chinese_punctuation_counts(void **state)
{
    (void)state;
    check("مرحبا بك. كيف يمكنني مساعدتك اليوم؟ شكرا جزيلا لك على اتصالك بنا.",
          "مرحبا بك.|كيف يمكنني مساعدتك اليوم؟|شكرا جزيلا لك على اتصالك بنا.");
    check("إذا اشتريت المنتج من متجرنا، يمكنك إعادته.", "إذا اشتريت المنتج من متجرنا،|يمكنك إعادته.");
    check("你好。今天天气很好我们去公园吧。", "你好。|今天天气很好我们去公园吧。");
}

static void markdown_and_emoji_are_not_spoken(void **state)
{
    (void)state;
    check("**Sure!** \xf0\x9f\x98\x80 Here is `the code` for the job.",
          "Sure!|Here is the code for the job.");
    check("# Opening hours\n- Monday to Friday\n- Saturday and Sunday",
          "Opening hours|Monday to Friday Saturday and Sunday");
    check("See [our page](https://example.com/x) for it.", "See our page for it.");
    check("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "");
    check("snake_case and __bold__ words", "snake case and bold words");
}

static void text_without_an_end_is_cut_at_a_blank(void **state)
{
    (void)state;
    char text[2001];
    struct heard h;
    for (size_t i = 0; i < 2000; i++)
        text[i] = i % 7 == 6 ? ' ' : 'a';
    text[2000] = 0;
    split(&h, text, 11);
    assert_true(h.count >= 7);
    for (const char *p = h.speech; (p = strchr(p, '|')); p++)
        assert_true(p[-1] == 'a' && p[1] == 'a');
    assert_true(strchr(h.speech, '|') - h.speech <= VG_CLAUSE_FIRST_MAX_BYTES);
    memset(text, 'a', 2000);
    split(&h, text, 2000);
    assert_true(h.count >= 7);
    for (size_t i = 0; i < 2000; i++)
        text[i] = "\xd8\xb9"[i % 2];
    split(&h, text, 3);
    size_t n = 0;
    for (const char *p = h.speech; *p; p++)
        n += *p != '|';
    assert_int_equal(n, 2000); /* no letter was torn apart */
}

static void clauses_come_out_as_soon_as_they_are_complete(void **state)
{
    (void)state;
    struct heard h = {0};
    struct vg_clause c;
    vg_clause_init(&c, hear, &h);
    vg_clause_feed(&c, "Hello there.", 12);
    assert_int_equal(h.count, 0);
    vg_clause_feed(&c, " H", 2);
    assert_int_equal(h.count, 1);
    vg_clause_finish(&c);
    assert_int_equal(h.count, 2);
    /* ... and the splitter is ready for another reply. */
    vg_clause_feed(&c, "Yes. And", 8);
    assert_int_equal(h.count, 3);
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    static char bytes[4096];
    static const char alphabet[] = "a. ,\n!*_`[](1#-\xd8\x9f\xe2\x80\xf0\x9f\x98\x80\xff\x01";
    struct heard h;
    srand(7);
    for (int round = 0; round < 300; round++) {
        size_t n = (size_t)(rand() % 4000);
        for (size_t i = 0; i < n; i++)
            bytes[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        bytes[n] = 0;
        split(&h, bytes, 1 + (size_t)(rand() % 64));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_clauses),
        cmocka_unit_test(short_sentences_after_the_first_stay_together),
        cmocka_unit_test(numbers_times_and_addresses_are_not_cut),
        cmocka_unit_test(abbreviations_do_not_end_a_sentence),
        cmocka_unit_test(long_text_before_a_comma_is_a_clause),
        cmocka_unit_test(arabic_and_chinese_punctuation_counts),
        cmocka_unit_test(markdown_and_emoji_are_not_spoken),
        cmocka_unit_test(text_without_an_end_is_cut_at_a_blank),
        cmocka_unit_test(clauses_come_out_as_soon_as_they_are_complete),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
