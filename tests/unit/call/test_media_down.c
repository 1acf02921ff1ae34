/* The agent's half of the media (src/call/media_down.c), stepped by hand: pacing, clauses, barge-in, bounds.
 */
#include "cmocka_all.h"

#include "media_rig.h"

enum { POOL_BYTES = 1 << 20, LEAD_US = 300000 };

static struct rig r;

/* Says a whole reply of frames first .. first+n-1, refilling whenever the queue has room, until it was sent.
 */
static void say_whole(int first, int n)
{
    int at = 0, sent = rig_count(&r, RIG_SENT);
    bool ended = false;
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    for (int i = 0; rig_count(&r, RIG_SENT) == sent; i++) {
        assert_true(i < 10000);
        at += (int)(rig_say(&r, first + at, n - at) / VG_FRAME_SAMPLES);
        if (at == n && !ended && vg_media_play(r.media, NULL, 0, true) == 0)
            ended = vg_media_end_reply(r.media) == 0;
        rig_run(&r, VG_MEDIA_TICK_US);
    }
}

/* The pieces so far are frames first, first+1, ... without gap or repeat; returns how many frames. */
static int pieces_are_whole(int first)
{
    int frames = 0;
    for (int i = 0; i < r.count; i++) {
        if (r.events[i].kind != RIG_PIECE)
            continue;
        assert_int_equal(r.events[i].value, first + frames);
        assert_int_equal(r.events[i].length % VG_FRAME_SAMPLES, 0);
        frames += (int)(r.events[i].length / VG_FRAME_SAMPLES);
    }
    return frames;
}

static void pieces_leave_on_their_slots_with_the_lead(void **state)
{
    (void)state;
    static const struct {
        int piece_frames;
        int64_t lead_us;
    } CASES[] = {{1, 0}, {1, 300000}, {5, 100000}, {10, 300000}, {12, 500000}, {12, 0}};
    for (size_t k = 0; k < VG_COUNT_OF(CASES); k++) {
        enum { FRAMES = 300 };
        rig_open(&r, CASES[k].piece_frames, CASES[k].lead_us, POOL_BYTES);
        say_whole(1, FRAMES);
        assert_int_equal(pieces_are_whole(1), FRAMES);
        int64_t start = rig_event(&r, RIG_PIECE, 0)->at_us, sent = 0;
        int64_t piece = CASES[k].piece_frames * (int64_t)VG_FRAME_US;
        for (int i = 0; i < rig_count(&r, RIG_PIECE); i++) {
            const struct rig_event *e = rig_event(&r, RIG_PIECE, i);
            int64_t slot = start + sent - CASES[k].lead_us;
            assert_true(e->at_us >= slot); /* never earlier, so never more than lead and a piece ahead ... */
            if (slot > start)
                assert_true(e->at_us < slot + VG_MEDIA_TICK_US); /* ... and never later than the next tick */
            sent += e->length * VG_FRAME_US / VG_FRAME_SAMPLES;
            assert_true(sent - (e->at_us - start) <= CASES[k].lead_us + piece);
        }
        rig_close(&r);
    }
}

static void a_reply_starts_at_once_and_ends_with_its_last_piece(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_run(&r, 50000);
    int64_t start = r.now_us;
    say_whole(1, 25);
    assert_int_equal(rig_event(&r, RIG_PIECE, 0)->at_us, start + VG_MEDIA_TICK_US);
    assert_int_equal(rig_count(&r, RIG_PIECE), 3); /* 10, 10 and the rest */
    assert_int_equal(rig_event(&r, RIG_PIECE, 2)->length, 5 * VG_FRAME_SAMPLES);
    assert_int_equal(r.events[r.count - 1].kind, RIG_SENT);
    rig_close(&r);
}

static void a_piece_belongs_to_one_clause(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 3), 0);
    rig_say(&r, 1, 14);
    assert_int_equal(vg_media_clause(r.media, 4), 0);
    rig_say(&r, 15, 4);
    assert_int_equal(vg_media_end_reply(r.media), 0);
    rig_run(&r, 1000000);
    static const struct {
        int64_t frames;
        uint32_t clause;
        bool first;
    } WANT[] = {{10, 3, true}, {4, 3, false}, {4, 4, true}};
    assert_int_equal(rig_count(&r, RIG_PIECE), 3);
    for (int i = 0; i < 3; i++) {
        const struct rig_event *e = rig_event(&r, RIG_PIECE, i);
        assert_int_equal(e->length, WANT[i].frames * VG_FRAME_SAMPLES);
        assert_int_equal(e->clause, WANT[i].clause);
        assert_int_equal(e->first_of_clause, WANT[i].first);
    }
    rig_close(&r);
}

static void the_queue_takes_a_second_and_asks_for_more(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    int taken = (int)(rig_say(&r, 1, 200) / VG_FRAME_SAMPLES);
    assert_in_range(taken, DOWN_FRAMES_MAX, DOWN_FRAMES_MAX + 1); /* and the one being filled */
    assert_int_equal(vg_media_play(r.media, (int16_t[1]){0}, 1, false), 0);
    rig_run(&r, 600000);
    assert_int_equal(rig_count(&r, RIG_LOW), 1); /* once, not with every tick */
    rig_say(&r, 1 + taken, 200);
    rig_run(&r, 10000);
    rig_run(&r, 1000000);
    assert_int_equal(rig_count(&r, RIG_LOW), 2);
    pieces_are_whole(1);
    rig_close(&r);
}

/* The next reply comes before the media thread has dropped the frames of the one that was cut. */
static void a_reply_behind_one_that_was_cut_is_said_whole(void **state)
{
    (void)state;
    for (int cut = 0; cut <= DOWN_FRAMES_MAX; cut++) {
        rig_open(&r, 10, LEAD_US, POOL_BYTES);
        vg_media_begin_reply(r.media);
        assert_int_equal(vg_media_clause(r.media, 0), 0);
        rig_say(&r, 100, cut);
        vg_media_interrupt(r.media);
        int at = 1, lows = 0;
        bool ended = false;
        vg_media_begin_reply(r.media);
        assert_int_equal(vg_media_clause(r.media, 0), 0);
        for (int i = 0; i < 1000 && !ended; i++) {
            at += (int)(rig_say(&r, at, 16 - at) / VG_FRAME_SAMPLES);
            ended = at == 16 && vg_media_end_reply(r.media) == 0;
            for (int k = 0; k < 100 && !ended && rig_count(&r, RIG_LOW) == lows; k++)
                rig_run(&r, VG_MEDIA_TICK_US); /* a call offers the rest after `low` alone */
            assert_true(ended || rig_count(&r, RIG_LOW) > lows);
            lows = rig_count(&r, RIG_LOW);
        }
        rig_run(&r, 1000000);
        assert_int_equal(pieces_are_whole(1), 15);
        assert_int_equal(rig_count(&r, RIG_SENT), 1);
        assert_true(lows <= 2);
        rig_close(&r);
    }
}

static void a_late_engine_makes_a_gap_and_no_burst(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 20);
    rig_run(&r, 2000000); /* the caller is dry for 1.6 s */
    rig_say(&r, 21, 40);
    int64_t resumed = r.now_us;
    rig_run(&r, 50000);
    int frames = 0;
    for (int i = 0; i < rig_count(&r, RIG_PIECE); i++)
        frames += rig_event(&r, RIG_PIECE, i)->at_us > resumed
                      ? (int)(rig_event(&r, RIG_PIECE, i)->length / VG_FRAME_SAMPLES)
                      : 0;
    assert_in_range(frames, 10, 26); /* the lead and a piece, not the lost time */
    rig_close(&r);
}

static void nothing_stale_leaves_after_an_interruption(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    rig_run(&r, 300000);
    int before = rig_count(&r, RIG_PIECE);
    r.loop_stalled = true; /* pieces of the old reply stand in the out ring when it is cut */
    rig_run(&r, 300000);
    assert_true(vg_ring_fill(r.media->out) > 0);
    int64_t played = vg_media_interrupt(r.media);
    assert_in_range(played, 560000, 600000);
    assert_int_equal(vg_media_clause(r.media, 1), 0);
    rig_say(&r, 1000, 20);
    r.loop_stalled = false;
    rig_run(&r, 1000000);
    for (int i = before; i < rig_count(&r, RIG_PIECE); i++)
        assert_true(rig_event(&r, RIG_PIECE, i)->value >= 1000);
    assert_int_equal(rig_event(&r, RIG_PIECE, before)->value, 1000);
    rig_run(&r, 100000);
    assert_int_equal(atomic_load(&r.media->down_frames), 0);
    assert_int_equal(vg_block_pool_used(r.pool), 0);
    rig_close(&r);
}

static void a_caller_who_speaks_holds_the_reply_and_then_cuts_it(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    rig_quiet(&r, 60);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    rig_quiet(&r, 20);
    int64_t spoke = r.now_us;
    rig_talk(&r, 20);
    assert_int_equal(rig_count(&r, RIG_CUT), 1);
    const struct rig_event *held = rig_event(&r, RIG_HELD, 0), *cut = rig_event(&r, RIG_CUT, 0);
    assert_true(held->at_us < cut->at_us);
    assert_in_range(cut->at_us - spoke, 100000, 250000);
    /* What the caller heard: it played on through the hold, from what it had. */
    int64_t since_start = cut->at_us - rig_event(&r, RIG_PIECE, 0)->at_us;
    assert_in_range(cut->value, since_start - 2 * VG_MEDIA_TICK_US, since_start);
    int pieces = rig_count(&r, RIG_PIECE);
    rig_run(&r, 1000000);
    assert_int_equal(rig_count(&r, RIG_PIECE), pieces);
    for (int i = 0; i < pieces; i++)
        assert_true(rig_event(&r, RIG_PIECE, i)->at_us <= held->at_us);
    rig_close(&r);
}

static void a_short_sound_holds_the_reply_and_lets_it_go_on_whole(void **state)
{
    (void)state;
    rig_open(&r, 5, 100000, POOL_BYTES);
    rig_quiet(&r, 60);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    assert_int_equal(vg_media_end_reply(r.media), 0);
    rig_quiet(&r, 20);
    rig_talk(&r, 4);
    rig_quiet(&r, 100);
    assert_int_equal(rig_count(&r, RIG_CUT), 0);
    assert_int_equal(rig_count(&r, RIG_HELD), 1);
    assert_int_equal(rig_count(&r, RIG_RELEASED), 1);
    int64_t held = rig_event(&r, RIG_HELD, 0)->at_us, released = rig_event(&r, RIG_RELEASED, 0)->at_us;
    assert_true(released > held + 100000);
    for (int i = 0; i < rig_count(&r, RIG_PIECE); i++) {
        int64_t at = rig_event(&r, RIG_PIECE, i)->at_us;
        assert_true(at <= held || at >= released);
    }
    assert_int_equal(pieces_are_whole(1), 50);
    assert_int_equal(rig_count(&r, RIG_SENT), 1);
    rig_close(&r);
}

static void callers_do_not_interrupt_where_barge_in_is_off(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    r.media->barge_in = false;
    rig_quiet(&r, 60);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    rig_talk(&r, 40);
    assert_int_equal(rig_count(&r, RIG_CUT) + rig_count(&r, RIG_HELD), 0);
    rig_close(&r);
}

static void nothing_leaves_while_nobody_is_connected(void **state)
{
    (void)state;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    rig_run(&r, 200000);
    int pieces = rig_count(&r, RIG_PIECE);
    vg_media_set_connected(r.media, false);
    rig_run(&r, 5000000);
    assert_int_equal(rig_count(&r, RIG_PIECE), pieces);
    vg_media_set_connected(r.media, true);
    rig_run(&r, 10000);
    assert_in_range(rig_count(&r, RIG_PIECE), pieces + 1, pieces + 3); /* the lead again, no burst */
    rig_run(&r, 2000000);
    assert_int_equal(pieces_are_whole(1), 50);
    rig_close(&r);
}

static void progress_counts_what_was_sent_and_played(void **state)
{
    (void)state;
    int64_t sent, played;
    rig_open(&r, 10, LEAD_US, POOL_BYTES);
    vg_media_begin_reply(r.media);
    assert_int_equal(vg_media_clause(r.media, 0), 0);
    rig_say(&r, 1, 50);
    assert_int_equal(vg_media_end_reply(r.media), 0);
    rig_run(&r, 500000);
    vg_media_progress(r.media, &sent, &played);
    assert_in_range(played, 480000, 500000);
    assert_in_range(sent, played, played + LEAD_US + 200000);
    rig_run(&r, 2000000);
    vg_media_progress(r.media, &sent, &played);
    assert_int_equal(sent, 1000000);
    assert_int_equal(played, 1000000);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_leave_on_their_slots_with_the_lead),
        cmocka_unit_test(a_reply_starts_at_once_and_ends_with_its_last_piece),
        cmocka_unit_test(a_piece_belongs_to_one_clause),
        cmocka_unit_test(the_queue_takes_a_second_and_asks_for_more),
        cmocka_unit_test(a_reply_behind_one_that_was_cut_is_said_whole),
        cmocka_unit_test(a_late_engine_makes_a_gap_and_no_burst),
        cmocka_unit_test(nothing_stale_leaves_after_an_interruption),
        cmocka_unit_test(a_caller_who_speaks_holds_the_reply_and_then_cuts_it),
        cmocka_unit_test(a_short_sound_holds_the_reply_and_lets_it_go_on_whole),
        cmocka_unit_test(callers_do_not_interrupt_where_barge_in_is_off),
        cmocka_unit_test(nothing_leaves_while_nobody_is_connected),
        cmocka_unit_test(progress_counts_what_was_sent_and_played),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
