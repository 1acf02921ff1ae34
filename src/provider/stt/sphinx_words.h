/* Single words by the English acoustic model, spelled in its phones: Arabic digits, yes and no; and the names
 * of English and Arabic, for a caller who chooses between them (sphinx_lexicon.h).
 *
 * A grammar always answers, also to noise and to speech that is none of its words. Each utterance is
 * therefore decoded three times: with all words, without the best one, and as a free loop of phones. The word
 * is taken only if it leads the second best by more than it lags behind the phones. No interims, no socket,
 * no clock. Sphinx process only, one thread.
 *
 * How good that is: docs/speech-arabic.md. An earlier dictionary of this kind, without the gate, had 68 of 96
 * words of eight unknown speakers right. */
#ifndef VG_STT_SPHINX_WORDS_H
#define VG_STT_SPHINX_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sphinx_words;
struct sphinx_lexicon;

/* True for Arabic, the one language that has words here ("ar", "ar-SA"). */
bool sphinx_words_in(const char *language);

/* Gives a recogniser of the words of `lexicon` (kept): about 20 ms of CPU and 8 MiB. `model_dir` as in
 * vg_sphinx_config. VG_EIO if the model cannot be read, VG_ENOMEM. */
int sphinx_words_load(struct sphinx_words **out, const struct sphinx_lexicon *lexicon,
                      const char *model_dir) VG_MUST_CHECK;
/* NULL is fine; returns NULL. */
struct sphinx_words *sphinx_words_free(struct sphinx_words *w);

/* Starts on an utterance of `samples` at 16 kHz, borrowed until the last step. */
void sphinx_words_begin(struct sphinx_words *w, const int16_t *pcm, size_t samples);
/* Works on; true when the result is there. Up to three steps, each at most about 0.1 s of CPU. */
bool sphinx_words_step(struct sphinx_words *w);
/* The word in its own script, or "" for what is none; static. *confidence of a word is 0.5 to 0.8, since no
 * test found more than four of five right; 0 for none. */
const char *sphinx_words_result(const struct sphinx_words *w, double *confidence);

#endif
