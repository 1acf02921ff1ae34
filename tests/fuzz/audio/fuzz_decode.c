/* Wire bytes into the decoders. The first byte picks codec and rate; then pieces, each behind a byte of
 * length. What comes out must fit the bound that was promised, exactly allocated here so that a sanitizer
 * sees one sample more. */
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    enum vg_codec codec;
    int rate_hz;
} kinds[] = {
    {VG_CODEC_OPUS, 48000},      {VG_CODEC_PCM_S16LE, 16000}, {VG_CODEC_PCM_S16LE, 8000},
    {VG_CODEC_PCM_S16LE, 44100}, {VG_CODEC_PCMU, 8000},       {VG_CODEC_PCMA, 8000},
    {VG_CODEC_PCMU, 11025},      {VG_CODEC_OPUS, 8000},
};

static void decode_piece(struct vg_decoder *d, const uint8_t *data, size_t bytes)
{
    size_t cap = vg_decoder_bound(d, bytes);
    int16_t *out = malloc(cap > 0 ? cap * sizeof *out : 1);
    uint8_t *piece = malloc(bytes > 0 ? bytes : 1);
    if (!out || !piece)
        abort();
    memcpy(piece, data, bytes);
    int got = vg_decode(d, piece, bytes, out, cap);
    if (got > 0 && (size_t)got > cap)
        abort();
    if (got < 0 && got != VG_EPARSE)
        abort();
    free(piece);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t kind = data[0] % VG_COUNT_OF(kinds);
    struct vg_decoder *d = vg_decoder_new(kinds[kind].codec, kinds[kind].rate_hz);
    if (!d)
        abort();
    for (size_t at = 1; at < size;) {
        size_t bytes = data[at++];
        bytes = bytes < size - at ? bytes : size - at;
        decode_piece(d, data + at, bytes);
        at += bytes;
    }
    vg_decoder_free(d);
    return 0;
}
