/* Recordings for measuring; see corpus.h. */
#include "corpus.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/vad.h"
#include "audio/wav.h"

const char *const channel_names[CHANNELS] = {"clean 16 kHz", "mu-law 8 kHz", "Opus 24 kbit/s"};

static int by_level(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t clip_onset(const struct clip *clip)
{
    float *db = calloc(clip->frames, sizeof *db);
    float *sorted = calloc(clip->frames, sizeof *sorted);
    size_t onset = 0;
    for (size_t i = 0; db && sorted && i < clip->frames; i++)
        sorted[i] = db[i] = vg_level_db(clip->pcm + i * VG_FRAME_SAMPLES, VG_FRAME_SAMPLES);
    if (db && sorted) {
        qsort(sorted, clip->frames, sizeof *sorted, by_level);
        float threshold_db = sorted[clip->frames * 95 / 100] - 28.0f;
        while (onset < clip->frames && db[onset] <= threshold_db)
            onset++;
    }
    free(db);
    free(sorted);
    return onset;
}

static enum clip_kind clip_kind(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/manifest.tsv", folder);
    enum clip_kind kind = strstr(name, "noise") ? CLIP_NOISE : CLIP_ENGLISH;
    FILE *f = fopen(path, "r");
    char line[4096];
    while (f && fgets(line, sizeof line, f)) {
        char file[NAME_BYTES];
        char lang[16];
        char type[32];
        if (sscanf(line, "%63[^\t]\t%*[^\t]\t%15[^\t]\t%31[^\t]", file, lang, type) == 3 &&
            strcmp(file, name) == 0)
            kind = strcmp(type, "noise") == 0 ? CLIP_NOISE
                   : strcmp(lang, "en") == 0  ? CLIP_ENGLISH
                                              : CLIP_OTHER;
    }
    if (f)
        fclose(f);
    return kind;
}

static int clip_read(struct clip *clip, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct vg_wav w;
    if (vg_wav_read(path, &w) != VG_OK)
        return -1;
    if (w.rate_hz != VG_RATE_HZ || w.samples < VG_FRAME_SAMPLES) {
        vg_wav_free(&w);
        return -1;
    }
    *clip =
        (struct clip){.kind = clip_kind(folder, name), .pcm = w.pcm, .frames = w.samples / VG_FRAME_SAMPLES};
    snprintf(clip->name, sizeof clip->name, "%s", name);
    clip->onset_frame = clip_onset(clip);
    return 0;
}

int corpus_read(struct corpus *c, const char *folder)
{
    c->n = 0;
    struct dirent **names = NULL;
    int n = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]->d_name);
        bool wav = length > 4 && strcmp(names[i]->d_name + length - 4, ".wav") == 0;
        if (wav && c->n < CLIPS_MAX && clip_read(&c->clips[c->n], folder, names[i]->d_name) == 0)
            c->n++;
        free(names[i]);
    }
    free(names);
    return c->n > 0 ? 0 : -1;
}

void corpus_free(struct corpus *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->clips[i].pcm);
    c->n = 0;
}

static int16_t saturate(double v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : lrint(v));
}

struct heard heard_new(const struct clip *clip, size_t lead, size_t tail, bool dither)
{
    struct heard h = {.frames = lead + clip->frames + tail, .clip_frame = lead};
    h.pcm = calloc(h.frames * VG_FRAME_SAMPLES, sizeof *h.pcm);
    if (!h.pcm)
        abort();
    memcpy(h.pcm + lead * VG_FRAME_SAMPLES, clip->pcm, clip->frames * VG_FRAME_SAMPLES * sizeof *h.pcm);
    uint32_t random = 1;
    for (size_t i = 0; i < h.frames * VG_FRAME_SAMPLES; i++) {
        size_t frame = i / VG_FRAME_SAMPLES;
        random = random * 1664525u + 1013904223u;
        if (dither || frame < lead || frame >= lead + clip->frames)
            h.pcm[i] = saturate(h.pcm[i] + (double)((random >> 16) % 17) - 8);
    }
    return h;
}

void heard_add_echo(struct heard *h, const struct clip *agent, float down_db, float *agent_db)
{
    const size_t delay[] = {640, 720, 832};
    const double share[] = {1.0, 0.4, 0.25};
    size_t loop = agent->frames * VG_FRAME_SAMPLES;
    double gain = pow(10, -down_db / 20) / 1.16;
    for (size_t i = 0; i < h->frames * VG_FRAME_SAMPLES; i++) {
        double v = h->pcm[i];
        for (size_t k = 0; k < VG_COUNT_OF(delay); k++) {
            if (i >= delay[k])
                v += gain * share[k] * agent->pcm[(i - delay[k]) % loop];
        }
        h->pcm[i] = saturate(v);
    }
    for (size_t f = 0; f < h->frames; f++)
        agent_db[f] = vg_level_db(agent->pcm + f % agent->frames * VG_FRAME_SAMPLES, VG_FRAME_SAMPLES);
}

void heard_send(struct heard *h, enum channel channel)
{
    if (channel == CHANNEL_CLEAN)
        return;
    bool opus = channel == CHANNEL_OPUS;
    struct vg_encoder_config config = {opus ? VG_CODEC_OPUS : VG_CODEC_PCMU, opus ? 16000 : 8000, 24000, 5};
    struct vg_encoder *e = vg_encoder_new(&config);
    struct vg_decoder *d = vg_decoder_new(config.codec, config.rate_hz);
    size_t room = h->frames * VG_FRAME_SAMPLES;
    int16_t *out = calloc(room + VG_FRAME_SAMPLES, sizeof *out);
    if (!e || !d || !out)
        abort();
    size_t n = 0;
    for (size_t f = 0; f < h->frames; f++) {
        uint8_t wire[VG_BLOCK_BYTES];
        int bytes = vg_encode(e, h->pcm + f * VG_FRAME_SAMPLES, wire, sizeof wire);
        int got = bytes > 0 ? vg_decode(d, wire, (size_t)bytes, out + n, room + VG_FRAME_SAMPLES - n) : -1;
        if (got < 0)
            abort();
        n += (size_t)got;
    }
    memcpy(h->pcm, out, room * sizeof *out);
    free(out);
    vg_encoder_free(e);
    vg_decoder_free(d);
}

void heard_free(struct heard *h)
{
    free(h->pcm);
    h->pcm = NULL;
}
