/* Inside this folder: a resampler for the encoder, whose frames keep their length. */
#ifndef VG_AUDIO_RESAMPLE_H
#define VG_AUDIO_RESAMPLE_H

#include <stdbool.h>

#include "audio/codec.h"

/* As vg_resampler_new. With `skip_delay` the filter's delay is cut off the beginning: nothing is added to the
 * latency but the first output is short. Without it every 20 ms give 20 ms, 1.5 to 3 ms late. */
struct vg_resampler *resampler_new(int from_hz, int to_hz, bool skip_delay);

#endif
