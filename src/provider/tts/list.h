/* All speech synthesis adapters. A new one is one file and one line in list.c. Any thread. */
#ifndef VG_PROVIDER_TTS_LIST_H
#define VG_PROVIDER_TTS_LIST_H

#include <stddef.h>

#include "voxgate/tts.h"

extern const struct vg_tts_ops vg_tts_flite;
extern const struct vg_tts_ops vg_tts_espeak;
extern const struct vg_tts_ops vg_tts_loopback;

/* The adapter of this name, NULL if there is none. */
const struct vg_tts_ops *vg_tts_find(const char *name);
/* All adapters; returns their number. */
size_t vg_tts_list(const struct vg_tts_ops *const **out);

#endif
