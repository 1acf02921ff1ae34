/* Wire bytes to 16 kHz samples; see codec.h.
 *
 * Opus decodes straight to 16 kHz whatever rate was negotiated (RFC 6716, section 2.1.2: the decoder's rate
 * is its own choice), stereo packets to mono. The others go through one stack buffer into the resampler. */
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/g711.h"

enum {
    CHUNK_SAMPLES = 480,       /* decoded before each round through the resampler */
    PIECE_BYTES_MAX = 1 << 22, /* a larger piece is nothing that a call could carry */
    /* RFC 6716, section 3.2.5: at most 48 frames of 1,275 bytes and their lengths. */
    OPUS_PACKET_BYTES_MAX = 48 * 1277 + 2,
    OPUS_PACKET_SAMPLES_MAX = VG_RATE_HZ * 120 / 1000,
};

struct vg_decoder {
    enum vg_codec codec;
    OpusDecoder *opus;              /* owned; Opus only */
    struct vg_resampler *resampler; /* owned; NULL at 16 kHz */
    bool has_partial;               /* s16: the low byte of a sample waits in `partial` */
    uint8_t partial;
};

struct vg_decoder *vg_decoder_new(enum vg_codec codec, int rate_hz)
{
    if (vg_codec_check(codec, rate_hz) != VG_OK)
        return NULL;
    struct vg_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->codec = codec;
    if (codec == VG_CODEC_OPUS) {
        int err = 0;
        d->opus = opus_decoder_create(VG_RATE_HZ, 1, &err);
        return d->opus ? d : vg_decoder_free(d);
    }
    if (rate_hz != VG_RATE_HZ) {
        d->resampler = vg_resampler_new(rate_hz, VG_RATE_HZ);
        return d->resampler ? d : vg_decoder_free(d);
    }
    return d;
}

struct vg_decoder *vg_decoder_free(struct vg_decoder *d)
{
    if (d) {
        if (d->opus)
            opus_decoder_destroy(d->opus);
        vg_resampler_free(d->resampler);
        free(d);
    }
    return NULL;
}

void vg_decoder_reset(struct vg_decoder *d)
{
    d->has_partial = false;
    if (d->opus)
        opus_decoder_ctl(d->opus, OPUS_RESET_STATE);
    if (d->resampler)
        vg_resampler_reset(d->resampler);
}

/* Samples at the wire's rate in `bytes`, an odd byte that waits included. */
static size_t decoder_wire_samples(const struct vg_decoder *d, size_t bytes)
{
    return d->codec == VG_CODEC_PCM_S16LE ? (bytes + (d->has_partial ? 1 : 0)) / 2 : bytes;
}

size_t vg_decoder_bound(const struct vg_decoder *d, size_t bytes)
{
    if (d->codec == VG_CODEC_OPUS)
        return OPUS_PACKET_SAMPLES_MAX;
    /* As if an odd byte waited: the answer may be kept and used for later pieces of the same size. */
    size_t samples = d->codec == VG_CODEC_PCM_S16LE ? (bytes + 1) / 2 : bytes;
    return d->resampler ? vg_resampler_bound(d->resampler, samples) : samples;
}

bool vg_decoder_has_partial(const struct vg_decoder *d)
{
    return d->has_partial;
}

static int decode_opus(struct vg_decoder *d, const uint8_t *data, size_t bytes, int16_t *out, size_t cap)
{
    if (bytes == 0 || bytes > OPUS_PACKET_BYTES_MAX)
        return VG_EPARSE;
    int room = cap < OPUS_PACKET_SAMPLES_MAX ? (int)cap : OPUS_PACKET_SAMPLES_MAX;
    /* Asked first: a packet that does not fit must leave the decoder's state alone. */
    int samples = opus_packet_get_nb_samples(data, (opus_int32)bytes, VG_RATE_HZ);
    if (samples <= 0)
        return VG_EPARSE;
    if (samples > room)
        return VG_ETOOBIG;
    int got = opus_decode(d->opus, data, (opus_int32)bytes, out, room, 0);
    return got < 0 ? VG_EPARSE : got;
}

/* The next `n` samples of s16le at *data, which is moved on. */
static void decode_s16le(struct vg_decoder *d, const uint8_t **data, int16_t *out, size_t n)
{
    const uint8_t *p = *data;
    size_t i = 0;
    if (d->has_partial && n > 0) {
        out[i++] = (int16_t)(uint16_t)(d->partial | *p++ << 8);
        d->has_partial = false;
    }
    /* Both Debian's and our targets are little-endian, so that this is a copy. */
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "s16le is copied as it is");
    memcpy(out + i, p, (n - i) * sizeof *out);
    *data = p + (n - i) * sizeof *out;
}

static void decode_wire(struct vg_decoder *d, const uint8_t **data, int16_t *out, size_t n)
{
    switch (d->codec) {
    case VG_CODEC_PCMU:
        for (size_t i = 0; i < n; i++)
            out[i] = ulaw_to_linear((*data)[i]);
        *data += n;
        break;
    case VG_CODEC_PCMA:
        for (size_t i = 0; i < n; i++)
            out[i] = alaw_to_linear((*data)[i]);
        *data += n;
        break;
    case VG_CODEC_PCM_S16LE:
    case VG_CODEC_OPUS: decode_s16le(d, data, out, n); break;
    }
}

static int decode_resampled(struct vg_decoder *d, const uint8_t **data, size_t samples, int16_t *out,
                            size_t cap)
{
    int16_t chunk[CHUNK_SAMPLES];
    size_t written = 0;
    while (samples > 0) {
        size_t n = samples < CHUNK_SAMPLES ? samples : CHUNK_SAMPLES;
        decode_wire(d, data, chunk, n);
        int got = vg_resample(d->resampler, chunk, n, out + written, cap - written);
        if (got < 0)
            return got;
        written += (size_t)got;
        samples -= n;
    }
    return (int)written;
}

const int16_t *vg_decode_in_place(const struct vg_decoder *d, const uint8_t *data, size_t bytes)
{
    bool as_is = d->codec == VG_CODEC_PCM_S16LE && !d->resampler && !d->has_partial && bytes % 2 == 0 &&
                 (uintptr_t)data % _Alignof(int16_t) == 0;
    return as_is ? (const int16_t *)(const void *)data : NULL;
}

int vg_decode(struct vg_decoder *d, const uint8_t *data, size_t bytes, int16_t *out, size_t cap_samples)
{
    if (d->codec == VG_CODEC_OPUS)
        return decode_opus(d, data, bytes, out, cap_samples);
    if (bytes == 0)
        return 0;
    if (bytes > PIECE_BYTES_MAX || cap_samples < vg_decoder_bound(d, bytes))
        return VG_ETOOBIG;
    const uint8_t *end = data + bytes;
    size_t samples = decoder_wire_samples(d, bytes);
    int written = (int)samples;
    if (d->resampler)
        written = decode_resampled(d, &data, samples, out, cap_samples);
    else
        decode_wire(d, &data, out, samples);
    if (written >= 0 && data < end) {
        d->partial = *data;
        d->has_partial = true;
    }
    return written;
}
