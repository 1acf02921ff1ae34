/* Which language a caller asks for by a word: "English", "Arabic please", "عربي". Pure text, any thread. */
#include <string.h>

#include "call/call_internal.h"

enum { WORDS_MAX = 4, WORD_SIZE = 48 }; /* who says more than this speaks about something else */

struct choice {
    const char *word, *language;
    bool alone; /* only where nothing else was said */
};

static const struct choice CHOICES[] = {
    {"english", "en", false},    {"إنجليزي", "en", false},  {"انجليزي", "en", false},
    {"إنجليزية", "en", false},   {"انجليزية", "en", false}, {"الإنجليزية", "en", false},
    {"الانجليزية", "en", false}, {"arabic", "ar", false},   {"عربي", "ar", false},
    {"عربية", "ar", false},      {"العربية", "ar", false},  {"العربي", "ar", false},
    {"one", "en", true},         {"1", "en", true},         {"واحد", "en", true},
    {"two", "ar", true},         {"2", "ar", true},         {"اثنان", "ar", true},
    {"اثنين", "ar", true},
};

static const char *const DENIALS[] = {"not", "no", "don't", "dont", "لا", "ليس"};

/* Marks of short vowels (U+064B..U+0652) are left out; ASCII is lower-cased. */
static size_t put_letter(char *word, size_t n, const char *p, size_t bytes)
{
    unsigned char a = (unsigned char)p[0], b = bytes > 1 ? (unsigned char)p[1] : 0;
    if (a == 0xd9 && b >= 0x8b && b <= 0x92)
        return n;
    if (n + bytes >= WORD_SIZE)
        return n;
    memcpy(word + n, p, bytes);
    if (bytes == 1 && a >= 'A' && a <= 'Z')
        word[n] = (char)(a - 'A' + 'a');
    return n + bytes;
}

static bool is_letter(unsigned char a)
{
    return a >= 0x80 || (a >= 'a' && a <= 'z') || (a >= 'A' && a <= 'Z') || (a >= '0' && a <= '9') ||
           a == '\'';
}

/* The bytes of the UTF-8 character at `p`; those of the Arabic comma, semicolon and question mark are none of
 * a word. */
static size_t letter_bytes(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    if (!is_letter(*u) || (u[0] == 0xd8 && (u[1] == 0x8c || u[1] == 0x9b || u[1] == 0x9f)))
        return 0;
    size_t n = 1;
    while (u[0] >= 0xc0 && (u[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Reads the next word; false at the end of the text. */
static bool next_word(const char **at, char word[WORD_SIZE])
{
    const char *p = *at;
    size_t n = 0, bytes;
    while (*p && !letter_bytes(p))
        p += (unsigned char)p[0] >= 0xc0 && p[1] ? 2 : 1;
    bool found = *p != '\0';
    for (; *p && (bytes = letter_bytes(p)); p += bytes)
        n = put_letter(word, n, p, bytes);
    word[n] = '\0';
    *at = p;
    return found;
}

static const struct choice *find_choice(const char *word)
{
    for (size_t i = 0; i < VG_COUNT_OF(CHOICES); i++) {
        if (strcmp(CHOICES[i].word, word) == 0)
            return &CHOICES[i];
    }
    return NULL;
}

static bool is_denial(const char *word)
{
    for (size_t i = 0; i < VG_COUNT_OF(DENIALS); i++) {
        if (strcmp(DENIALS[i], word) == 0)
            return true;
    }
    return false;
}

const char *call_language_named(const char *text)
{
    char word[WORD_SIZE];
    const struct choice *found = NULL;
    int words = 0;
    while (next_word(&text, word)) {
        const struct choice *c = find_choice(word);
        if (++words > WORDS_MAX || is_denial(word) ||
            (c && found && strcmp(c->language, found->language) != 0))
            return NULL;
        if (c && (!found || found->alone))
            found = c;
    }
    return found && (!found->alone || words == 1) ? found->language : NULL;
}
