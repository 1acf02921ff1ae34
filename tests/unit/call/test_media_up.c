/* The caller's half of the media (src/call/media_up.c), stepped by hand: turns, pre-roll, silence, bounds. */
#include "cmocka_all.h"

#include "media_rig.h"

enum { POOL_BYTES = 1 << 20, LEAD_US = 300000 };

static struct rig r;

/* Checks that the turn's audio is whole: its frames follow each other from where the turn began. */
static int whole_audio(int turn)
{
    int64_t next = rig_event(&r, RIG_STARTED, turn)->value;
    int frames = 0, turns = -1;
    for (int i = 0; i < r.count; i++) {
        turns += r.events[i].kind == RIG_STARTED;
        if (r.events[i].kind != RIG_AUDIO || turns != turn)
            continue;
        assert_int_equal(r.events[i].length, VG_FRAME_SAMPLES);
        assert_int_equal(r.events[i].value, next);
        next++;
        frames++;
    }
    return frames;
}

static void a_turn_comes_whole_and_in_order_with_its_preroll(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 50);
    rig_quiet(&r, 60);
    assert_int_equal(rig_count(&r, RIG_STARTED), 1);
    assert_int_equal(rig_count(&r, RIG_ENDED), 1);
    int64_t first = rig_event(&r, RIG_STARTED, 0)->value;
    assert_in_range(first, 60 - 15 - 3, 60 - 10); /* 300 ms before the first speech frame */
    int frames = whole_audio(0);
    int64_t end = rig_event(&r, RIG_ENDED, 0)->value;
    assert_int_equal(frames, end - first);
    assert_in_range(end, 60 + 50 + 25, 60 + 50 + 25 + 12); /* 500 ms after the voice and its hold */
    assert_int_equal(rig_event(&r, RIG_ENDED, 0)->length, 25 * VG_FRAME_US);
    rig_close(&r);
}

static void the_start_is_told_before_its_audio_and_the_end_after(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 30);
    rig_quiet(&r, 60);
    assert_int_equal(r.events[0].kind, RIG_STARTED);
    assert_int_equal(r.events[1].kind, RIG_AUDIO);
    assert_int_equal(r.events[r.count - 1].kind, RIG_ENDED);
    assert_int_equal(rig_count(&r, RIG_PAUSED), 1);
    rig_close(&r);
}

static void the_next_turns_preroll_does_not_reach_into_the_last(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 30);
    rig_quiet(&r, 40);
    rig_talk(&r, 30);
    rig_quiet(&r, 60);
    assert_int_equal(rig_count(&r, RIG_ENDED), 2);
    assert_true(rig_event(&r, RIG_STARTED, 1)->value >= rig_event(&r, RIG_ENDED, 0)->value);
    whole_audio(0);
    whole_audio(1);
    rig_close(&r);
}

/* One second at a time and partial frames: the same turn as frame by frame. */
static void the_length_of_chunks_does_not_matter(void **state)
{
    (void)state;
    enum { FRAMES = 200, SAMPLES = FRAMES * VG_FRAME_SAMPLES };
    static const size_t CHUNKS[] = {160, 320, 777, 4000, 16000};
    static int16_t pcm[SAMPLES];
    for (size_t k = 0; k < VG_COUNT_OF(CHUNKS); k++) {
        rig_open(&r, 10, LEAD_US, POOL_BYTES);
        vg_media_set_chunk(r.media, (int64_t)CHUNKS[k] * 1000000 / VG_RATE_HZ);
        for (int i = 0; i < FRAMES; i++)
            rig_frame(&r, i >= 60 && i < 110, pcm + i * VG_FRAME_SAMPLES);
        for (size_t at = 0; at < SAMPLES; at += CHUNKS[k]) {
            size_t n = SAMPLES - at < CHUNKS[k] ? SAMPLES - at : CHUNKS[k];
            assert_int_equal(vg_media_uplink(r.media, pcm + at, n, r.now_us), 0);
            rig_run(&r, (int64_t)n * 1000000 / VG_RATE_HZ);
        }
        assert_int_equal(rig_count(&r, RIG_ENDED), 1);
        assert_in_range(rig_event(&r, RIG_STARTED, 0)->value, 42, 50);
        assert_int_equal(whole_audio(0),
                         rig_event(&r, RIG_ENDED, 0)->value - rig_event(&r, RIG_STARTED, 0)->value);
        rig_close(&r);
    }
}

static void silence_is_counted_in_when_the_client_stops_sending(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 50);
    int64_t stopped = r.now_us;
    rig_run(&r, 1000000);
    assert_int_equal(rig_count(&r, RIG_ENDED), 1);
    int64_t waited = rig_event(&r, RIG_ENDED, 0)->at_us - stopped;
    assert_in_range(waited, 480000, 600000); /* 500 ms of silence and at most the grace */
    assert_int_equal(whole_audio(0), 110 - rig_event(&r, RIG_STARTED, 0)->value);
    rig_close(&r);
}

static void a_late_chunk_is_no_silence(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_set_chunk(r.media, 1000000);
    rig_quiet(&r, 50);
    rig_talk(&r, 20);
    rig_run(&r, 1000000); /* the chunk length that this client keeps */
    assert_int_equal(rig_count(&r, RIG_ENDED), 0);
    rig_close(&r);
}

static void media_time_goes_on_while_the_client_is_silent(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_run(&r, 2000000);
    assert_in_range(r.media->turn.frame, 60 + 95, 60 + 100);
    rig_close(&r);
}

static void no_silence_is_counted_while_nobody_is_connected(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 50);
    vg_media_set_connected(r.media, false);
    rig_run(&r, 5000000);
    assert_int_equal(rig_count(&r, RIG_ENDED), 0);
    rig_close(&r);
}

static void a_full_uplink_drops_whole_frames_and_says_so(void **state)
{
    (void)state;
    int16_t pcm[VG_FRAME_SAMPLES] = {0};
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    size_t frames = vg_media_uplink_space(r.media) / VG_FRAME_SAMPLES;
    assert_in_range(frames, 60, 64); /* 1.2 s */
    for (size_t i = 0; i < frames; i++)
        assert_int_equal(vg_media_uplink(r.media, pcm, VG_FRAME_SAMPLES, 0), 0);
    assert_int_equal(vg_media_uplink_space(r.media), 0);
    uint32_t used = vg_block_pool_used(r.pool);
    for (int i = 0; i < 100; i++)
        assert_int_equal(vg_media_uplink(r.media, pcm, VG_FRAME_SAMPLES, 0), VG_EFULL);
    assert_int_equal(vg_block_pool_used(r.pool), used); /* what was dropped went back */
    rig_run(&r, 100000);
    assert_int_equal(vg_media_uplink(r.media, pcm, VG_FRAME_SAMPLES, 0), 0);
    rig_close(&r);
}

static void an_empty_pool_is_an_error_and_no_more(void **state)
{
    (void)state;
    int16_t pcm[VG_FRAME_SAMPLES] = {0};
    rig_open(&r, 10, LEAD_US, 8 * VG_BLOCK_BYTES);
    for (int i = 0; i < 8; i++)
        assert_int_equal(vg_media_uplink(r.media, pcm, VG_FRAME_SAMPLES, 0), 0);
    assert_int_equal(vg_media_uplink(r.media, pcm, VG_FRAME_SAMPLES, 0), VG_EFULL);
    /* The pre-roll keeps what it can and gives the rest back when it is full. */
    rig_run(&r, 100000);
    assert_true(vg_block_pool_used(r.pool) <= 8);
    rig_close(&r);
}

/* A loop that does not come to its events: audio waits in the uplink, none of a turn is lost. */
static void a_stalled_loop_holds_audio_back_instead_of_losing_it(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 10);
    r.loop_stalled = true;
    rig_talk(&r, 100); /* more than the event ring holds, less than ring and uplink together */
    assert_true(vg_ring_fill(r.media->uplink) > 0);
    r.loop_stalled = false;
    rig_run(&r, 40000);
    rig_quiet(&r, 60);
    assert_int_equal(rig_count(&r, RIG_ENDED), 1);
    assert_int_equal(whole_audio(0),
                     rig_event(&r, RIG_ENDED, 0)->value - rig_event(&r, RIG_STARTED, 0)->value);
    rig_close(&r);
}

/* Three voiced frames open a turn, but are not enough to be speech. */
static void a_sound_that_is_no_speech_is_dropped_with_its_place(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    rig_talk(&r, 2);
    rig_quiet(&r, 100);
    assert_int_equal(rig_count(&r, RIG_STARTED), 1);
    assert_int_equal(rig_count(&r, RIG_ENDED), 0);
    assert_int_equal(rig_count(&r, RIG_DROPPED), 1);
    assert_in_range(rig_event(&r, RIG_DROPPED, 0)->value, 60 + 25, 60 + 2 + 10 + 25 + 2);
    rig_close(&r);
}

static void hiss_and_silence_make_no_turn(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 500);
    assert_int_equal(r.count, 0);
    assert_true(vg_block_pool_used(r.pool) <= PREROLL_MAX + 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_comes_whole_and_in_order_with_its_preroll),
        cmocka_unit_test(the_start_is_told_before_its_audio_and_the_end_after),
        cmocka_unit_test(the_next_turns_preroll_does_not_reach_into_the_last),
        cmocka_unit_test(the_length_of_chunks_does_not_matter),
        cmocka_unit_test(silence_is_counted_in_when_the_client_stops_sending),
        cmocka_unit_test(a_late_chunk_is_no_silence),
        cmocka_unit_test(media_time_goes_on_while_the_client_is_silent),
        cmocka_unit_test(no_silence_is_counted_while_nobody_is_connected),
        cmocka_unit_test(a_full_uplink_drops_whole_frames_and_says_so),
        cmocka_unit_test(an_empty_pool_is_an_error_and_no_more),
        cmocka_unit_test(a_stalled_loop_holds_audio_back_instead_of_losing_it),
        cmocka_unit_test(a_sound_that_is_no_speech_is_dropped_with_its_place),
        cmocka_unit_test(hiss_and_silence_make_no_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
