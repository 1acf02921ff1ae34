/* The rules and lexicons of the built-in answers: what is heard as what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/llm/answers.h"
#include "provider/llm/intents.h"
#include "provider/llm/sentiment.h"

static const char *intent(const char *text)
{
    struct plain p;
    plain_from(&p, text);
    return intent_of(&p);
}

static const char *digit(const char *text)
{
    struct plain p;
    plain_from(&p, text);
    return intent_digit(&p);
}

static void digit_is_one_whatever_it_is_written_in(void **state)
{
    (void)state;
    static const char *const said[][4] = {
        {"0", "zero", "صفر", "٠"},        {"1", "one", "واحد", "واحدة"},  {"2", "Two.", "اثنان", "اثنين"},
        {"3", "three", "ثلاثة", "٣"},     {"4", "four", "أربعة", "أربع"}, {"5", "five", "خمسة", "خَمْسَة"},
        {"6", "six", "ستة", "٦"},         {"7", "seven", "سبعة", "سبع"},  {"8", "eight", "ثمانية", "ثماني"},
        {"9", "nine", "تسعة", "يا تسعة"},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        for (int k = 0; k < 4; k++)
            assert_string_equal(digit(said[i][k]), said[i][0]);
    assert_null(digit(""));
    assert_null(digit("please"));
    assert_null(digit("55"));
    assert_null(digit("one one"));
    assert_null(digit("سبعين"));
}

static void intents_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *said, *intent;
    } cases[] = {
        {"Hello!", "greeting"},
        {"um hi there", "greeting"},
        {"good morning sir", "greeting"},
        {"hello what are your opening hours", "question"},
        {"helo", "greeting"},
        {"good evening how are you", "greeting"},
        {"goodbye", "goodbye"},
        {"good by", "goodbye"},
        {"that is all thank you", "goodbye"},
        {"ok thanks bye bye", "goodbye"},
        {"thanks", "thanks"},
        {"ثلاثة", "digit"},
        {"صِفْر", "digit"},
        {"5", "digit"},
        {"٥", "digit"},
        {"um seven please", "digit"},
        {"seven oranges", "question"},
        {"one two", "question"},
        {"أيوه", "affirmation"},
        {"نعم", "affirmation"},
        {"لا", "rejection"},
        {"thank you so much", "thanks"},
        {"thanks but when do you open on sunday mornings", "question"},
        {"yes", "affirmation"},
        {"yes please", "affirmation"},
        {"okay sure", "affirmation"},
        {"no", "rejection"},
        {"no thank you", "rejection"},
        {"no i want to return my order from yesterday", "question"},
        {"can you say that again", "repeat"},
        {"what did you say", "repeat"},
        {"help me please", "help"},
        {"i need help with my order", "question"},
        {"who are you", "help"},
        {"agent", "escalation"},
        {"i want to speak to an agent", "escalation"},
        {"i want to talk to a real person please", "escalation"},
        {"could you please connect me with somebody", "escalation"},
        {"give me your manager now", "escalation"},
        {"transfer me", "escalation"},
        {"i need a representative", "escalation"},
        {"i need a representitive", "escalation"}, /* one letter off */
        {"customer service please", "escalation"},
        {"what does an insurance agent earn in a year", "question"},
        {"what is the refund policy", "question"},
        {"", "unclear"},
        {"?!", "unclear"},
        {"مرحباً", "greeting"},
        {"السَّلامُ عَلَيْكُم", "greeting"},
        {"صباح الخير", "greeting"},
        {"مع السلامة", "goodbye"},
        {"شكراً جزيلاً", "thanks"},
        {"نعم", "affirmation"},
        {"نعم من فضلك", "affirmation"},
        {"لا", "rejection"},
        {"لا شكرا", "rejection"},
        {"أريد التحدث مع موظف", "escalation"},
        {"أريد أن أتحدث إلى شخص حقيقي", "escalation"},
        {"حوّلني إلى خدمة العملاء", "escalation"},
        {"ممكن تعيد مرة أخرى", "repeat"},
        {"ما هي ساعات العمل", "question"},
        {"كم سعر التوصيل إلى دبي", "question"},
        {"من أنت", "help"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(intent(cases[i].said), cases[i].intent) != 0)
            fail_msg("'%s' is %s, not %s", cases[i].said, intent(cases[i].said), cases[i].intent);
}

static void text_becomes_plain_words(void **state)
{
    (void)state;
    struct plain p;
    plain_from(&p, "That's IT,  isn\xe2\x80\x99t it?  Caf\xc3\x89 \xff 24");
    static const char *const words[] = {"thats", "it", "isnt", "it", "caf\xc3\xa9", "24"};
    assert_int_equal(p.count, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_string_equal(plain_word(&p, i), words[i]);
    plain_from(&p, "أَهْلًا إلى آخِرِ مُسَاعَدَة ـ ٤٢");
    static const char *const arabic[] = {"اهلا", "الي", "اخر", "مساعده", "42"};
    assert_int_equal(p.count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(plain_word(&p, i), arabic[i]);
    static char endless[10001];
    memset(endless, 'a', 10000);
    plain_from(&p, endless);
    assert_int_equal(p.count, 1);
    for (size_t i = 1; i < 10000; i += 2)
        endless[i] = ' ';
    plain_from(&p, endless);
    assert_int_equal(p.count, PLAIN_WORDS_MAX);
    assert_int_equal(plain_count_words("  two\twords \n"), 2);
    assert_int_equal(plain_count_words(""), 0);
}

static void slips_are_forgiven_in_long_words_only(void **state)
{
    (void)state;
    assert_true(plain_word_like("goodby", "goodbye"));
    assert_true(plain_word_like("goodbyes", "goodbye"));
    assert_true(plain_word_like("operater", "operator"));
    assert_false(plain_word_like("operetta", "operator"));
    assert_false(plain_word_like("ye", "yes"));
    assert_false(plain_word_like("know", "no"));
    assert_true(plain_word_like("السلامه", "السلام"));
    assert_false(plain_word_like("", "goodbye"));
}

static void offers_are_recognised_as_far_as_they_were_heard(void **state)
{
    (void)state;
    assert_true(answer_is_offer(answer_text(ANSWER_NOT_FOUND, false)));
    assert_true(answer_is_offer(answer_text(ANSWER_NOT_FOUND, true)));
    assert_true(answer_is_offer(answer_text(ANSWER_UNAVAILABLE, false)));
    assert_true(answer_is_offer(answer_text(ANSWER_UNAVAILABLE, true)));
    assert_true(answer_asks_for_more(answer_text(ANSWER_THANKS, false)));
    assert_true(answer_asks_for_more(answer_text(ANSWER_THANKS, true)));
    assert_false(answer_is_offer("I did not find that, shall I"));
    assert_false(answer_is_offer(""));
    for (int i = ANSWER_GREETING; i < ANSWER_COUNT; i++) {
        assert_true(answer_text((enum answer)i, false)[0] != 0);
        assert_true(plain_is_arabic(answer_text((enum answer)i, true)));
    }
}

static void sentiment_has_the_right_sign(void **state)
{
    (void)state;
    static const struct {
        const char *text, *label;
    } cases[] = {
        {"this is great, thank you", "positive"},
        {"I am very happy with it", "positive"},
        {"this is not good at all", "negative"},
        {"terrible service, I am really angry", "negative"},
        {"what are your opening hours", "neutral"},
        {"it does not work, this is the worst company", "negative"},
        {"", "neutral"},
        {"خدمة ممتازة شكرا", "positive"},
        {"أنا غاضب جدا من هذه المشكلة", "negative"},
        {"ما هي ساعات العمل", "neutral"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(vg_sentiment_label(vg_sentiment_score(cases[i].text)), cases[i].label) != 0)
            fail_msg("'%s' scores %f", cases[i].text, vg_sentiment_score(cases[i].text));
    assert_true(vg_sentiment_score("not good") < 0);
    assert_true(vg_sentiment_score("very good") > vg_sentiment_score("good"));
    assert_true(vg_sentiment_score("horrible horrible horrible horrible horrible horrible") > -1.0001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intents_are_told_apart),
        cmocka_unit_test(digit_is_one_whatever_it_is_written_in),
        cmocka_unit_test(text_becomes_plain_words),
        cmocka_unit_test(slips_are_forgiven_in_long_words_only),
        cmocka_unit_test(offers_are_recognised_as_far_as_they_were_heard),
        cmocka_unit_test(sentiment_has_the_right_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
