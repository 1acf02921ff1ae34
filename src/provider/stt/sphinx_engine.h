/* The recogniser of one call: two PocketSphinx decoders and the recipe that makes them good.
 *
 * The live one decodes as the audio comes, for interims and as the fallback. The second decodes the whole
 * utterance in pieces, once the caller pauses, normalised with the mean of that very utterance and of the
 * call so far; its text is the final. No socket and no clock in here. Sphinx process only, one thread. */
#ifndef VG_STT_SPHINX_ENGINE_H
#define VG_STT_SPHINX_ENGINE_H

#include "provider/stt/adapters.h"
#include "provider/stt/sphinx_mean.h"

struct sphinx_engine {
    ps_decoder_t *live;
    ps_decoder_t *second;         /* NULL when naive */
    fe_t *fe;                     /* for means */
    struct sphinx_mean call;      /* over the finished utterances of this call */
    struct sphinx_mean utterance; /* over the one that the second pass decodes */
    bool live_open, second_open;  /* an utterance is open in that decoder */
    bool primed;                  /* the live decoder has the caller's mean */
};

/* A hypothesis; `text` is borrowed until the next call on the engine, never NULL. */
struct sphinx_hypothesis {
    const char *text;
    double confidence; /* 0..1; 0 where there is none */
};

/* Loads the models: about 0.3 s of CPU and 180 MiB, which forked children share but for 23 MiB each. VG_EIO
 * if they cannot be read. */
int sphinx_engine_load(struct sphinx_engine *e, const struct vg_sphinx_config *config) VG_MUST_CHECK;
void sphinx_engine_unload(struct sphinx_engine *e);

/* Starts an utterance in the live decoder. */
void sphinx_live_begin(struct sphinx_engine *e);
/* Decodes on. Worst case seen: 150 ms of CPU for 20 ms of noise. */
void sphinx_live_feed(struct sphinx_engine *e, const int16_t *pcm, size_t samples);
/* Starts the live utterance over, normalised with the mean of what came so far. The caller feeds it again
 * from its beginning. False if that was too little, and nothing changed. */
bool sphinx_live_prime(struct sphinx_engine *e, const int16_t *pcm, size_t samples);
struct sphinx_hypothesis sphinx_live_text(struct sphinx_engine *e);
void sphinx_live_end(struct sphinx_engine *e);

/* Starts the second pass over an utterance: estimates the mean, feeds nothing yet. */
void sphinx_second_begin(struct sphinx_engine *e, const int16_t *pcm, size_t samples);
void sphinx_second_feed(struct sphinx_engine *e, const int16_t *pcm, size_t samples);
/* Ends the pass and gives its text. */
struct sphinx_hypothesis sphinx_second_end(struct sphinx_engine *e);
/* Ends the pass, whatever it came to. Nothing happens if none is open. */
void sphinx_second_drop(struct sphinx_engine *e);

/* The utterance that the second pass saw last was really said: its mean becomes part of the call's. */
void sphinx_keep_mean(struct sphinx_engine *e);

#endif
