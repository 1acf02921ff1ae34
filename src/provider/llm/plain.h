/* Plain words: text reduced to what rules and lexicons compare. Pure; any thread.
 *
 * ASCII letters in lower case; apostrophes fall out ("that's" -> "thats"); all other punctuation separates;
 * Arabic without marks and tatweel, alef in one form, final yeh and teh marbuta folded (the usual folding of
 * Arabic search), Arabic digits as ASCII ones. Invalid UTF-8 separates. */
#ifndef VG_PROVIDER_LLM_PLAIN_H
#define VG_PROVIDER_LLM_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAIN_BYTES_MAX = 2048, PLAIN_WORDS_MAX = 256 };

struct plain {
    char text[PLAIN_BYTES_MAX];   /* words, each ended by a NUL */
    uint16_t at[PLAIN_WORDS_MAX]; /* where each begins */
    unsigned count;
};

/* What does not fit is left out. */
void plain_from(struct plain *p, const char *text);
const char *plain_word(const struct plain *p, unsigned i);
/* True if `heard` is `meant` but for a slip of the recogniser or a finger: one letter more, less or other in
 * words of at least five letters (bytes of ASCII; two bytes of Arabic). */
bool plain_word_like(const char *heard, const char *meant);
/* True if the text has a letter of the Arabic script. */
bool plain_is_arabic(const char *text);
/* Words as they are counted for usage: maximal runs of bytes that are not ASCII white space. */
uint32_t plain_count_words(const char *text);

#endif
