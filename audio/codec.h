/* Codecs of a leg: bytes of the wire to 16 kHz mono samples and back, resampling included.
 *
 * A decoder or encoder belongs to one thread at a time. Decoding and encoding do not allocate. Bytes of the
 * wire are hostile: what cannot be decoded is an error, never an assertion. */
#ifndef VG_AUDIO_CODEC_H
#define VG_AUDIO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/block.h"

enum vg_codec { VG_CODEC_PCM_S16LE, VG_CODEC_PCMU, VG_CODEC_PCMA, VG_CODEC_OPUS };

/* "pcm_s16le", "pcmu", "pcma", "opus". */
const char *vg_codec_name(enum vg_codec codec);
int vg_codec_parse(const char *name, enum vg_codec *out) VG_MUST_CHECK;
/* 0 if this codec may run at this rate: PCM and G.711 8000..48000 Hz, Opus 8000, 12000, 16000, 24000, 48000;
 * VG_ENOTSUP otherwise. */
int vg_codec_check(enum vg_codec codec, int rate_hz) VG_MUST_CHECK;

struct vg_decoder;
struct vg_decoder *vg_decoder_new(enum vg_codec codec, int rate_hz);
struct vg_decoder *vg_decoder_free(struct vg_decoder *d);
/* Most samples at 16 kHz that `bytes` wire bytes can become (for Opus: 1,920 a packet, 120 ms). */
size_t vg_decoder_bound(const struct vg_decoder *d, size_t bytes);
/* The samples of `data` where they are, if the wire's bytes are 16 kHz samples already and nothing waits;
 * else NULL, and vg_decode() is due. */
const int16_t *vg_decode_in_place(const struct vg_decoder *d, const uint8_t *data, size_t bytes);
/* Decodes a piece: for Opus one packet, else any number of bytes (an odd byte of s16 waits for its partner).
 * Returns samples written at 16 kHz, VG_EPARSE (a broken packet), VG_ETOOBIG (cap_samples is too small). */
int vg_decode(struct vg_decoder *d, const uint8_t *data, size_t bytes, int16_t *out,
              size_t cap_samples) VG_MUST_CHECK;
/* True while an odd byte waits. */
bool vg_decoder_has_partial(const struct vg_decoder *d);
/* Forgets everything, for a new stream of the same kind. Real-time safe. */
void vg_decoder_reset(struct vg_decoder *d);

struct vg_encoder;
struct vg_encoder_config {
    enum vg_codec codec;
    int rate_hz;
    int opus_bitrate;    /* bits per second; 24000 */
    int opus_complexity; /* 0..10; 5 */
};
struct vg_encoder *vg_encoder_new(const struct vg_encoder_config *config);
struct vg_encoder *vg_encoder_free(struct vg_encoder *e);
void vg_encoder_reset(struct vg_encoder *e);
/* Most bytes of one encoded frame: Opus fits a block, PCM above 16 kHz does not (48 kHz: 1,920 bytes). */
size_t vg_encoder_frame_bytes_max(const struct vg_encoder *e);
/* Encodes one frame of VG_FRAME_SAMPLES at 16 kHz; returns bytes. `cap` is at least
 * vg_encoder_frame_bytes_max, else VG_ETOOBIG. Real-time safe. */
int vg_encode(struct vg_encoder *e, const int16_t *pcm, uint8_t *out, size_t cap) VG_MUST_CHECK;

/* Converts mono audio between rates, streaming (speexdsp, quality 3). */
struct vg_resampler;
struct vg_resampler *vg_resampler_new(int from_hz, int to_hz);
struct vg_resampler *vg_resampler_free(struct vg_resampler *r);
void vg_resampler_reset(struct vg_resampler *r);
size_t vg_resampler_bound(const struct vg_resampler *r, size_t samples);
/* Returns samples written; VG_ETOOBIG if `cap` is under the bound. Real-time safe. */
int vg_resample(struct vg_resampler *r, const int16_t *in, size_t samples, int16_t *out,
                size_t cap) VG_MUST_CHECK;

#endif
