/* Inside this folder: is a frame voiced, that is, periodic with a talker's pitch? The part of the VAD that
 * keeps noise out. */
#ifndef VG_AUDIO_VOICING_H
#define VG_AUDIO_VOICING_H

#include <stdint.h>

#include "audio/block.h"

enum {
    VOICING_FRAME = VG_FRAME_SAMPLES / 2, /* samples of a frame at 8 kHz */
    VOICING_HISTORY = 2 * VOICING_FRAME,
};

struct voicing {
    float recent[VOICING_HISTORY]; /* 8 kHz: the frame before, then the present one */
};

/* Takes in a frame; about 50 ns. Every frame, also those that are not judged. */
void voicing_push(struct voicing *v, const int16_t *pcm);
/* The highest normalised autocorrelation of the last 25 ms at lags of 20 to 114 samples (70 to 400 Hz), 0..1.
 */
float voicing_peak(const struct voicing *v);

#endif
