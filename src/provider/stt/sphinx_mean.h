/* Cepstral means: what the recogniser subtracts to forget microphone and line.
 *
 * Live normalisation of this library starts from a fixed mean and takes 8 s of speech to find the caller's,
 * so that the first utterance of a call is decoded with the wrong one. Voxgate therefore estimates the mean
 * over the audio at hand and sets it before decoding (51 -> 31 % word error). Sphinx process only. */
#ifndef VG_STT_SPHINX_MEAN_H
#define VG_STT_SPHINX_MEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pocketsphinx.h>
#include <sphinxbase/fe.h>

enum {
    SPHINX_CEPS = 13,             /* coefficients of the model's features */
    SPHINX_MEAN_FRAMES_MIN = 10,  /* fewer frames say nothing */
    SPHINX_MEAN_FRAMES_CAP = 800, /* 8 s: how long a call's mean remembers */
};

struct sphinx_mean {
    double sum[SPHINX_CEPS];
    double frames; /* of 10 ms */
};

/* The mean of `samples` at 16 kHz, silence left out. `fe` is a front end of its own, never a decoder's. */
struct sphinx_mean sphinx_mean_of(fe_t *fe, const int16_t *pcm, size_t samples);
/* Adds `b` to `a`, and weighs `a` down to the cap. */
void sphinx_mean_add(struct sphinx_mean *a, const struct sphinx_mean *b);
/* Makes the decoder start its next utterance with this mean; false if it has too few frames. Between
 * ps_end_utt and ps_start_utt only, and before each utterance: the library moves its mean in the middle of an
 * utterance once it has counted 800 frames, and setting it counts as 500. */
bool sphinx_mean_set(ps_decoder_t *decoder, const struct sphinx_mean *mean);
/* Makes the decoder start from the model's own mean, as new. */
void sphinx_mean_reset(ps_decoder_t *decoder);

#endif
