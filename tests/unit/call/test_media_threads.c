/* The media with its real threads: a media clock, the owner's loop and legs that feed from threads of their
 * own. What counts is that nothing races (run it under the thread sanitizer), nothing is lost that should not
 * be, and every block is back at the end. */
#include "cmocka_all.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "call/media_internal.h"
#include "net/loop.h"

enum { CALLS = 12, LEGS = 3, RUN_MS = 1500 };

struct call {
    struct vg_media *media;
    int64_t pcm_at;
    int pieces, audio, ended, replies, stopped;
};

static struct {
    struct vg_loop *loop;
    struct vg_block_pool *pool;
    struct vg_media_clock *clock;
    struct call calls[CALLS];
    struct vg_timer *speak, *settle;
    _Atomic bool stop;
    int running;
} t;

static void started(void *arg, int64_t first_frame)
{
    (void)arg;
    (void)first_frame;
}
static void audio(void *arg, const int16_t *pcm, size_t samples)
{
    struct call *c = arg;
    (void)pcm;
    c->audio += (int)samples;
}
static void nothing(void *arg)
{
    (void)arg;
}
static void dropped(void *arg, int64_t end_frame)
{
    (void)arg;
    (void)end_frame;
}
static void ended(void *arg, int64_t end_frame, int64_t silence_us)
{
    struct call *c = arg;
    (void)end_frame;
    (void)silence_us;
    c->ended++;
}
static void held(void *arg, bool is_held)
{
    (void)arg;
    (void)is_held;
}
static void cut(void *arg)
{
    struct call *c = arg;
    vg_media_interrupt(c->media);
}
static void piece(void *arg, const struct vg_media_piece *p)
{
    struct call *c = arg;
    assert_true(p->size > 0);
    c->pieces++;
}
static void low(void *arg)
{
    struct call *c = arg;
    int16_t pcm[16000] = {1};
    vg_media_play(c->media, pcm, VG_COUNT_OF(pcm), true);
}
static const struct vg_media_events EVENTS = {started, audio, nothing, nothing, ended, dropped,
                                              held,    cut,   piece,   nothing, low};

/* Every 50 ms: another call begins a reply, whether or not it has one. */
static void speak(void *arg)
{
    static unsigned turn;
    struct call *c = &t.calls[turn++ % CALLS];
    (void)arg;
    if (turn % 5 == 0) {
        struct vg_turn_config config = vg_turn_config_default();
        assert_int_equal(vg_media_set_turn(c->media, &config, 200000, turn & 1), 0);
    }
    vg_media_begin_reply(c->media);
    c->replies++;
    if (vg_media_clause(c->media, turn) == 0)
        low(c);
    int64_t sent, played;
    vg_media_progress(c->media, &sent, &played);
    assert_true(played <= sent);
}

static void on_stopped(void *arg)
{
    struct call *c = arg;
    c->stopped++;
    if (--t.running == 0)
        vg_loop_stop(t.loop);
}

/* The legs have stopped: end the calls, half of them in the middle of a reply. */
static void settle(void *arg)
{
    (void)arg;
    vg_timer_stop(t.speak);
    for (int i = 0; i < CALLS; i++)
        vg_media_stop(t.calls[i].media, on_stopped, &t.calls[i]);
}

static void *feed(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    int16_t voice[VG_FRAME_SAMPLES], quiet[VG_FRAME_SAMPLES] = {0};
    for (int i = 0; i < VG_FRAME_SAMPLES; i++)
        voice[i] = (int16_t)(8000 * sin(2 * M_PI * 120 * i / VG_RATE_HZ) +
                             4000 * sin(2 * M_PI * 720 * i / VG_RATE_HZ));
    for (int frame = 0; !atomic_load(&t.stop); frame++) {
        for (uintptr_t i = me; i < CALLS; i += LEGS) {
            const int16_t *pcm = frame / 15 % 3 == 0 ? voice : quiet;
            if (vg_media_uplink_space(t.calls[i].media) >= VG_FRAME_SAMPLES)
                assert_int_equal(vg_media_uplink(t.calls[i].media, pcm, VG_FRAME_SAMPLES, vg_mono_us()), 0);
        }
        usleep(10000); /* twice real time */
    }
    return NULL;
}

static void *stop_later(void *arg)
{
    pthread_t *legs = arg;
    usleep(RUN_MS * 1000);
    atomic_store(&t.stop, true);
    for (int i = 0; i < LEGS; i++)
        pthread_join(legs[i], NULL);
    return NULL;
}

static void open_calls(void)
{
    struct vg_media_config config = {.loop = t.loop,
                                     .clock = t.clock,
                                     .pool = t.pool,
                                     .turn = vg_turn_config_default(),
                                     .lead_us = 300000,
                                     .barge_in = true,
                                     .events = &EVENTS};
    static const struct vg_encoder_config ENCODERS[] = {{VG_CODEC_PCM_S16LE, 16000, 0, 0},
                                                        {VG_CODEC_PCM_S16LE, 48000, 0, 0},
                                                        {VG_CODEC_PCMU, 8000, 0, 0},
                                                        {VG_CODEC_OPUS, 16000, 24000, 1}};
    for (int i = 0; i < CALLS; i++) {
        config.arg = &t.calls[i];
        t.calls[i].media = vg_media_new(&config);
        assert_non_null(t.calls[i].media);
        int pieces = 1 + i % PIECE_FRAMES_MAX;
        assert_int_equal(vg_media_set_output(t.calls[i].media, vg_encoder_new(&ENCODERS[i % 4]), pieces), 0);
    }
    t.running = CALLS;
}

static void real_threads_do_not_race_and_every_block_comes_back(void **state)
{
    (void)state;
    pthread_t legs[LEGS], stopper;
    t.loop = vg_loop_new("owner");
    t.pool = vg_block_pool_new(4 << 20);
    t.clock = vg_media_clock_new("media");
    open_calls();
    t.speak = vg_timer_new(t.loop, speak, NULL);
    t.settle = vg_timer_new(t.loop, settle, NULL);
    vg_timer_start(t.speak, 20000, 50000);
    vg_timer_start(t.settle, (RUN_MS + 500) * VG_US_PER_MS, 0);
    for (uintptr_t i = 0; i < LEGS; i++)
        assert_int_equal(pthread_create(&legs[i], NULL, feed, (void *)i), 0);
    assert_int_equal(pthread_create(&stopper, NULL, stop_later, legs), 0);
    vg_loop_run(t.loop);
    pthread_join(stopper, NULL);
    int pieces = 0, samples = 0;
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(t.calls[i].stopped, 1);
        pieces += t.calls[i].pieces;
        samples += t.calls[i].audio;
    }
    assert_true(pieces > 50);
    (void)samples; /* how much of the hum is taken for a voice is the VAD's affair */
    t.speak = vg_timer_free(t.speak);
    t.settle = vg_timer_free(t.settle);
    vg_loop_free(t.loop);
    vg_media_clock_free(t.clock);
    assert_int_equal(vg_block_pool_used(t.pool), 0);
    vg_block_pool_free(t.pool);
}

static void a_call_that_never_spoke_ends_as_well(void **state)
{
    (void)state;
    t.loop = vg_loop_new("owner");
    t.pool = vg_block_pool_new(1 << 20);
    t.clock = vg_media_clock_new("media");
    struct vg_media_config config = {.loop = t.loop,
                                     .clock = t.clock,
                                     .pool = t.pool,
                                     .turn = vg_turn_config_default(),
                                     .events = &EVENTS};
    struct vg_media *m = vg_media_new(&config);
    t.calls[0] = (struct call){.media = m};
    t.running = 1;
    vg_media_stop(m, on_stopped, &t.calls[0]);
    vg_loop_run(t.loop);
    assert_int_equal(t.calls[0].stopped, 1);
    vg_loop_free(t.loop);
    vg_media_clock_free(t.clock);
    assert_int_equal(vg_block_pool_used(t.pool), 0);
    vg_block_pool_free(t.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_threads_do_not_race_and_every_block_comes_back),
        cmocka_unit_test(a_call_that_never_spoke_ends_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
