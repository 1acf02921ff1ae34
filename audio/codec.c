/* Names and rates of the codecs; see codec.h. Decoding is in decode.c, encoding in encode.c. */
#include "audio/codec.h"

#include <string.h>

static const char *const codec_names[] = {
    [VG_CODEC_PCM_S16LE] = "pcm_s16le",
    [VG_CODEC_PCMU] = "pcmu",
    [VG_CODEC_PCMA] = "pcma",
    [VG_CODEC_OPUS] = "opus",
};

const char *vg_codec_name(enum vg_codec codec)
{
    return (size_t)codec < VG_COUNT_OF(codec_names) ? codec_names[codec] : "unknown";
}

int vg_codec_parse(const char *name, enum vg_codec *out)
{
    for (size_t i = 0; name && i < VG_COUNT_OF(codec_names); i++) {
        if (strcmp(name, codec_names[i]) == 0) {
            *out = (enum vg_codec)i;
            return VG_OK;
        }
    }
    return VG_ENOTSUP;
}

int vg_codec_check(enum vg_codec codec, int rate_hz)
{
    switch (codec) {
    case VG_CODEC_PCM_S16LE:
    case VG_CODEC_PCMU:
    case VG_CODEC_PCMA: return rate_hz >= 8000 && rate_hz <= 48000 ? VG_OK : VG_ENOTSUP;
    case VG_CODEC_OPUS:
        switch (rate_hz) {
        case 8000:
        case 12000:
        case 16000:
        case 24000:
        case 48000: return VG_OK;
        default: return VG_ENOTSUP;
        }
    }
    return VG_ENOTSUP;
}
