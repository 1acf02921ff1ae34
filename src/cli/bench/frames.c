/* Shapes and ready-made messages; see frames.h. */
#include "cli/bench/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench/wire.h"
#include "proto/base64.h"

enum {
    TURN_ENDS_SAMPLES = 12 * VG_RATE_HZ / 10, /* after its last word a turn must have its transcript */
    REPLY_OPUS_US = 20000,
};

static const struct shape SHAPES[] = {
    {"json250", "JSON, base64 PCM, 250 ms", VG_CODEC_PCM_S16LE, 16000, true, 250, 2000},
    {"json100", "JSON, base64 PCM, 100 ms", VG_CODEC_PCM_S16LE, 16000, true, 100, 1200},
    {"pcm20", "binary PCM, 20 ms", VG_CODEC_PCM_S16LE, 16000, false, 20, 500},
    {"pcm60", "binary PCM, 60 ms", VG_CODEC_PCM_S16LE, 16000, false, 60, 1000},
    {"pcm100", "binary PCM, 100 ms", VG_CODEC_PCM_S16LE, 16000, false, 100, 1500},
    {"pcmu20", "binary PCMU, 20 ms", VG_CODEC_PCMU, 8000, false, 20, 500},
    {"opus20", "binary Opus, 20 ms", VG_CODEC_OPUS, 16000, false, 20, 200},
};

const struct shape *shape_find(const char *name)
{
    for (size_t i = 0; i < VG_COUNT_OF(SHAPES); i++) {
        if (strcmp(SHAPES[i].name, name) == 0)
            return &SHAPES[i];
    }
    return NULL;
}

const char *shape_config(const struct shape *s, char out[256])
{
    if (s->json)
        return NULL;
    char format[96];
    snprintf(format, sizeof format, "{\"codec\":\"%s\",\"rate\":%d,\"transport\":\"binary\"}",
             vg_codec_name(s->codec), s->rate_hz);
    snprintf(out, 256, "{\"type\":\"config\",\"audio\":{\"in\":%s,\"out\":%s}}", format, format);
    return out;
}

int64_t shape_reply_us(const struct shape *s, size_t bytes)
{
    if (s->codec == VG_CODEC_OPUS)
        return REPLY_OPUS_US;
    size_t width = s->codec == VG_CODEC_PCM_S16LE ? 2 : 1;
    return (int64_t)(bytes / width) * 1000000 / s->rate_hz;
}

/* One chunk in the codec of the wire; `out` has room for a chunk of PCM. Returns bytes. */
static int encode_chunk(const struct shape *s, struct vg_encoder *e, const int16_t *pcm, size_t samples,
                        uint8_t *out)
{
    if (s->codec == VG_CODEC_PCM_S16LE) {
        memcpy(out, pcm, samples * 2);
        return (int)samples * 2;
    }
    int total = 0;
    for (size_t at = 0; at < samples; at += VG_FRAME_SAMPLES) {
        int n = vg_encode(e, pcm + at, out + total, VG_BLOCK_BYTES);
        if (n < 0)
            return n;
        total += n;
    }
    return total;
}

static size_t write_json(uint8_t *out, const uint8_t *audio, size_t bytes)
{
    static const char HEAD[] = "{\"type\":\"audio\",\"data\":\"", TAIL[] = "\"}";
    char *at = (char *)out;
    memcpy(at, HEAD, sizeof HEAD - 1);
    at += sizeof HEAD - 1;
    at += vg_base64_encode(at, audio, bytes);
    memcpy(at, TAIL, sizeof TAIL - 1);
    return (size_t)(at - (char *)out) + sizeof TAIL - 1;
}

static int fill(struct frames *f, const struct speech *speech, size_t chunk, size_t message_max)
{
    struct vg_encoder_config config = {f->shape->codec, f->shape->rate_hz, 24000, 5};
    struct vg_encoder *encoder = vg_encoder_new(&config);
    uint8_t *audio = malloc(chunk * 2 + VG_BLOCK_BYTES), *message = malloc(message_max);
    int n = encoder && audio && message ? 0 : VG_ENOMEM;
    for (size_t i = 0; i < f->count && n >= 0; i++) {
        n = encode_chunk(f->shape, encoder, speech->pcm + i * chunk, chunk, audio);
        if (n < 0)
            break;
        size_t bytes = (size_t)n;
        if (f->shape->json)
            bytes = write_json(message, audio, bytes);
        f->offset[i + 1] =
            f->offset[i] + wire_frame(f->bytes + f->offset[i], f->shape->json ? WIRE_TEXT : WIRE_BINARY,
                                      f->shape->json ? message : audio, bytes);
    }
    free(audio);
    free(message);
    vg_encoder_free(encoder);
    return n < 0 ? n : 0;
}

static void note_utterances(struct frames *f, const struct speech *s, size_t chunk)
{
    for (size_t i = 0; i <= f->count; i++) {
        for (size_t u = 0; u < s->count; u++) {
            f->begun[i] += s->utterances[u].start < i * chunk;
            f->due[i] += s->utterances[u].end + TURN_ENDS_SAMPLES <= i * chunk;
            if (i < f->count && (s->utterances[u].end - 1) / chunk == i)
                f->closes[i] = true;
        }
    }
}

int frames_make(struct frames *out, const struct shape *shape, const struct speech *speech)
{
    size_t chunk = (size_t)shape->chunk_ms * (VG_RATE_HZ / 1000);
    struct frames f = {.shape = shape, .count = speech->samples / chunk};
    size_t message_max = VG_BASE64_BOUND(chunk * 2) + 64;
    f.bytes = malloc(f.count * (message_max + WIRE_HEAD_MAX));
    f.offset = calloc(f.count + 1, sizeof *f.offset);
    f.begun = calloc(f.count + 1, sizeof *f.begun);
    f.due = calloc(f.count + 1, sizeof *f.due);
    f.closes = calloc(f.count + 1, sizeof *f.closes);
    int err = f.bytes && f.offset && f.begun && f.due && f.closes ? fill(&f, speech, chunk, message_max)
                                                                  : VG_ENOMEM;
    if (err) {
        frames_free(&f);
        return err;
    }
    note_utterances(&f, speech, chunk);
    *out = f;
    return 0;
}

void frames_free(struct frames *f)
{
    free(f->bytes);
    free(f->offset);
    free(f->begun);
    free(f->due);
    free(f->closes);
    *f = (struct frames){0};
}

int64_t frames_turns(const struct frames *f, uint64_t first, uint64_t next)
{
    int64_t all = f->due[f->count], laps = (int64_t)(next / f->count);
    int64_t turns = laps * all + f->due[next % f->count] - f->begun[first % f->count];
    return turns > 0 ? turns : 0;
}
