/* Word error of the PocketSphinx adapter behind the real turn detection, without a gateway: the recipe, and
 * naive streaming beside it. Each clip is the first utterance of a fresh session; errors are pooled over
 * words; the turns of a clip are joined.
 *
 *     VOXGATE_SPEECH_CORPUS=dir wer_offline [--realtime] [--recipe-only] [--verbose] [--words FILE]
 *
 * The corpus is a folder with manifest.tsv (columns file, seconds, lang, kind, transcript). As fast as it
 * goes, finals are never capped, so that the text does not depend on the machine; with --realtime audio is
 * paced, the cap is 500 ms and the delays of the finals are told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/turn.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/nursery.h"
#include "provider/stt/adapters.h"
#include "word_errors.h"

enum {
    PAD_BEFORE_SAMPLES = VG_RATE_HZ / 2,
    PAD_AFTER_SAMPLES = VG_RATE_HZ * 2,
    TEXT_MAX = 8192,
    DELAYS_MAX = 1000,
    CAP_MS = 500,
    NO_CAP_MS = 120000,
};

struct bench {
    struct vg_loop *loop;
    struct vg_nursery *nursery;
    struct vg_timer *timer;
    bool realtime, verbose;
    const char *words; /* of a vocabulary, or NULL */

    /* the clip */
    int16_t *pcm;
    size_t frames, frame;
    struct vg_vad *vad;
    struct vg_turn turn;
    struct vg_stt *stt;
    uint32_t turns;
    size_t wanted; /* finals still to come */
    char text[TEXT_MAX];
    int64_t finish_us;

    /* the run */
    struct word_errors errors;
    size_t clips, split, missed, noise_turns, failed;
    int64_t audio_us, cpu_us;
    double delays_ms[DELAYS_MAX];
    size_t delay_count;
};

/* ------------------------------------------------------------------------------------------------- events */
static void on_final(void *arg, const struct vg_stt_result *r)
{
    struct bench *b = arg;
    size_t len = strlen(b->text);
    snprintf(b->text + len, sizeof b->text - len, "%s%s", len ? " " : "", r->text);
    if (b->delay_count < DELAYS_MAX)
        b->delays_ms[b->delay_count++] = (double)(vg_mono_us() - b->finish_us) / VG_US_PER_MS;
    b->cpu_us += r->engine_cpu_us;
    b->wanted--;
}

static void on_failed(void *arg, uint32_t utterance, int err)
{
    struct bench *b = arg;
    fprintf(stderr, "turn %u failed: %s\n", utterance, vg_strerror(err));
    b->failed++;
    b->wanted--;
}

static const struct vg_stt_events events = {.final = on_final, .failed = on_failed};

/* ------------------------------------------------------------------------------------------------- one clip
 */
static void check(int err)
{
    if (err) {
        fprintf(stderr, "wer_offline: %s\n", vg_strerror(err));
        exit(1);
    }
}

static void step_frame(struct bench *b)
{
    const struct vg_stt_ops *ops = &vg_stt_pocketsphinx;
    const int16_t *frame = b->pcm + b->frame * VG_FRAME_SAMPLES;
    struct vg_vad_frame judged = vg_vad_process(b->vad, frame);
    bool was_open = b->turn.open;
    enum vg_turn_event event = vg_turn_step(&b->turn, &judged);
    b->frame++;
    if (event == VG_TURN_STARTED) {
        int64_t start_samples = b->turn.start_frame * VG_FRAME_SAMPLES;
        check(ops->begin(b->stt, ++b->turns, start_samples));
        check(
            ops->audio(b->stt, b->pcm + start_samples, b->frame * VG_FRAME_SAMPLES - (size_t)start_samples));
    } else if (was_open) {
        check(ops->audio(b->stt, frame, VG_FRAME_SAMPLES));
    }
    if (event == VG_TURN_PAUSED) {
        ops->pause(b->stt);
    } else if (event == VG_TURN_RESUMED) {
        ops->resume(b->stt);
    } else if (event == VG_TURN_ENDED) {
        check(ops->finish(b->stt, (int64_t)b->frame * VG_FRAME_SAMPLES));
        b->finish_us = vg_mono_us();
        b->wanted++;
    } else if (event == VG_TURN_DROPPED) {
        b->turns--;
        ops->cancel(b->stt);
    }
}

static void on_timer(void *arg)
{
    struct bench *b = arg;
    if (b->realtime && b->frame < b->frames)
        step_frame(b);
    /* Not paced: a whole turn at once, then its final, then on. */
    while (!b->realtime && !b->wanted && b->frame < b->frames)
        step_frame(b);
    if (b->frame == b->frames && !b->wanted)
        vg_loop_stop(b->loop);
}

static void dither(int16_t *out, size_t samples)
{
    unsigned seed = 1;
    for (size_t i = 0; i < samples; i++) {
        seed = seed * 1664525U + 1013904223U;
        out[i] = (int16_t)((int)((seed >> 16) % 17) - 8);
    }
}

static void load_clip(struct bench *b, const char *path)
{
    struct vg_wav wav;
    check(vg_wav_read(path, &wav));
    size_t total =
        (PAD_BEFORE_SAMPLES + wav.samples + PAD_AFTER_SAMPLES) / VG_FRAME_SAMPLES * VG_FRAME_SAMPLES;
    b->pcm = calloc(total, sizeof *b->pcm);
    if (!b->pcm || wav.rate_hz != VG_RATE_HZ)
        check(VG_ENOTSUP);
    dither(b->pcm, total);
    memcpy(b->pcm + PAD_BEFORE_SAMPLES, wav.pcm, wav.samples * sizeof *wav.pcm);
    vg_wav_free(&wav);
    b->frames = total / VG_FRAME_SAMPLES;
}

static void run_clip(struct bench *b, const char *path)
{
    load_clip(b, path);
    b->frame = 0;
    b->turns = 0;
    b->text[0] = '\0';
    b->vad = vg_vad_new();
    struct vg_turn_config config = vg_turn_config_default();
    vg_turn_init(&b->turn, &config);
    struct vg_engine_env env = {.loop = b->loop, .nursery = b->nursery};
    struct vg_stt_params params = {.call_id = path,
                                   .language = "en",
                                   .vocabulary = &b->words,
                                   .vocabulary_count = b->words ? 1 : 0,
                                   .final_cap_ms = b->realtime ? CAP_MS : NO_CAP_MS};
    check(vg_stt_pocketsphinx.open(&b->stt, &env, &params, &events, b));
    vg_timer_start(b->timer, 0, b->realtime ? VG_FRAME_US : VG_US_PER_MS);
    vg_loop_run(b->loop);
    vg_timer_stop(b->timer);
    vg_stt_pocketsphinx.close(b->stt);
    vg_vad_free(b->vad);
    free(b->pcm);
    b->audio_us += (int64_t)b->frames * VG_FRAME_US;
}

/* -------------------------------------------------------------------------------------------------- the run
 */
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_line(struct bench *b, const char *dir, char *line)
{
    char *field[5];
    for (size_t i = 0; i < VG_COUNT_OF(field); i++)
        field[i] = strsep(&line, "\t");
    if (!field[4] || strcmp(field[0], "file") == 0)
        return;
    bool noise = strcmp(field[3], "noise") == 0;
    if (!noise && strcmp(field[2], "en") != 0)
        return;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, field[0]);
    run_clip(b, path);
    if (b->verbose)
        printf("%-26s %u  %s\n", field[0], b->turns, b->text);
    if (noise) {
        b->noise_turns += b->turns;
        return;
    }
    b->clips++;
    b->split += b->turns > 1;
    b->missed += b->turns == 0;
    word_errors_add(&b->errors, field[4], b->text);
}

static void report(struct bench *b, const char *name)
{
    qsort(b->delays_ms, b->delay_count, sizeof *b->delays_ms, compare);
    double p50 = b->delay_count ? b->delays_ms[b->delay_count / 2] : 0;
    double p95 = b->delay_count ? b->delays_ms[b->delay_count * 95 / 100] : 0;
    printf("%s: word error %.1f %% (%zu of %zu words, %zu clips, %zu split, %zu missed, %zu failed), noise "
           "turns %zu, "
           "engine CPU %.3f of audio",
           name, word_errors_pct(&b->errors), b->errors.errors, b->errors.words, b->clips, b->split,
           b->missed, b->failed, b->noise_turns, (double)b->cpu_us / (double)b->audio_us);
    if (b->realtime)
        printf(", final after the endpoint p50 %.0f p95 %.0f ms", p50, p95);
    printf("\n");
}

static void run(const char *name, struct vg_nursery *nursery, const char *dir, bool realtime, bool verbose,
                const char *words)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/manifest.tsv", dir);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "wer_offline: cannot read %s\n", path);
        exit(1);
    }
    struct bench *b = calloc(1, sizeof *b);
    check(b ? 0 : VG_ENOMEM);
    b->nursery = nursery;
    b->realtime = realtime;
    b->verbose = verbose;
    b->words = words;
    b->loop = vg_loop_new("bench");
    b->timer = vg_timer_new(b->loop, on_timer, b);
    char line[4096];
    while (fgets(line, sizeof line, f))
        run_line(b, dir, line);
    fclose(f);
    report(b, name);
    vg_timer_free(b->timer);
    vg_loop_free(b->loop);
    free(b);
}

static struct vg_nursery *start(const struct vg_sphinx_config *config)
{
    struct vg_nursery_program program = vg_stt_pocketsphinx_program;
    program.config = config;
    struct vg_nursery *n = NULL;
    check(vg_nursery_start(&n, &program, 1));
    check(vg_nursery_wait(n, 60000));
    return n;
}

/* All of a small file on one line, for the life of the process. */
static const char *read_words(const char *path)
{
    static char text[4000];
    FILE *f = fopen(path, "r");
    check(f ? 0 : VG_ENOENT);
    size_t got = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    for (size_t i = 0; i < got; i++)
        if (text[i] == '\n')
            text[i] = ' ';
    return text;
}

int main(int argc, char **argv)
{
    bool realtime = false, naive = true, verbose = false;
    const char *words = NULL;
    for (int i = 1; i < argc; i++) {
        realtime |= strcmp(argv[i], "--realtime") == 0;
        naive &= strcmp(argv[i], "--recipe-only") != 0;
        verbose |= strcmp(argv[i], "--verbose") == 0;
        if (strcmp(argv[i], "--words") == 0 && i + 1 < argc)
            words = read_words(argv[++i]);
    }
    const char *dir = getenv("VOXGATE_SPEECH_CORPUS");
    if (!dir) {
        fprintf(stderr, "wer_offline: set VOXGATE_SPEECH_CORPUS to a folder with manifest.tsv\n");
        return 2;
    }
    struct vg_nursery *n = start(&(struct vg_sphinx_config){0});
    run("recipe", n, dir, realtime, verbose, words);
    vg_nursery_free(n);
    if (naive) {
        n = start(&(struct vg_sphinx_config){.naive = true});
        run("naive", n, dir, realtime, verbose, NULL);
        vg_nursery_free(n);
    }
    return 0;
}
