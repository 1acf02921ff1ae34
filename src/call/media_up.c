/* The caller's half of the media tick: frames from the uplink ring through VAD, turn detection and the
 * barge-in rule into the event ring. Media thread. See media.h, audio/turn.h. */
#include "call/media_internal.h"

#include "obs/metrics.h"

enum {
    FRAMES_PER_TICK_MAX = 25, /* a chunk of 1 s is worked off in two ticks */
    EVENTS_RESERVED = 40,     /* room for a start with its pre-roll */
};

void media_push_event(struct vg_media *m, enum media_event kind, uint32_t block, uint16_t length,
                      uint32_t value)
{
    struct vg_slot slot = {
        .block = block, .kind = (uint16_t)kind, .length = length, .epoch = m->playing_epoch, .value = value};
    if (vg_ring_push(m->events, &slot)) {
        /* The tick leaves room for events, so this is audio of a stalled loop. */
        if (block != VG_BLOCK_NONE)
            vg_block_give(m->pool, block);
        vg_count1(frames_dropped_total, "events");
        return;
    }
    if (m->events_room > 0)
        m->events_room--;
    m->wake = true;
}

static void preroll_add(struct vg_media *m, uint32_t block)
{
    uint32_t keep = (uint32_t)m->turn.config.preroll_frames + m->turn.config.start_frames;
    if (keep > PREROLL_MAX)
        keep = PREROLL_MAX;
    while (m->preroll_count >= keep) {
        vg_block_give(m->pool, m->preroll[m->preroll_first]);
        m->preroll_first = (m->preroll_first + 1) % PREROLL_MAX;
        m->preroll_count--;
    }
    m->preroll[(m->preroll_first + m->preroll_count++) % PREROLL_MAX] = block;
}

/* The turn's audio begins before the frame that opened it. */
static void preroll_send(struct vg_media *m, int64_t from_frame)
{
    int64_t frame = m->turn.frame - m->preroll_count;
    for (; m->preroll_count > 0; frame++) {
        uint32_t block = m->preroll[m->preroll_first];
        m->preroll_first = (m->preroll_first + 1) % PREROLL_MAX;
        m->preroll_count--;
        if (frame >= from_frame)
            media_push_event(m, EV_TURN_AUDIO, block, VG_FRAME_SAMPLES, 0);
        else
            vg_block_give(m->pool, block);
    }
}

/* `block` is VG_BLOCK_NONE for silence that was counted in. */
static void step_turn(struct vg_media *m, const struct vg_vad_frame *frame, uint32_t block, uint32_t arrival)
{
    enum vg_turn_event event = vg_turn_step(&m->turn, frame);
    uint32_t now = (uint32_t)m->turn.frame;
    if (event == VG_TURN_STARTED) {
        if (block != VG_BLOCK_NONE)
            preroll_add(m, block);
        media_push_event(m, EV_TURN_STARTED, VG_BLOCK_NONE, 0, (uint32_t)m->turn.start_frame);
        preroll_send(m, m->turn.start_frame);
        return;
    }
    bool in_turn = m->turn.open || event == VG_TURN_ENDED || event == VG_TURN_DROPPED;
    if (block != VG_BLOCK_NONE) {
        if (in_turn)
            media_push_event(m, EV_TURN_AUDIO, block, VG_FRAME_SAMPLES, arrival);
        else
            preroll_add(m, block);
    }
    uint16_t silence = (uint16_t)(m->turn.frame - 1 - m->turn.last_speech_frame);
    switch (event) {
    case VG_TURN_PAUSED: media_push_event(m, EV_TURN_PAUSED, VG_BLOCK_NONE, silence, now); break;
    case VG_TURN_RESUMED: media_push_event(m, EV_TURN_RESUMED, VG_BLOCK_NONE, 0, now); break;
    case VG_TURN_ENDED: media_push_event(m, EV_TURN_ENDED, VG_BLOCK_NONE, silence, now); break;
    case VG_TURN_DROPPED: media_push_event(m, EV_TURN_DROPPED, VG_BLOCK_NONE, silence, now); break;
    case VG_TURN_STARTED:
    case VG_TURN_NONE: break;
    }
}

static void step_barge(struct vg_media *m, const struct vg_vad_frame *frame, float agent_db, int64_t now_us)
{
    switch (vg_barge_step(&m->barge, frame, agent_db, m->playing && m->barge_in)) {
    case VG_BARGE_NONE: return;
    case VG_BARGE_HOLD:
        vg_pace_hold(&m->pace, now_us);
        media_push_event(m, EV_HELD, VG_BLOCK_NONE, 0, 1);
        return;
    case VG_BARGE_RELEASE:
        vg_pace_release(&m->pace, now_us);
        media_push_event(m, EV_HELD, VG_BLOCK_NONE, 0, 0);
        return;
    case VG_BARGE_CUT:
        /* Nothing more leaves until the owner's loop has bumped the epoch. */
        vg_pace_hold(&m->pace, now_us);
        media_push_event(m, EV_CUT, VG_BLOCK_NONE, 0, (uint32_t)m->turn.frame);
        return;
    }
}

static void process_frame(struct vg_media *m, const struct vg_slot *slot, int64_t now_us)
{
    struct vg_vad_frame frame = vg_vad_process(m->vad, vg_block_pcm(m->pool, slot->block));
    float agent_db = media_agent_db(m, now_us);
    step_barge(m, &frame, agent_db, now_us);
    if (agent_db > 0 && frame.level_db < agent_db - m->barge.config.tx_gate_db)
        frame.speech = frame.voiced = false; /* the reply's echo opens no turn */
    step_turn(m, &frame, slot->block, slot->value);
}

/* The client fell silent within a turn: media time goes on at wall speed so that the turn ends. */
static void count_silence(struct vg_media *m, int64_t now_us)
{
    static const struct vg_vad_frame SILENCE = {0};
    if (now_us - m->media_due_us < GAP_GRACE_US)
        return;
    while (m->media_due_us + VG_FRAME_US <= now_us) {
        m->media_due_us += VG_FRAME_US;
        if (m->turn.open)
            step_turn(m, &SILENCE, VG_BLOCK_NONE, 0);
        else
            m->turn.frame++;
    }
}

/* Another core wrote it: it comes while the frame before is judged. */
static void prefetch_block(const struct vg_media *m, uint32_t block)
{
    const char *at = vg_block_bytes(m->pool, block);
    for (int i = 0; i < VG_BLOCK_BYTES; i += 64)
        __builtin_prefetch(at + i);
}

/* A frame may become a start with its pre-roll. The ring is asked when what is known of it does not do: most
 * frames are silence and push nothing. */
static bool has_room(struct vg_media *m)
{
    if (m->events_room < EVENTS_RESERVED)
        m->events_room = vg_ring_space(m->events, EVENTS_RESERVED);
    return m->events_room >= EVENTS_RESERVED;
}

bool media_uplink_tick(struct vg_media *m, int64_t now_us)
{
    const struct vg_slot *next = vg_ring_peek(m->uplink);
    if (!next) {
        if (m->media_due_us > 0 && atomic_load_explicit(&m->connected, memory_order_relaxed))
            count_silence(m, now_us);
        return false;
    }
    for (int n = 0; next && n < FRAMES_PER_TICK_MAX && has_room(m); n++) {
        struct vg_slot slot;
        if (!vg_ring_pop(m->uplink, &slot))
            break;
        next = vg_ring_peek(m->uplink);
        if (next)
            prefetch_block(m, next->block);
        process_frame(m, &slot, now_us);
    }
    /* Also where frames wait for a stalled loop: they are no silence. */
    m->media_due_us = now_us + atomic_load_explicit(&m->chunk_us, memory_order_relaxed);
    return next != NULL;
}
