/* A tenant's word list as a language model beside the general one, for the second pass.
 *
 * It is a hint that helps only where these words are really said (recall of such words 16 -> 32 of 39, word
 * error 31 -> 28 %), and harms otherwise (31 -> 33 %): opt-in. Words that the dictionary does not know are
 * skipped. Sphinx process only. */
#ifndef VG_STT_SPHINX_VOCABULARY_H
#define VG_STT_SPHINX_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include <pocketsphinx.h>

#include "base/err.h"

enum { SPHINX_VOCABULARY_WORDS_MAX = 2000 };

struct sphinx_vocabulary;

/* A list, empty, for `decoder` (borrowed). NULL without memory. */
struct sphinx_vocabulary *sphinx_vocabulary_new(ps_decoder_t *decoder);
/* NULL is fine; returns NULL. */
struct sphinx_vocabulary *sphinx_vocabulary_free(struct sphinx_vocabulary *v);
/* Adds words, separated by blanks or newlines, in any case (ASCII). `v` may be NULL. */
void sphinx_vocabulary_add(struct sphinx_vocabulary *v, const char *words, size_t bytes);
/* Makes the decoder use the words. Between utterances. Counts those known and those skipped. Errors:
 * VG_ENOENT (no known word; the decoder stays as it was), VG_EIO, VG_ENOMEM. */
int sphinx_vocabulary_load(struct sphinx_vocabulary *v, uint32_t *known, uint32_t *skipped);

#endif
