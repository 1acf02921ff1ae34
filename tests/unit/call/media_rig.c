/* See media_rig.h. */
#include "media_rig.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static void record(struct rig *r, struct rig_event e)
{
    VG_ASSERT(r->count < RIG_EVENTS);
    e.at_us = r->now_us;
    r->events[r->count++] = e;
}

static void on_started(void *arg, int64_t first_frame)
{
    record(arg, (struct rig_event){.kind = RIG_STARTED, .value = first_frame});
}

static void on_audio(void *arg, const int16_t *pcm, size_t samples)
{
    record(arg, (struct rig_event){.kind = RIG_AUDIO, .value = pcm[0], .length = (int64_t)samples});
}

static void on_paused(void *arg)
{
    record(arg, (struct rig_event){.kind = RIG_PAUSED});
}

static void on_resumed(void *arg)
{
    record(arg, (struct rig_event){.kind = RIG_RESUMED});
}

static void on_ended(void *arg, int64_t end_frame, int64_t silence_us)
{
    record(arg, (struct rig_event){.kind = RIG_ENDED, .value = end_frame, .length = silence_us});
}

static void on_dropped(void *arg, int64_t end_frame)
{
    record(arg, (struct rig_event){.kind = RIG_DROPPED, .value = end_frame});
}

static void on_held(void *arg, bool held)
{
    record(arg, (struct rig_event){.kind = held ? RIG_HELD : RIG_RELEASED});
}

static void on_cut(void *arg)
{
    struct rig *r = arg;
    int64_t played = r->cuts ? vg_media_interrupt(r->media) : 0;
    record(r, (struct rig_event){.kind = RIG_CUT, .value = played});
}

static void on_piece(void *arg, const struct vg_media_piece *piece)
{
    int16_t first = 0;
    VG_ASSERT(piece->size >= sizeof first);
    memcpy(&first, piece->bytes, sizeof first);
    record(arg, (struct rig_event){.kind = RIG_PIECE,
                                   .value = first,
                                   .length = (int64_t)(piece->size / sizeof first),
                                   .clause = piece->clause,
                                   .first_of_clause = piece->first_of_clause});
}

static void on_sent(void *arg)
{
    record(arg, (struct rig_event){.kind = RIG_SENT});
}

static void on_low(void *arg)
{
    record(arg, (struct rig_event){.kind = RIG_LOW});
}

static const struct vg_media_events EVENTS = {
    .turn_started = on_started,
    .turn_audio = on_audio,
    .turn_paused = on_paused,
    .turn_resumed = on_resumed,
    .turn_ended = on_ended,
    .turn_dropped = on_dropped,
    .held = on_held,
    .cut = on_cut,
    .piece = on_piece,
    .reply_sent = on_sent,
    .low = on_low,
};

void rig_open(struct rig *r, int piece_frames, int64_t lead_us, size_t pool_bytes)
{
    memset(r, 0, sizeof *r);
    r->now_us = 5 * VG_US_PER_S;
    r->cuts = true;
    r->loop = vg_loop_new("rig");
    r->pool = vg_block_pool_new(pool_bytes);
    struct vg_media_config config = {.loop = r->loop,
                                     .pool = r->pool,
                                     .turn = vg_turn_config_default(),
                                     .lead_us = lead_us,
                                     .barge_in = true,
                                     .events = &EVENTS,
                                     .arg = r};
    r->media = vg_media_new(&config);
    VG_ASSERT(r->loop && r->pool && r->media);
    /* What vg_media_set_output() does by way of the media thread, which is not there. */
    struct vg_encoder_config encoder = {.codec = VG_CODEC_PCM_S16LE, .rate_hz = VG_RATE_HZ};
    r->media->encoder = vg_encoder_new(&encoder);
    r->media->piece_frames = piece_frames;
    r->media->piece = malloc(PIECE_FRAMES_MAX * BLOCKS_PER_FRAME_MAX * VG_BLOCK_BYTES);
    VG_ASSERT(r->media->encoder && r->media->piece);
}

void rig_close(struct rig *r)
{
    vg_media_stop(r->media, NULL, NULL);
    rig_loop(r);
    vg_loop_free(r->loop);
    vg_block_pool_free(r->pool);
}

void rig_loop(struct rig *r)
{
    vg_loop_stop(r->loop);
    vg_loop_run(r->loop);
}

static void tick(struct rig *r)
{
    r->media->client.tick(&r->media->client, r->now_us);
    if (!r->loop_stalled)
        rig_loop(r);
}

void rig_run(struct rig *r, int64_t us)
{
    for (int64_t end = r->now_us + us; r->now_us < end;) {
        r->now_us += VG_MEDIA_TICK_US;
        tick(r);
    }
}

/* A vowel at 120 Hz: a pulse train through three resonances; or hiss that no detector takes for speech. */
void rig_frame(struct rig *r, bool voiced, int16_t pcm[VG_FRAME_SAMPLES])
{
    static const double FORMANTS_HZ[] = {700, 1200, 2500};
    static double y[3][2], phase;
    static uint32_t seed = 1;
    for (int i = 0; i < VG_FRAME_SAMPLES; i++) {
        double sum = 0;
        phase += 120.0 / VG_RATE_HZ;
        double pulse = phase >= 1 ? 1 : 0;
        phase -= pulse;
        for (int k = 0; k < 3; k++) {
            double v = pulse + 2 * 0.97 * cos(2 * M_PI * FORMANTS_HZ[k] / VG_RATE_HZ) * y[k][0] -
                       0.97 * 0.97 * y[k][1];
            y[k][1] = y[k][0];
            y[k][0] = v;
            sum += v;
        }
        seed = seed * 1664525u + 1013904223u;
        pcm[i] = (int16_t)((voiced ? 1500 * sum : 0) + (int)(seed >> 28) - 8);
    }
    pcm[0] = (int16_t)r->sent_frames++;
}

static void caller(struct rig *r, int n, bool voiced)
{
    for (int i = 0; i < n; i++) {
        int16_t pcm[VG_FRAME_SAMPLES];
        rig_frame(r, voiced, pcm);
        VG_ASSERT(vg_media_uplink(r->media, pcm, VG_FRAME_SAMPLES, r->now_us) == 0);
        rig_run(r, VG_FRAME_US);
    }
}

void rig_talk(struct rig *r, int n)
{
    caller(r, n, true);
}

void rig_quiet(struct rig *r, int n)
{
    caller(r, n, false);
}

size_t rig_say(struct rig *r, int first, int n)
{
    size_t taken = 0;
    for (int i = 0; i < n; i++) {
        int16_t pcm[VG_FRAME_SAMPLES] = {0};
        pcm[0] = (int16_t)(first + i);
        size_t got = vg_media_play(r->media, pcm, VG_FRAME_SAMPLES, false);
        taken += got;
        if (got < VG_FRAME_SAMPLES)
            break;
    }
    return taken;
}

int rig_count(const struct rig *r, enum rig_kind kind)
{
    int n = 0;
    for (int i = 0; i < r->count; i++)
        n += r->events[i].kind == kind;
    return n;
}

const struct rig_event *rig_event(const struct rig *r, enum rig_kind kind, int n)
{
    for (int i = 0; i < r->count; i++) {
        if (r->events[i].kind == kind && n-- == 0)
            return &r->events[i];
    }
    vg_assert_failed("there is such an event", __FILE__, __LINE__);
}
