/* Energy of a piece of audio. Real-time safe, any thread. */
#ifndef VG_AUDIO_LEVEL_H
#define VG_AUDIO_LEVEL_H

#include <stddef.h>
#include <stdint.h>

/* Mean square of `n` samples, 0 for none; at most 2^30. About 50 ns a frame. */
float vg_level_mean_square(const int16_t *pcm, size_t n);
/* 10 log10 of a mean square, with `least` added so that silence has a level. */
float vg_level_from_mean_square(float mean_square, float least);

#endif
