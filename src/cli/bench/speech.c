/* The conversation of a load test; see speech.h. */
#include "cli/bench/speech.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audio/codec.h"
#include "audio/wav.h"

enum {
    RATE = VG_RATE_HZ,
    FRAME = VG_FRAME_SAMPLES,
    PAUSE_FRAMES = 15,    /* a longer pause ends an utterance */
    SHORTEST_FRAMES = 30, /* shorter sounds are no turn */
    LONGEST_FRAMES = 200, /* cut here */
    GAP_LEAST_SAMPLES = 14 * RATE / 10,
    LOOP_MOST_SAMPLES = 75 * RATE, /* as much as is taken of a large folder */
    FILES_MAX = 256,
};

static const double speech_below_peak_db = 30.0;

static void silence(int16_t *pcm, size_t samples)
{
    static uint32_t random = 1;
    for (size_t i = 0; i < samples; i++) {
        random = random * 1664525u + 1013904223u;
        pcm[i] = (int16_t)((int)(random >> 30) - 2); /* the noise of a quiet line */
    }
}

static double level_db(const int16_t *pcm)
{
    double sum = 1;
    for (int i = 0; i < FRAME; i++)
        sum += (double)pcm[i] * pcm[i];
    return 10 * log10(sum / FRAME);
}

static int append(struct speech *s, const int16_t *pcm, size_t samples, int64_t talk_pct)
{
    size_t gap = talk_pct > 0 ? samples * (size_t)(100 - talk_pct) / (size_t)talk_pct : samples;
    if (gap < GAP_LEAST_SAMPLES)
        gap = GAP_LEAST_SAMPLES;
    int16_t *grown = realloc(s->pcm, (s->samples + samples + gap) * sizeof *grown);
    if (!grown)
        return VG_ENOMEM;
    s->pcm = grown;
    struct utterance *list = realloc(s->utterances, (s->count + 1) * sizeof *list);
    if (!list)
        return VG_ENOMEM;
    s->utterances = list;
    list[s->count++] = (struct utterance){s->samples, s->samples + samples};
    memcpy(s->pcm + s->samples, pcm, samples * sizeof *pcm);
    silence(s->pcm + s->samples + samples, gap);
    s->samples += samples + gap;
    return 0;
}

/* Cuts a recording at its pauses. */
static int append_recording(struct speech *s, const int16_t *pcm, size_t samples, int64_t talk_pct)
{
    size_t frames = samples / FRAME, first = 0, last = 0;
    double peak = 0;
    int err = 0;
    for (size_t i = 0; i < frames; i++)
        peak = fmax(peak, level_db(pcm + i * FRAME));
    bool open = false;
    for (size_t i = 0; i <= frames && !err; i++) {
        bool loud = i < frames && level_db(pcm + i * FRAME) > peak - speech_below_peak_db;
        if (loud && !open)
            first = i, open = true;
        if (loud)
            last = i;
        bool over = open && (i == frames || i - last > PAUSE_FRAMES || i - first >= LONGEST_FRAMES);
        if (!over)
            continue;
        open = false;
        if (last - first + 1 >= SHORTEST_FRAMES && s->samples < LOOP_MOST_SAMPLES)
            err = append(s, pcm + first * FRAME, (last - first + 1) * FRAME, talk_pct);
    }
    return err;
}

static int append_file(struct speech *s, const char *path, int64_t talk_pct)
{
    struct vg_wav wav;
    int err = vg_wav_read(path, &wav);
    if (err)
        return err;
    struct vg_resampler *r = vg_resampler_new(wav.rate_hz, RATE);
    size_t cap = r ? vg_resampler_bound(r, wav.samples) : 0;
    int16_t *pcm = r ? malloc(cap * sizeof *pcm + 1) : NULL;
    int n = pcm ? vg_resample(r, wav.pcm, wav.samples, pcm, cap) : VG_ENOMEM;
    err = n < 0 ? n : append_recording(s, pcm, (size_t)n, talk_pct);
    free(pcm);
    vg_resampler_free(r);
    vg_wav_free(&wav);
    return err;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int append_folder(struct speech *s, const char *path, int64_t talk_pct)
{
    char *names[FILES_MAX];
    size_t n = 0;
    int err = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return VG_EIO;
    for (struct dirent *e; (e = readdir(dir)) && n < FILES_MAX;) {
        size_t length = strlen(e->d_name);
        if (length > 4 && strcmp(e->d_name + length - 4, ".wav") == 0 &&
            strncmp(e->d_name, "noise", 5) != 0 && asprintf(&names[n], "%s/%s", path, e->d_name) > 0)
            n++;
    }
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (!err)
            err = append_file(s, names[i], talk_pct);
        free(names[i]);
    }
    return err;
}

/* A voice of 20 harmonics that opens its mouth four times a second. */
static int append_synthetic(struct speech *s, int64_t talk_pct)
{
    static const int lengths_ms[] = {1200, 2400, 1800, 3000, 900, 2100, 2700, 1500};
    int16_t *pcm = malloc(3 * RATE * sizeof *pcm);
    int err = pcm ? 0 : VG_ENOMEM;
    for (size_t u = 0; u < VG_COUNT_OF(lengths_ms) && !err; u++) {
        size_t n = (size_t)lengths_ms[u] * RATE / 1000;
        double phase = 0;
        for (size_t i = 0; i < n; i++) {
            double t = (double)i / RATE, sample = 0;
            double pitch = 120 + 15.0 * (double)(u % 4) + 12 * sin(2 * M_PI * 1.5 * t);
            phase += 2 * M_PI * pitch / RATE;
            for (int k = 1; k <= 20; k++)
                sample += sin(k * phase) / k * (1 + 0.8 * cos(2 * M_PI * (k * pitch - 600) / 1400));
            sample *= 2500 * (0.55 - 0.45 * cos(2 * M_PI * 4 * t));
            pcm[i] = (int16_t)fmax(-32000, fmin(32000, sample));
        }
        err = append(s, pcm, n, talk_pct);
    }
    free(pcm);
    return err;
}

/* The loop becomes a whole number of steps. */
static int pad(struct speech *s)
{
    size_t more = (SPEECH_STEP_SAMPLES - s->samples % SPEECH_STEP_SAMPLES) % SPEECH_STEP_SAMPLES;
    int16_t *grown = realloc(s->pcm, (s->samples + more) * sizeof *grown);
    if (!grown)
        return VG_ENOMEM;
    s->pcm = grown;
    silence(s->pcm + s->samples, more);
    s->samples += more;
    return 0;
}

int speech_load(struct speech *out, const char *path, int64_t talk_pct)
{
    struct speech s = {0};
    struct stat st;
    int err;
    if (!path)
        err = append_synthetic(&s, talk_pct);
    else if (stat(path, &st))
        err = VG_ENOENT;
    else if (S_ISDIR(st.st_mode))
        err = append_folder(&s, path, talk_pct);
    else
        err = append_file(&s, path, talk_pct);
    if (!err)
        err = s.count == 0 ? VG_ENOENT : pad(&s);
    if (err) {
        speech_free(&s);
        return err;
    }
    size_t spoken = 0;
    for (size_t i = 0; i < s.count; i++)
        spoken += s.utterances[i].end - s.utterances[i].start;
    s.share = (double)spoken / (double)s.samples;
    *out = s;
    return 0;
}

void speech_free(struct speech *s)
{
    free(s->pcm);
    free(s->utterances);
    *s = (struct speech){0};
}
