/* Which threads do a frame's work: four ways of taking 20 ms frames of base64 from a loop thread to voice
 * activity and turn detection on a media thread.
 *
 *   clocked   the media thread steps every call once in 10 ms, in ten phases of 1 ms (what Voxgate does)
 *   woken     each frame wakes the media thread, unless it is awake
 *   loop      base64 is decoded where the socket is read (what Voxgate does)
 *   media     base64 text crosses to the media thread and is decoded there
 *
 * micro_threads [CALLS] [SECONDS]: prints a table. Decided docs/adr/0001-loop-decodes-media-is-clocked.md. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "audio/block.h"
#include "audio/ring.h"
#include "audio/turn.h"
#include "base/clock.h"
#include "proto/base64.h"

enum {
    CALLS_MAX = 1024,
    PHASES = 10,
    PHASE_US = 1000,
    PATTERN_FRAMES = 250,
    TEXT_BYTES = 856,
    SAMPLES_MAX = 1 << 20
};

struct call {
    struct vg_ring *ring;
    struct vg_vad *vad;
    struct vg_turn turn;
};

static struct {
    int calls, seconds;
    bool woken, decode_on_media;
    struct vg_block_pool *pool;
    struct call call[CALLS_MAX];
    struct vg_ring *ready; /* woken: calls with a frame */
    sem_t wake;
    _Atomic bool pending, stop;
    char text[PATTERN_FRAMES][TEXT_BYTES + 1];
    /* results */
    int64_t loop_cpu_us, media_cpu_us;
    long media_switches, loop_switches;
    int32_t *delay_us;
    size_t delays;
    unsigned lost;
} bench;

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Five seconds of a caller: a second of vowel, four of hiss. */
static void make_pattern(void)
{
    uint32_t seed = 1;
    for (int f = 0; f < PATTERN_FRAMES; f++) {
        int16_t pcm[VG_FRAME_SAMPLES];
        for (int i = 0; i < VG_FRAME_SAMPLES; i++) {
            double t = (f * VG_FRAME_SAMPLES + i) / (double)VG_RATE_HZ, v = 0;
            for (int k = 1; k < 20 && f < 50; k++)
                v += 900.0 * sin(2 * M_PI * 120 * k * t) / k;
            seed = seed * 1664525u + 1013904223u;
            pcm[i] = (int16_t)(v + (int)(seed >> 26) - 32);
        }
        bench.text[f][vg_base64_encode(bench.text[f], (const uint8_t *)pcm, sizeof pcm)] = 0;
    }
}

static void sleep_until(int64_t mono_us)
{
    struct timespec t = {.tv_sec = mono_us / VG_US_PER_S, .tv_nsec = mono_us % VG_US_PER_S * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

static void decode(const char *text, void *out)
{
    if (vg_base64_decode(out, text, TEXT_BYTES) != VG_BLOCK_BYTES)
        bench.lost++;
}

/* --- loop thread -----------------------------------------------------------------------------------------
 */

/* A slot's value is the low half of the arrival time, in microseconds. */
static void push(struct call *c, uint32_t block, uint16_t length, int64_t now_us)
{
    struct vg_slot slot = {.block = block, .length = length, .value = (uint32_t)now_us};
    if (block == VG_BLOCK_NONE || vg_ring_push(c->ring, &slot))
        bench.lost++;
}

static void wake_media(uint32_t index)
{
    struct vg_slot slot = {.value = index};
    if (vg_ring_push(bench.ready, &slot))
        bench.lost++;
    if (!atomic_exchange_explicit(&bench.pending, true, memory_order_acq_rel))
        sem_post(&bench.wake);
}

static void arrive(int index, const char *text)
{
    struct call *c = &bench.call[index];
    int64_t now = vg_mono_us();
    uint32_t block = vg_block_take(bench.pool);
    if (!bench.decode_on_media) {
        decode(text, vg_block_bytes(bench.pool, block));
        push(c, block, VG_BLOCK_BYTES, now);
    } else { /* the text needs a block and a half */
        uint32_t second = vg_block_take(bench.pool);
        memcpy(vg_block_bytes(bench.pool, block), text, VG_BLOCK_BYTES);
        memcpy(vg_block_bytes(bench.pool, second), text + VG_BLOCK_BYTES, TEXT_BYTES - VG_BLOCK_BYTES);
        push(c, block, VG_BLOCK_BYTES, now);
        push(c, second, TEXT_BYTES - VG_BLOCK_BYTES, now);
    }
    if (bench.woken)
        wake_media((uint32_t)index);
}

static void *run_loop(void *arg)
{
    (void)arg;
    int64_t start = vg_mono_us(), frames = bench.seconds * 50;
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    for (int64_t f = 0; f < frames; f++) {
        for (int i = 0; i < bench.calls; i++) {
            int64_t due = start + f * VG_FRAME_US + (int64_t)i * VG_FRAME_US / bench.calls;
            if (vg_mono_us() < due)
                sleep_until(due);
            arrive(i, bench.text[(f + i * 7) % PATTERN_FRAMES]);
        }
    }
    getrusage(RUSAGE_THREAD, &after);
    bench.loop_switches = after.ru_nvcsw - before.ru_nvcsw;
    bench.loop_cpu_us = vg_thread_cpu_us();
    atomic_store(&bench.stop, true);
    sem_post(&bench.wake);
    return NULL;
}

/* --- media thread ----------------------------------------------------------------------------------------
 */

static void work_off(struct call *c)
{
    struct vg_slot slot;
    while (vg_ring_pop(c->ring, &slot)) {
        int16_t pcm[VG_FRAME_SAMPLES];
        const int16_t *frame = vg_block_pcm(bench.pool, slot.block);
        if (bench.decode_on_media) {
            char text[TEXT_BYTES];
            struct vg_slot rest;
            memcpy(text, frame, VG_BLOCK_BYTES);
            while (!vg_ring_pop(c->ring, &rest)) /* its other half is being pushed */
                continue;
            memcpy(text + VG_BLOCK_BYTES, vg_block_bytes(bench.pool, rest.block), rest.length);
            vg_block_give(bench.pool, rest.block);
            decode(text, pcm);
            frame = pcm;
        }
        struct vg_vad_frame judged = vg_vad_process(c->vad, frame);
        vg_turn_step(&c->turn, &judged);
        vg_block_give(bench.pool, slot.block);
        if (bench.delays < SAMPLES_MAX)
            bench.delay_us[bench.delays++] = (int32_t)((uint32_t)vg_mono_us() - slot.value);
    }
}

static void run_clocked(void)
{
    int64_t due = vg_mono_us();
    for (int phase = 0; !atomic_load(&bench.stop); phase = (phase + 1) % PHASES) {
        for (int i = phase; i < bench.calls; i += PHASES)
            work_off(&bench.call[i]);
        due += PHASE_US;
        sleep_until(due);
    }
}

static void run_woken(void)
{
    while (!atomic_load(&bench.stop)) {
        sem_wait(&bench.wake);
        atomic_store_explicit(&bench.pending, false, memory_order_seq_cst);
        struct vg_slot slot;
        while (vg_ring_pop(bench.ready, &slot))
            work_off(&bench.call[slot.value]);
    }
}

static void *run_media(void *arg)
{
    (void)arg;
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    if (bench.woken)
        run_woken();
    else
        run_clocked();
    getrusage(RUSAGE_THREAD, &after);
    bench.media_switches = after.ru_nvcsw - before.ru_nvcsw;
    bench.media_cpu_us = vg_thread_cpu_us();
    return NULL;
}

/* --- one way ---------------------------------------------------------------------------------------------
 */

static void measure(bool woken, bool decode_on_media)
{
    bench.woken = woken;
    bench.decode_on_media = decode_on_media;
    bench.delays = bench.lost = 0;
    atomic_store(&bench.stop, false);
    atomic_store(&bench.pending, false);
    sem_init(&bench.wake, 0, 0);
    struct vg_turn_config config = vg_turn_config_default();
    for (int i = 0; i < bench.calls; i++) {
        bench.call[i] = (struct call){.ring = vg_ring_new(128), .vad = vg_vad_new()};
        vg_turn_init(&bench.call[i].turn, &config);
    }
    bench.ready = vg_ring_new(4096);
    pthread_t loop, media;
    pthread_create(&media, NULL, run_media, NULL);
    pthread_create(&loop, NULL, run_loop, NULL);
    pthread_join(loop, NULL);
    pthread_join(media, NULL);
    qsort(bench.delay_us, bench.delays, sizeof *bench.delay_us, by_value);
    double call_seconds = (double)bench.calls * bench.seconds;
    size_t n = bench.delays ? bench.delays : 1;
    printf("| %s | %s | %.1f | %.1f | %.1f | %ld | %.2f | %.2f | %u |\n", woken ? "woken" : "clocked",
           decode_on_media ? "media" : "loop", (double)bench.loop_cpu_us / call_seconds,
           (double)bench.media_cpu_us / call_seconds,
           (double)(bench.loop_cpu_us + bench.media_cpu_us) / call_seconds,
           bench.media_switches / bench.seconds, bench.delay_us[n / 2] / 1000.0,
           bench.delay_us[n * 99 / 100] / 1000.0, bench.lost);
    fflush(stdout);
    for (int i = 0; i < bench.calls; i++) {
        vg_ring_free(bench.call[i].ring);
        vg_vad_free(bench.call[i].vad);
    }
    vg_ring_free(bench.ready);
    sem_destroy(&bench.wake);
}

int main(int argc, char **argv)
{
    bench.calls = argc > 1 ? atoi(argv[1]) : 200;
    bench.seconds = argc > 2 ? atoi(argv[2]) : 10;
    if (bench.calls < 1 || bench.calls > CALLS_MAX || bench.seconds < 1) {
        fprintf(stderr, "usage: micro_threads [calls, at most %d] [seconds]\n", CALLS_MAX);
        return 2;
    }
    bench.pool = vg_block_pool_new(16 << 20);
    bench.delay_us = malloc(SAMPLES_MAX * sizeof *bench.delay_us);
    if (!bench.pool || !bench.delay_us)
        return 1;
    make_pattern();
    printf("%d calls, a frame of 20 ms each, %d s a row; CPU in us a call and second\n\n", bench.calls,
           bench.seconds);
    printf("| media | decoded on | loop CPU | media CPU | both | media switches/s | delay p50 ms | p99 ms | "
           "lost "
           "|\n|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 4; i++)
        measure(i & 2, i & 1);
    free(bench.delay_us);
    vg_block_pool_free(bench.pool);
    return 0;
}
