/* 16 kHz samples to wire bytes; see codec.h. One frame of 20 ms a call. */
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "audio/g711.h"
#include "audio/resample.h"

enum { WIRE_SAMPLES_MAX = 48000 / 50 + 2 };

struct vg_encoder {
    enum vg_codec codec;
    OpusEncoder *opus;              /* owned; Opus only */
    struct vg_resampler *resampler; /* owned; NULL at 16 kHz and for Opus */
};

/* The widest audio band that a receiver at this rate can play. */
static opus_int32 opus_bandwidth(int rate_hz)
{
    if (rate_hz <= 8000)
        return OPUS_BANDWIDTH_NARROWBAND;
    return rate_hz <= 12000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_WIDEBAND;
}

/* The encoder runs at our 16 kHz, whatever rate the receiver's decoder runs at. No DTX: a receiver that plays
 * what comes would hear holes. No FEC: the transports behind this are TCP. */
static OpusEncoder *opus_new(const struct vg_encoder_config *config)
{
    int err = 0;
    OpusEncoder *opus = opus_encoder_create(VG_RATE_HZ, 1, OPUS_APPLICATION_VOIP, &err);
    if (!opus)
        return NULL;
    err |= opus_encoder_ctl(opus, OPUS_SET_BITRATE(config->opus_bitrate));
    err |= opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(config->opus_complexity));
    err |= opus_encoder_ctl(opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    err |= opus_encoder_ctl(opus, OPUS_SET_MAX_BANDWIDTH(opus_bandwidth(config->rate_hz)));
    err |= opus_encoder_ctl(opus, OPUS_SET_DTX(0));
    err |= opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(0));
    if (err != OPUS_OK) {
        opus_encoder_destroy(opus);
        return NULL;
    }
    return opus;
}

struct vg_encoder *vg_encoder_new(const struct vg_encoder_config *config)
{
    if (vg_codec_check(config->codec, config->rate_hz) != VG_OK)
        return NULL;
    struct vg_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->codec = config->codec;
    if (config->codec == VG_CODEC_OPUS) {
        e->opus = opus_new(config);
        return e->opus ? e : vg_encoder_free(e);
    }
    if (config->rate_hz != VG_RATE_HZ) {
        /* The delay is kept, so that each frame of a whole-numbered ratio has its full length: a receiver of
         * G.711 expects 160 bytes every 20 ms, from the first on. */
        e->resampler = resampler_new(VG_RATE_HZ, config->rate_hz, false);
        return e->resampler ? e : vg_encoder_free(e);
    }
    return e;
}

struct vg_encoder *vg_encoder_free(struct vg_encoder *e)
{
    if (e) {
        if (e->opus)
            opus_encoder_destroy(e->opus);
        vg_resampler_free(e->resampler);
        free(e);
    }
    return NULL;
}

void vg_encoder_reset(struct vg_encoder *e)
{
    if (e->opus)
        opus_encoder_ctl(e->opus, OPUS_RESET_STATE);
    if (e->resampler)
        vg_resampler_reset(e->resampler);
}

size_t vg_encoder_frame_bytes_max(const struct vg_encoder *e)
{
    /* Opus is held to a block; that is 256 kbit/s, more than speech ever takes. */
    if (e->codec == VG_CODEC_OPUS)
        return VG_BLOCK_BYTES;
    size_t samples = e->resampler ? vg_resampler_bound(e->resampler, VG_FRAME_SAMPLES) : VG_FRAME_SAMPLES;
    return e->codec == VG_CODEC_PCM_S16LE ? samples * sizeof(int16_t) : samples;
}

int vg_encode(struct vg_encoder *e, const int16_t *pcm, uint8_t *out, size_t cap)
{
    size_t most = vg_encoder_frame_bytes_max(e);
    if (cap < most)
        return VG_ETOOBIG;
    if (e->codec == VG_CODEC_OPUS) {
        int bytes = opus_encode(e->opus, pcm, VG_FRAME_SAMPLES, out, (opus_int32)most);
        return bytes > 0 ? bytes : VG_EIO;
    }
    int16_t wire[WIRE_SAMPLES_MAX];
    int samples = VG_FRAME_SAMPLES;
    if (e->resampler) {
        samples = vg_resample(e->resampler, pcm, VG_FRAME_SAMPLES, wire, VG_COUNT_OF(wire));
        if (samples < 0)
            return samples;
        pcm = wire;
    }
    switch (e->codec) {
    case VG_CODEC_PCMU:
        for (int i = 0; i < samples; i++)
            out[i] = linear_to_ulaw(pcm[i]);
        return samples;
    case VG_CODEC_PCMA:
        for (int i = 0; i < samples; i++)
            out[i] = linear_to_alaw(pcm[i]);
        return samples;
    case VG_CODEC_PCM_S16LE:
    case VG_CODEC_OPUS: break;
    }
    memcpy(out, pcm, (size_t)samples * sizeof *pcm);
    return samples * (int)sizeof *pcm;
}
