/* The language that a caller asks for by a word (src/call/call_language.c). */
#include "cmocka_all.h"

#include <string.h>

#include "call/call_internal.h"

static void all(const char *const *texts, size_t count, const char *language)
{
    for (size_t i = 0; i < count; i++) {
        const char *named = call_language_named(texts[i]);
        if (!language ? named != NULL : !named || strcmp(named, language) != 0)
            fail_msg("\"%s\" gives %s", texts[i], named ? named : "none");
    }
}

static void a_name_decides_in_either_language(void **state)
{
    (void)state;
    static const char *const english[] = {
        "english", "English.", "in English, please", "the english language", "إنجليزي",
        "انجليزي", "إِنْجْلِيزِيّ",  "الإنجليزية، من فضلك"};
    static const char *const arabic[] = {"arabic",         "ARABIC!", "do you speak arabic",
                                         "عربي",           "عَرَبِيّ",    "العربية",
                                         "بالعربي، عربي؟", "عربية",   "عربي، من فضلك"};
    all(english, VG_COUNT_OF(english), "en");
    all(arabic, VG_COUNT_OF(arabic), "ar");
}

static void the_number_of_the_key_decides_when_it_stands_alone(void **state)
{
    (void)state;
    static const char *const english[] = {"one", "1", "One.", "واحد"};
    static const char *const arabic[] = {"two", "2", "اثنان", "اثنين"};
    static const char *const none[] = {"one moment", "two pizzas", "12", "واحد قهوة"};
    all(english, VG_COUNT_OF(english), "en");
    all(arabic, VG_COUNT_OF(arabic), "ar");
    all(none, VG_COUNT_OF(none), NULL);
}

static void what_only_mentions_a_language_decides_nothing(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       " ... ",
                                       "hello",
                                       "loopback 1 640",
                                       "english or arabic",
                                       "not arabic",
                                       "i don't speak english",
                                       "لا، ليس عربي",
                                       "i have a question about my english class",
                                       "englishman",
                                       "مرحبا"};
    all(none, VG_COUNT_OF(none), NULL);
}

static void bytes_that_are_no_text_decide_nothing(void **state)
{
    (void)state;
    static const char *const none[] = {"\xd8", "\xd9\x8b", "\xff\xfe", "\xd8\x8c", "\xe2\x80", "eng\xd8lish"};
    all(none, VG_COUNT_OF(none), NULL);
    char longer[4096];
    memset(longer, 'e', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_null(call_language_named(longer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_decides_in_either_language),
        cmocka_unit_test(the_number_of_the_key_decides_when_it_stands_alone),
        cmocka_unit_test(what_only_mentions_a_language_decides_nothing),
        cmocka_unit_test(bytes_that_are_no_text_decide_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
