/* The Arabic words that the embedded recogniser takes. */
#ifndef VG_STT_SPHINX_LEXICON_H
#define VG_STT_SPHINX_LEXICON_H

#include <stddef.h>

enum { SPHINX_PRONUNCIATIONS_MAX = 7 };

struct sphinx_word {
    const char *name; /* in the grammar */
    const char *text; /* what the caller said, without short vowels, as it is written */
    /* In the phones of CMU's dictionary, the likeliest first; unused ones are NULL. Arabic has sounds that
     * the model lacks: kh and h become HH or K, the ayn lengthens its vowel or vanishes. */
    const char *says[SPHINX_PRONUNCIATIONS_MAX];
};

extern const struct sphinx_word sphinx_lexicon[];
extern const size_t sphinx_lexicon_count;
/* All phones of the acoustic model but its silences, blanks between. */
extern const char sphinx_phones[];

#endif
