/* Voice activity per 20 ms frame: WebRTC VAD (mode 2) and a voicing gate, behind an energy gate, with a hold.
 *
 * Plain state, no allocation after new, one thread. Recipe and thresholds were measured on real recordings,
 * see docs/speech.md. */
#ifndef VG_AUDIO_VAD_H
#define VG_AUDIO_VAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/block.h"

struct vg_vad;

struct vg_vad_frame {
    bool speech;    /* the decision, with hold */
    bool voiced;    /* this frame itself is voiced */
    float level_db; /* 10 log10 of the mean square, about 0..90 */
};

struct vg_vad *vg_vad_new(void);
/* The same without the saving of the energy gate: every part runs on every frame. For measuring. */
struct vg_vad *vg_vad_new_ungated(void);
struct vg_vad *vg_vad_free(struct vg_vad *v);
void vg_vad_reset(struct vg_vad *v);
/* Judges one frame of VG_FRAME_SAMPLES. */
struct vg_vad_frame vg_vad_process(struct vg_vad *v, const int16_t *pcm);
/* Asks the processor for the memory that the next frame will touch. */
void vg_vad_prefetch(const struct vg_vad *v);
/* Mean-square level of `n` samples in dB. */
float vg_level_db(const int16_t *pcm, size_t n);

#endif
