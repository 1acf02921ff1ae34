/* Cost of the media path's parts, in nanoseconds an operation.
 *
 * Usage: micro_audio [--json]. Each figure is the best of five rounds of CPU time of one thread (the
 * two-thread ring: wall time), so that a busy machine disturbs little. No recordings are needed. */
#include <math.h>
#include <pthread.h>
#include <samplerate.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/pace.h"
#include "audio/ring.h"
#include "audio/turn.h"
#include "audio/vad.h"
#include "base/clock.h"

enum { ROUNDS = 5, FRAMES = 500, SAMPLES = FRAMES * VG_FRAME_SAMPLES, MANY = 2000000, RING = 256 };

static int16_t speech[SAMPLES];
static int16_t silence[SAMPLES];
static bool json;
static int printed;
static volatile int64_t sink; /* keeps results alive */

static void report(const char *name, const char *unit, double ns)
{
    if (json)
        printf("%s\n  {\"name\": \"%s\", \"per\": \"%s\", \"ns\": %.1f}", printed++ ? "," : "[", name, unit,
               ns);
    else
        printf("%-44s %12.1f ns / %s\n", name, ns, unit);
}

/* Runs `work(arg)`, which does `n` operations, and reports the best round. */
static void measure(const char *name, const char *unit, size_t n, void (*work)(void *arg), void *arg)
{
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t before_us = vg_thread_cpu_us();
        work(arg);
        int64_t us = vg_thread_cpu_us() - before_us;
        best_us = us < best_us ? us : best_us;
    }
    report(name, unit, (double)best_us * 1000.0 / (double)n);
}

/* Syllables of a buzzy vowel, 200 ms on and 100 ms off, over a little noise. */
static void make_audio(void)
{
    uint32_t random = 1;
    for (int i = 0; i < SAMPLES; i++) {
        random = random * 1664525u + 1013904223u;
        int noise = (int)((random >> 16) % 17) - 8;
        double t = (double)i / VG_RATE_HZ;
        double v = 0;
        for (int k = 1; k <= 12; k++)
            v += sin(2 * M_PI * 140 * k * t) / (1 + 0.3 * k);
        bool on = i % (VG_RATE_HZ * 3 / 10) < VG_RATE_HZ / 5;
        speech[i] = (int16_t)((on ? 2500 * v : 0) + noise);
        silence[i] = (int16_t)noise;
    }
}

/* --- queues
 * --------------------------------------------------------------------------------------------------- */

static void ring_one_thread(void *arg)
{
    struct vg_slot slot = {.block = 1};
    for (int i = 0; i < MANY; i++) {
        if (vg_ring_push(arg, &slot) != VG_OK || !vg_ring_pop(arg, &slot))
            abort();
    }
    sink = slot.block;
}

static void *ring_producer(void *arg)
{
    struct vg_slot slot = {.block = 1};
    for (int i = 0; i < MANY;) {
        if (vg_ring_push(arg, &slot) == VG_OK)
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void ring_two_threads(struct vg_ring *ring)
{
    double best_ns = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t producer;
        int64_t before_us = vg_mono_us();
        if (pthread_create(&producer, NULL, ring_producer, ring) != 0)
            abort();
        struct vg_slot slot;
        for (int i = 0; i < MANY;) {
            if (vg_ring_pop(ring, &slot))
                i++;
            else
                sched_yield();
        }
        pthread_join(producer, NULL);
        double ns = (double)(vg_mono_us() - before_us) * 1000.0 / MANY;
        best_ns = ns < best_ns ? ns : best_ns;
    }
    report("ring push and pop, two threads (wall)", "slot", best_ns);
}

static void block_pairs(void *arg)
{
    for (int i = 0; i < MANY; i++)
        vg_block_give(arg, vg_block_take(arg));
}

static void bench_queues(void)
{
    struct vg_ring *ring = vg_ring_new(RING);
    struct vg_block_pool *pool = vg_block_pool_new(1 << 20);
    if (!ring || !pool)
        abort();
    measure("ring push and pop, one thread", "slot", MANY, ring_one_thread, ring);
    ring_two_threads(ring);
    measure("block take and give", "block", MANY, block_pairs, pool);
    vg_ring_free(ring);
    vg_block_pool_free(pool);
}

/* --- codecs
 * --------------------------------------------------------------------------------------------------- */

struct codec_work {
    struct vg_encoder *encoder;
    struct vg_decoder *decoder;
    uint8_t wire[FRAMES][2048];
    int bytes[FRAMES];
};

static void encode_all(void *arg)
{
    struct codec_work *w = arg;
    for (int i = 0; i < FRAMES; i++)
        w->bytes[i] = vg_encode(w->encoder, speech + i * VG_FRAME_SAMPLES, w->wire[i], sizeof w->wire[i]);
}

static void decode_all(void *arg)
{
    struct codec_work *w = arg;
    int16_t pcm[1920];
    for (int i = 0; i < FRAMES; i++)
        sink += vg_decode(w->decoder, w->wire[i], (size_t)w->bytes[i], pcm, VG_COUNT_OF(pcm));
}

static void bench_codecs(void)
{
    const struct vg_encoder_config configs[] = {
        {VG_CODEC_PCM_S16LE, 8000, 0, 0},  {VG_CODEC_PCM_S16LE, 16000, 0, 0},
        {VG_CODEC_PCM_S16LE, 24000, 0, 0}, {VG_CODEC_PCM_S16LE, 44100, 0, 0},
        {VG_CODEC_PCM_S16LE, 48000, 0, 0}, {VG_CODEC_PCMU, 8000, 0, 0},
        {VG_CODEC_PCMA, 8000, 0, 0},       {VG_CODEC_OPUS, 16000, 24000, 5},
        {VG_CODEC_OPUS, 48000, 24000, 9},
    };
    static struct codec_work work;
    for (size_t i = 0; i < VG_COUNT_OF(configs); i++) {
        char name[64];
        const char *codec = vg_codec_name(configs[i].codec);
        work.encoder = vg_encoder_new(&configs[i]);
        work.decoder = vg_decoder_new(configs[i].codec, configs[i].rate_hz);
        if (!work.encoder || !work.decoder)
            abort();
        int length = snprintf(name, sizeof name, "encode %s %d Hz", codec, configs[i].rate_hz);
        if (configs[i].codec == VG_CODEC_OPUS)
            snprintf(name + length, sizeof name - (size_t)length, ", complexity %d",
                     configs[i].opus_complexity);
        measure(name, "20 ms", FRAMES, encode_all, &work);
        snprintf(name, sizeof name, "decode %s %d Hz", codec, configs[i].rate_hz);
        measure(name, "20 ms", FRAMES, decode_all, &work);
        work.encoder = vg_encoder_free(work.encoder);
        work.decoder = vg_decoder_free(work.decoder);
    }
}

/* --- resamplers
 * ------------------------------------------------------------------------------------------------ */

struct resample_work {
    struct vg_resampler *speex;
    SRC_STATE *src;
    int from_hz, to_hz;
};

static void resample_speex(void *arg)
{
    struct resample_work *w = arg;
    int16_t out[2048];
    size_t n = (size_t)w->from_hz / 50;
    for (int i = 0; i < 100; i++)
        sink += vg_resample(w->speex, speech + (size_t)i * n, n, out, VG_COUNT_OF(out));
}

static void resample_src(void *arg)
{
    struct resample_work *w = arg;
    float in[1024];
    float out[2048];
    int16_t pcm[2048];
    int n = w->from_hz / 50;
    for (int i = 0; i < 100; i++) {
        src_short_to_float_array(speech + i * n, in, n);
        SRC_DATA data = {.data_in = in,
                         .data_out = out,
                         .input_frames = n,
                         .output_frames = (long)VG_COUNT_OF(out),
                         .src_ratio = (double)w->to_hz / w->from_hz};
        if (src_process(w->src, &data) != 0)
            abort();
        src_float_to_short_array(out, pcm, (int)data.output_frames_gen);
        sink += pcm[0];
    }
}

static void bench_resamplers(void)
{
    const int pairs[][2] = {{8000, 16000}, {16000, 8000}, {48000, 16000}, {16000, 48000}, {44100, 16000}};
    for (size_t i = 0; i < VG_COUNT_OF(pairs); i++) {
        int err = 0;
        struct resample_work w = {vg_resampler_new(pairs[i][0], pairs[i][1]),
                                  src_new(SRC_SINC_FASTEST, 1, &err), pairs[i][0], pairs[i][1]};
        if (!w.speex || !w.src)
            abort();
        char name[64];
        snprintf(name, sizeof name, "speexdsp q3 %d to %d Hz", w.from_hz, w.to_hz);
        measure(name, "20 ms", 100, resample_speex, &w);
        snprintf(name, sizeof name, "libsamplerate fastest %d to %d Hz", w.from_hz, w.to_hz);
        measure(name, "20 ms", 100, resample_src, &w);
        vg_resampler_free(w.speex);
        src_delete(w.src);
    }
}

/* --- decisions
 * -------------------------------------------------------------------------------------------------- */

struct vad_work {
    struct vg_vad *vad;
    const int16_t *pcm;
};

static void vad_all(void *arg)
{
    struct vad_work *w = arg;
    for (int i = 0; i < FRAMES; i++)
        sink += vg_vad_process(w->vad, w->pcm + i * VG_FRAME_SAMPLES).speech;
}

static void turns_all(void *arg)
{
    (void)arg;
    struct vg_turn_config turn_config = vg_turn_config_default();
    struct vg_barge_config barge_config = vg_barge_config_default();
    struct vg_turn turn;
    struct vg_barge barge;
    vg_turn_init(&turn, &turn_config);
    vg_barge_init(&barge, &barge_config);
    for (int i = 0; i < MANY; i++) {
        struct vg_vad_frame frame = {.speech = i % 100 < 60, .voiced = i % 100 < 5, .level_db = 60};
        sink += (unsigned)vg_turn_step(&turn, &frame) +
                (unsigned)vg_barge_step(&barge, &frame, 50, i % 300 < 200);
    }
}

static void pace_all(void *arg)
{
    (void)arg;
    struct vg_pace pace;
    vg_pace_init(&pace, 200000);
    vg_pace_restart(&pace, 1);
    for (int64_t now_us = 1, i = 0; i < MANY; i++, now_us += VG_FRAME_US) {
        if (vg_pace_due(&pace, now_us))
            sink += vg_pace_sent(&pace, now_us, VG_FRAME_US);
    }
}

static void bench_decisions(void)
{
    const struct {
        const char *name;
        const int16_t *pcm;
        bool ungated;
    } cases[] = {
        {"VAD, speech", speech, false},
        {"VAD, silence", silence, false},
        {"VAD, speech, ungated", speech, true},
        {"VAD, silence, ungated", silence, true},
    };
    for (size_t i = 0; i < VG_COUNT_OF(cases); i++) {
        struct vad_work w = {cases[i].ungated ? vg_vad_new_ungated() : vg_vad_new(), cases[i].pcm};
        if (!w.vad)
            abort();
        measure(cases[i].name, "20 ms", FRAMES, vad_all, &w);
        vg_vad_free(w.vad);
    }
    measure("turn and barge-in step", "20 ms", MANY, turns_all, NULL);
    measure("pacing: due and sent", "20 ms", MANY, pace_all, NULL);
}

int main(int argc, char **argv)
{
    json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        fprintf(stderr, "usage: micro_audio [--json]\n");
        return 2;
    }
    make_audio();
    bench_queues();
    bench_codecs();
    bench_resamplers();
    bench_decisions();
    if (json)
        printf("\n]\n");
    return 0;
}
