/* The words that the embedded recogniser takes one at a time: Arabic ones, and the names of languages. */
#ifndef VG_STT_SPHINX_LEXICON_H
#define VG_STT_SPHINX_LEXICON_H

#include <stddef.h>

enum { SPHINX_PRONUNCIATIONS_MAX = 20 };

struct sphinx_word {
    const char *name; /* in the grammar */
    const char *text; /* what the caller said, without short vowels, as it is written; "": none of our words,
                       * there to be taken in place of one that it resembles */
    /* In the phones of CMU's dictionary, the likeliest first; unused ones are NULL. Arabic has sounds that
     * the model lacks: kh and h become HH or K, the ayn lengthens its vowel or vanishes. */
    const char *says[SPHINX_PRONUNCIATIONS_MAX];
};

struct sphinx_lexicon {
    const struct sphinx_word *words;
    size_t count;
    double lead_min; /* what a word's lead over the second best less its lag behind the phones must be, per
                      * 10 ms frame, in the decoder's units */
};

/* Digits, yes and no in Arabic. */
extern const struct sphinx_lexicon sphinx_arabic_words;
/* English and Arabic, each by its names in both languages, among other words that callers begin with. The
 * text is the language's own name for itself: "english", "عربي". */
extern const struct sphinx_lexicon sphinx_language_names;
/* All phones of the acoustic model but its silences, blanks between. */
extern const char sphinx_phones[];

#endif
