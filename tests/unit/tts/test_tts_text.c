/* What is left of a text when an engine gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/tts/speakable.h"

static void check(char *(*clean)(const char *, uint32_t *), const char *in, const char *out,
                  uint32_t characters)
{
    uint32_t n = 99;
    char *text = clean(in, &n);
    assert_string_equal(text, out);
    assert_int_equal(n, characters);
    free(text);
}

static void utf8_is_cleaned_and_kept(void **state)
{
    (void)state;
    check(speakable_utf8, "مرحبا بك", "مرحبا بك", 8);
    check(speakable_utf8, "a\x01\x7f[[b]]\n<c>", "a b c", 5);
    check(speakable_utf8, "\xff\xc0\x80ok\xe2\x82", "ok", 2);
    check(speakable_utf8, "\xe2\x80\xae\xef\xbb\xbfx", "x", 1);
    check(speakable_utf8, "?!", "?!", 0);
}

static void flite_gets_ascii(void **state)
{
    (void)state;
    check(speakable_ascii, "Caf\xc3\xa9 \xe2\x80\x9cna\xc3\xafve\xe2\x80\x9d", "Cafe \"naive\"", 12);
    check(speakable_ascii, "It\xe2\x80\x99s 5\xe2\x82\xac", "It's 5 euro", 11);
    check(speakable_ascii, "مرحبا", "", 0);
    check(speakable_ascii,
          "Stra\xc3\x9f"
          "e 21\xc2\xb0",
          "Strasse 21 degrees", 18);
}

static void endless_words_are_broken_and_endless_text_is_cut(void **state)
{
    (void)state;
    static char in[5001];
    uint32_t n;
    memset(in, 'a', 5000);
    char *text = speakable_ascii(in, &n);
    assert_int_equal(n, SPEAKABLE_BYTES_MAX + (SPEAKABLE_BYTES_MAX - 1) / SPEAKABLE_WORD_MAX);
    for (const char *p = text; *p; p += strspn(p, " ")) {
        size_t word = strcspn(p, " ");
        assert_in_range(word, 1, SPEAKABLE_WORD_MAX);
        p += word;
    }
    free(text);
    for (size_t i = 0; i + 1 < 5000; i += 2)
        memcpy(in + i, "\xc2\xb0", 2);
    free(speakable_ascii(in, &n)); /* the sign that grows most */
    for (size_t i = 0; i + 3 < 5000; i += 3)
        memcpy(in + i,
               "\xc2\xb0"
               "a",
               3);
    free(speakable_ascii(in, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_cleaned_and_kept),
        cmocka_unit_test(flite_gets_ascii),
        cmocka_unit_test(endless_words_are_broken_and_endless_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
