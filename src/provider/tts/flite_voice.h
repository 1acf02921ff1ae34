/* Flite, wrapped: a set of voices for one thread, and speaking with one of them piece by piece.
 *
 * Flite keeps the streaming callback on the voice and counts references without atomics, so each thread has
 * voices of its own. All voices are 16 kHz. */
#ifndef VG_PROVIDER_TTS_FLITE_VOICE_H
#define VG_PROVIDER_TTS_FLITE_VOICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct flite_voices;

/* Returns 0 to go on, negative to stop. Samples are borrowed. */
typedef int (*flite_audio_fn)(void *arg, const int16_t *pcm, size_t samples);

/* About 1 ms; one thread at a time in the whole process. NULL without memory. */
struct flite_voices *flite_voices_new(void);
struct flite_voices *flite_voices_free(struct flite_voices *voices);
/* The index of a voice ("rms", "slt"), negative if there is none. Any thread. */
int flite_voice_index(const char *name);
/* Speaks ASCII `text`. Returns 0, what `audio` returned to stop, or VG_EIO. CPU: 1 % of the audio's length.
 */
int flite_say(struct flite_voices *voices, int voice, const char *text, flite_audio_fn audio,
              void *arg) VG_MUST_CHECK;

#endif
