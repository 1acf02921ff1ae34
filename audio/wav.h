/* WAV files (RIFF, PCM s16, G.711), read chunk by chunk as they really are. For tools and the fake telephony
 * adapter, not for the real-time path. */
#ifndef VG_AUDIO_WAV_H
#define VG_AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct vg_wav {
    int16_t *pcm; /* owned, mono (channels are averaged) */
    size_t samples;
    int rate_hz;
};

/* Reads all of `path` ("-": standard input; a file without RIFF header is raw s16le 16 kHz). At most 1 hour.
 * Errors: VG_EIO, VG_EPARSE, VG_ENOTSUP (format), VG_ETOOBIG, VG_ENOMEM. */
int vg_wav_read(const char *path, struct vg_wav *out) VG_MUST_CHECK;
/* The same from an open stream, read up to the end of its samples; `f` stays the caller's. */
int vg_wav_read_file(FILE *f, struct vg_wav *out) VG_MUST_CHECK;
void vg_wav_free(struct vg_wav *w);
/* Writes mono s16. VG_EIO, VG_EINVAL (rate), VG_ETOOBIG (more than the format's 4 GiB). */
int vg_wav_write(const char *path, const int16_t *pcm, size_t samples, int rate_hz) VG_MUST_CHECK;

#endif
