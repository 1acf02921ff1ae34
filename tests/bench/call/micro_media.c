/* What the media thread pays for N calls: VAD, turns, pacing of a caller who speaks 40 % of the time, by
 * length of chunk, as CPU microseconds a call and second. One thread plays all parts; only the ticks are
 * timed. Usage: micro_media [CALLS [SECONDS [WAV]]] */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/wav.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "call/media_internal.h"
#include "net/loop.h"

enum {
    TALK_FRAMES = 100,
    LOOP_FRAMES = 250, /* 2 s of speech, 3 s of silence */
    REPLY_FRAMES = 15,
    POOL_BYTES = 256 << 20,
};

struct caller {
    struct vg_media *media;
    int64_t at; /* frame of the conversation */
    bool answer_due;
    int64_t tick_due_us; /* what the media clock would keep */
};

static int16_t conversation[LOOP_FRAMES][VG_FRAME_SAMPLES];

static void on_frame_number(void *arg, int64_t frame)
{
    (void)arg;
    (void)frame;
}

static void on_audio(void *arg, const int16_t *pcm, size_t samples)
{
    (void)arg;
    (void)pcm;
    (void)samples;
}

static void on_nothing(void *arg)
{
    (void)arg;
}

static void on_ended(void *arg, int64_t end_frame, int64_t silence_us)
{
    struct caller *c = arg;
    (void)end_frame;
    (void)silence_us;
    c->answer_due = true;
}

static void on_held(void *arg, bool held)
{
    (void)arg;
    (void)held;
}

static void on_piece(void *arg, const struct vg_media_piece *piece)
{
    (void)arg;
    (void)piece;
}

static const struct vg_media_events EVENTS = {.turn_started = on_frame_number,
                                              .turn_audio = on_audio,
                                              .turn_paused = on_nothing,
                                              .turn_resumed = on_nothing,
                                              .turn_ended = on_ended,
                                              .turn_dropped = on_frame_number,
                                              .held = on_held,
                                              .cut = on_nothing,
                                              .piece = on_piece,
                                              .reply_sent = on_nothing,
                                              .low = on_nothing};

/* Without a recording: a voice of 20 harmonics that opens its mouth four times a second. */
static void make_conversation(const char *path)
{
    int16_t *pcm = &conversation[0][0];
    struct vg_wav wav = {0};
    uint32_t random = 1;
    if (path && vg_wav_read(path, &wav))
        exit(1);
    for (size_t i = 0; i < (size_t)LOOP_FRAMES * VG_FRAME_SAMPLES; i++) {
        double t = (double)i / VG_RATE_HZ, sample = 0;
        random = random * 1664525u + 1013904223u;
        if (i >= (size_t)TALK_FRAMES * VG_FRAME_SAMPLES)
            sample = (double)(random >> 30) - 2;
        else if (path)
            sample = wav.pcm[i % wav.samples];
        else
            for (int k = 1; k <= 20; k++)
                sample += 900.0 / k * sin(2 * M_PI * 130 * k * t) * (1 - cos(2 * M_PI * 4 * t));
        pcm[i] = (int16_t)fmax(-32000, fmin(32000, sample));
    }
    vg_wav_free(&wav);
}

static void answer(struct caller *c)
{
    c->answer_due = false;
    vg_media_begin_reply(c->media);
    (void)!vg_media_clause(c->media, 0);
    vg_media_play(c->media, &conversation[0][0], (size_t)REPLY_FRAMES * VG_FRAME_SAMPLES, true);
    (void)!vg_media_end_reply(c->media);
}

static void say(struct caller *c, int frames, int64_t now_us)
{
    for (int i = 0; i < frames; i++)
        (void)!vg_media_uplink(c->media, conversation[c->at++ % LOOP_FRAMES], VG_FRAME_SAMPLES, now_us);
    if (c->answer_due)
        answer(c);
    c->tick_due_us = 0; /* the poke */
}

static struct caller *open_calls(int calls, struct vg_loop *loop, struct vg_block_pool *pool,
                                 int chunk_frames)
{
    struct caller *list = calloc((size_t)calls, sizeof *list);
    for (int i = 0; list && i < calls; i++) {
        struct vg_media_config config = {.loop = loop,
                                         .pool = pool,
                                         .turn = vg_turn_config_default(),
                                         .lead_us = 300000,
                                         .barge_in = true,
                                         .events = &EVENTS,
                                         .arg = &list[i]};
        struct vg_encoder_config encoder = {.codec = VG_CODEC_PCM_S16LE, .rate_hz = VG_RATE_HZ};
        struct vg_media *m = list[i].media = vg_media_new(&config);
        VG_ASSERT(m);
        m->encoder = vg_encoder_new(&encoder);
        m->piece_frames = chunk_frames == 1 ? 1 : PIECE_FRAMES_MAX;
        m->piece = malloc(PIECE_FRAMES_MAX * BLOCKS_PER_FRAME_MAX * VG_BLOCK_BYTES);
        list[i].at = i * 37 % LOOP_FRAMES;
        vg_media_set_chunk(m, (int64_t)chunk_frames * VG_FRAME_US);
    }
    return list;
}

/* What was posted to the loop is run by running the loop until it has nothing left. */
static void run_loop(struct vg_loop *loop)
{
    vg_loop_stop(loop);
    vg_loop_run(loop);
}

/* As the media clock does it. */
static void step(struct caller *c, int64_t now_us)
{
    if (c->tick_due_us <= now_us)
        c->tick_due_us = c->media->client.tick(&c->media->client, now_us);
}

static void measure(int calls, int seconds, int chunk_frames, struct vg_loop *loop,
                    struct vg_block_pool *pool)
{
    struct caller *list = open_calls(calls, loop, pool, chunk_frames);
    int64_t now = 10 * VG_US_PER_S, spent = 0;
    int chunk_ms = chunk_frames * 20;
    for (int ms = 0; ms < seconds * 1000; ms++, now += VG_US_PER_MS) {
        for (int i = 0; i < calls; i++) {
            if ((ms + i * 7) % chunk_ms == 0)
                say(&list[i], chunk_frames, now);
        }
        int64_t begun = vg_thread_cpu_us();
        for (int i = ms % VG_MEDIA_PHASES; i < calls; i += VG_MEDIA_PHASES)
            step(&list[i], now);
        spent += vg_thread_cpu_us() - begun;
        run_loop(loop);
    }
    printf("%4d ms chunks: %6.1f us a call and second\n", chunk_ms, (double)spent / calls / seconds);
    for (int i = 0; i < calls; i++)
        vg_media_stop(list[i].media, NULL, NULL);
    run_loop(loop);
    free(list);
}

int main(int argc, char **argv)
{
    int calls = argc > 1 ? atoi(argv[1]) : 1000, seconds = argc > 2 ? atoi(argv[2]) : 10;
    struct vg_loop *loop = vg_loop_new("micro");
    struct vg_block_pool *pool = vg_block_pool_new(POOL_BYTES);
    if (!loop || !pool)
        return 1;
    make_conversation(argc > 3 ? argv[3] : NULL);
    printf("%d calls, 40 %% speech\n", calls);
    static const int CHUNKS[] = {12, 5, 1};
    for (size_t i = 0; i < VG_COUNT_OF(CHUNKS); i++)
        measure(calls, seconds, CHUNKS[i], loop, pool);
    vg_loop_free(loop);
    vg_block_pool_free(pool);
    return 0;
}
