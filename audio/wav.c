/* WAV files, chunk by chunk; see wav.h. Sizes in a header are claims: memory grows with what was really read.
 */
#include "audio/wav.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audio/g711.h"

enum {
    FORMAT_PCM = 1,
    FORMAT_ALAW = 6,
    FORMAT_ULAW = 7,
    FORMAT_EXTENSIBLE = 0xfffe, /* the real format is in the first bytes of the sub-format's GUID */
    FMT_BYTES = 40,             /* as much of the "fmt " chunk as is looked at */
    HEADER_BYTES = 44,
    RATE_MIN_HZ = 4000,
    RATE_MAX_HZ = 96000,
    CHANNELS_MAX = 8,
    SECONDS_MAX = 3600,
    RAW_RATE_HZ = 16000,
    PIECE_FRAMES = 4096,
};

struct wav_format {
    unsigned format;
    unsigned channels;
    int rate_hz;
    size_t sample_bytes;
};

static uint32_t get_u16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t get_u32(const uint8_t *p)
{
    return get_u16(p) | get_u16(p + 2) << 16;
}

static uint8_t *put_u16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    return p + 2;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
    return put_u16(put_u16(p, v), v >> 16);
}

/* Reads on over `bytes`, since a pipe cannot seek. */
static int wav_skip(FILE *f, uint64_t bytes)
{
    uint8_t waste[4096];
    while (bytes > 0) {
        size_t n = fread(waste, 1, bytes < sizeof waste ? (size_t)bytes : sizeof waste, f);
        if (n == 0)
            return ferror(f) ? VG_EIO : VG_EPARSE;
        bytes -= n;
    }
    return VG_OK;
}

static int wav_format_read(FILE *f, uint32_t size, struct wav_format *out)
{
    uint8_t fmt[FMT_BYTES] = {0};
    size_t want = size < sizeof fmt ? size : sizeof fmt;
    if (want < 16 || fread(fmt, 1, want, f) != want)
        return VG_EPARSE;
    out->format = get_u16(fmt);
    if (out->format == FORMAT_EXTENSIBLE && want >= 26)
        out->format = get_u16(fmt + 24);
    out->channels = get_u16(fmt + 2);
    uint32_t rate_hz = get_u32(fmt + 4);
    unsigned bits = get_u16(fmt + 14);
    bool known = (out->format == FORMAT_PCM && bits == 16) ||
                 ((out->format == FORMAT_ALAW || out->format == FORMAT_ULAW) && bits == 8);
    if (!known || out->channels < 1 || out->channels > CHANNELS_MAX || rate_hz < RATE_MIN_HZ ||
        rate_hz > RATE_MAX_HZ)
        return VG_ENOTSUP;
    out->rate_hz = (int)rate_hz;
    out->sample_bytes = bits / 8;
    return wav_skip(f, (uint64_t)size - want + (size & 1));
}

static int wav_sample(const struct wav_format *format, const uint8_t *p)
{
    switch (format->format) {
    case FORMAT_ALAW: return alaw_to_linear(*p);
    case FORMAT_ULAW: return ulaw_to_linear(*p);
    default: return (int16_t)get_u16(p);
    }
}

/* Appends `frames` sample frames at `bytes`, channels averaged. */
static void wav_append(struct vg_wav *w, const struct wav_format *format, const uint8_t *bytes, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        int sum = 0;
        for (unsigned c = 0; c < format->channels; c++, bytes += format->sample_bytes)
            sum += wav_sample(format, bytes);
        w->pcm[w->samples++] = (int16_t)(sum / (int)format->channels);
    }
}

/* Room for `more` samples beyond the present ones. */
static int wav_reserve(struct vg_wav *w, size_t *cap, size_t more)
{
    if (w->samples + more > (size_t)w->rate_hz * SECONDS_MAX)
        return VG_ETOOBIG;
    if (w->samples + more <= *cap)
        return VG_OK;
    size_t cap_new = *cap * 2 > w->samples + more ? *cap * 2 : w->samples + more;
    int16_t *pcm = realloc(w->pcm, cap_new * sizeof *pcm);
    if (!pcm)
        return VG_ENOMEM;
    w->pcm = pcm;
    *cap = cap_new;
    return VG_OK;
}

/* Reads samples until `left` bytes or the end of the file, whichever comes first: headers of programs that
 * write into a pipe say 0 or 0xffffffff, and files get cut off. `first` holds bytes already read. */
static int wav_data_read(FILE *f, const struct wav_format *format, uint64_t left, const uint8_t *first,
                         size_t have, struct vg_wav *w)
{
    uint8_t bytes[PIECE_FRAMES * 2];
    size_t frame_bytes = format->channels * format->sample_bytes;
    size_t cap = 0;
    memcpy(bytes, first, have);
    for (;;) {
        size_t room = sizeof bytes - have;
        size_t n = fread(bytes + have, 1, left < room ? (size_t)left : room, f);
        left -= n;
        have += n;
        size_t frames = have / frame_bytes;
        int err = frames > 0 ? wav_reserve(w, &cap, frames) : VG_OK;
        if (err)
            return err;
        wav_append(w, format, bytes, frames);
        have -= frames * frame_bytes;
        memmove(bytes, bytes + frames * frame_bytes, have);
        if (n == 0)
            return ferror(f) ? VG_EIO : VG_OK;
    }
}

static int wav_riff_read(FILE *f, struct vg_wav *w)
{
    uint8_t head[8];
    /* The rest of the RIFF header: its size, of no use, and the form. */
    if (fread(head, 1, sizeof head, f) != sizeof head || memcmp(head + 4, "WAVE", 4) != 0)
        return VG_EPARSE;
    struct wav_format format = {0};
    while (fread(head, 1, sizeof head, f) == sizeof head) {
        uint32_t size = get_u32(head + 4);
        int err = VG_OK;
        if (memcmp(head, "data", 4) == 0) {
            if (!format.channels)
                return VG_EPARSE;
            w->rate_hz = format.rate_hz;
            uint64_t left = size == 0 || size == UINT32_MAX ? UINT64_MAX : size;
            return wav_data_read(f, &format, left, head, 0, w);
        }
        if (memcmp(head, "fmt ", 4) == 0)
            err = wav_format_read(f, size, &format);
        else
            err = wav_skip(f, (uint64_t)size + (size & 1));
        if (err)
            return err;
    }
    return ferror(f) ? VG_EIO : VG_EPARSE;
}

int vg_wav_read_file(FILE *f, struct vg_wav *out)
{
    struct vg_wav w = {0};
    uint8_t magic[4];
    size_t n = fread(magic, 1, sizeof magic, f);
    int err = VG_OK;
    if (n == sizeof magic && memcmp(magic, "RIFF", 4) == 0) {
        err = wav_riff_read(f, &w);
    } else {
        struct wav_format raw = {FORMAT_PCM, 1, RAW_RATE_HZ, 2};
        w.rate_hz = RAW_RATE_HZ;
        err = wav_data_read(f, &raw, UINT64_MAX, magic, n, &w);
    }
    if (err) {
        vg_wav_free(&w);
        return err;
    }
    *out = w;
    return VG_OK;
}

int vg_wav_read(const char *path, struct vg_wav *out)
{
    if (strcmp(path, "-") == 0)
        return vg_wav_read_file(stdin, out);
    FILE *f = fopen(path, "rb");
    if (!f)
        return VG_EIO;
    int err = vg_wav_read_file(f, out);
    fclose(f);
    return err;
}

void vg_wav_free(struct vg_wav *w)
{
    free(w->pcm);
    *w = (struct vg_wav){0};
}

static void wav_header(uint8_t head[HEADER_BYTES], uint32_t data_bytes, uint32_t rate_hz)
{
    memcpy(head, "RIFF", 4);
    uint8_t *p = put_u32(head + 4, data_bytes + HEADER_BYTES - 8);
    memcpy(p, "WAVEfmt ", 8);
    p = put_u32(p + 8, 16);
    p = put_u16(p, FORMAT_PCM);
    p = put_u16(p, 1);
    p = put_u32(p, rate_hz);
    p = put_u32(p, rate_hz * 2);
    p = put_u16(p, 2);
    p = put_u16(p, 16);
    memcpy(p, "data", 4);
    (void)put_u32(p + 4, data_bytes);
}

int vg_wav_write(const char *path, const int16_t *pcm, size_t samples, int rate_hz)
{
    if (samples > (UINT32_MAX - HEADER_BYTES) / 2)
        return VG_ETOOBIG;
    if (rate_hz <= 0)
        return VG_EINVAL;
    FILE *f = fopen(path, "wb");
    if (!f)
        return VG_EIO;
    uint8_t head[HEADER_BYTES];
    wav_header(head, (uint32_t)(samples * 2), (uint32_t)rate_hz);
    bool ok = fwrite(head, 1, sizeof head, f) == sizeof head;
    ok = ok && (samples == 0 || fwrite(pcm, 2, samples, f) == samples);
    ok = fclose(f) == 0 && ok;
    return ok ? VG_OK : VG_EIO;
}
