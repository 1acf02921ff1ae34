/* What the callers of a load test say: utterances of real speech (or of a synthetic voice) with silence
 * between them, in a loop of about a minute that every caller enters at a place of its own. */
#ifndef VG_CLI_BENCH_SPEECH_H
#define VG_CLI_BENCH_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SPEECH_STEP_SAMPLES = 24000 }; /* 1.5 s: the loop's length is a multiple, so it holds whole chunks */

struct utterance {
    size_t start, end; /* samples of the loop */
};

struct speech {
    int16_t *pcm; /* owned, 16 kHz; ends in a silence */
    size_t samples;
    struct utterance *utterances; /* owned, in order */
    size_t count;
    double share; /* of the loop that is speech */
};

/* `path`: a WAV file or a folder of them, whose files "noise*" are left out; NULL: a synthetic voice. Each
 * stretch of speech without a pause of 300 ms becomes an utterance; silence follows so that `talk_pct` of the
 * time is speech, at least 1.4 s, in which a turn ends and is answered. VG_ENOENT: no speech in there. */
int speech_load(struct speech *out, const char *path, int64_t talk_pct) VG_MUST_CHECK;
void speech_free(struct speech *s);

#endif
