/* Inside this folder: is a frame voiced, that is, periodic with a talker's pitch? The part of the VAD that
 * keeps noise out. */
#ifndef VG_AUDIO_VOICING_H
#define VG_AUDIO_VOICING_H

#include <stdint.h>

#include "audio/block.h"

struct voicing {
    int16_t recent[2][VG_FRAME_SAMPLES]; /* the present frame at `at`, the one before beside it */
    uint8_t at;
};

/* Takes in a frame: a copy and no more. Every frame, also those that are not judged. */
void voicing_push(struct voicing *v, const int16_t *pcm);
/* The highest normalised autocorrelation of the last 25 ms at lags of 20 to 114 samples (70 to 400 Hz), 0..1.
 */
float voicing_peak(const struct voicing *v);

#endif
