/* The agent's half of the media tick: the reply's frames from the downlink ring, paced and encoded into the
 * out ring. Media thread. See media.h, audio/pace.h. */
#include "call/media_internal.h"

#include "obs/metrics.h"

enum {
    LATE_US = 5000,     /* a piece this long past its slot is late */
    STARVED_US = 20000, /* a piece that waits for the engine leaves short after this */
};

float media_agent_db(const struct vg_media *m, int64_t now_us)
{
    if (!m->playing || m->reply_frames == 0)
        return 0;
    int64_t frame = vg_pace_played_us(&m->pace, now_us) / VG_FRAME_US;
    if (frame >= m->reply_frames || frame + LEVELS <= m->reply_frames)
        return 0;
    return m->levels_db[frame % LEVELS];
}

static void drop_staged(struct vg_media *m)
{
    for (int i = 0; i < m->staged; i++)
        vg_block_give(m->pool, m->stage[i]);
    atomic_fetch_sub_explicit(&m->down_frames, (uint32_t)m->staged, memory_order_relaxed);
    m->staged = 0;
}

static void begin_epoch(struct vg_media *m, uint32_t epoch)
{
    drop_staged(m);
    vg_pace_init(&m->pace, m->pace.lead_us);
    vg_barge_rearm(&m->barge);
    m->playing_epoch = epoch;
    m->playing = m->ended = m->first_of_clause = false;
    m->low_sent = true; /* the owner has just filled the queue or is about to */
    m->reply_frames = 0;
    atomic_store_explicit(&m->sent_us, 0, memory_order_relaxed);
    atomic_store_explicit(&m->played_us, 0, memory_order_relaxed);
}

/* Frees slots of replies that were interrupted. */
static void drop_stale(struct vg_media *m)
{
    const struct vg_slot *slot;
    while ((slot = vg_ring_peek(m->down)) && slot->epoch != m->playing_epoch) {
        struct vg_slot stale;
        if (!vg_ring_pop(m->down, &stale))
            return;
        if (stale.block != VG_BLOCK_NONE) {
            vg_block_give(m->pool, stale.block);
            atomic_fetch_sub_explicit(&m->down_frames, 1, memory_order_relaxed);
        }
    }
}

static void push_out(struct vg_media *m, enum out_kind kind, uint32_t block, size_t length, uint32_t value)
{
    struct vg_slot slot = {.block = block,
                           .kind = (uint16_t)kind,
                           .length = (uint16_t)length,
                           .epoch = m->playing_epoch,
                           .value = value};
    if (vg_ring_push(m->out, &slot) && block != VG_BLOCK_NONE) /* cannot be: room was checked */
        vg_block_give(m->pool, block);
    m->wake = true;
}

/* Encodes one frame into blocks of the out ring; the PCM block is given back. */
static void send_frame(struct vg_media *m, uint32_t pcm_block)
{
    uint8_t wire[BLOCKS_PER_FRAME_MAX * VG_BLOCK_BYTES];
    const int16_t *pcm = vg_block_pcm(m->pool, pcm_block);
    float db = vg_level_db(pcm, VG_FRAME_SAMPLES);
    m->levels_db[m->reply_frames++ % LEVELS] = (uint8_t)(db > 0 ? db : 0);
    int n = vg_encode(m->encoder, pcm, wire, sizeof wire);
    vg_block_give(m->pool, pcm_block);
    atomic_fetch_sub_explicit(&m->down_frames, 1, memory_order_relaxed);
    for (int at = 0; at < n; at += VG_BLOCK_BYTES) {
        size_t length = (size_t)(n - at < VG_BLOCK_BYTES ? n - at : VG_BLOCK_BYTES);
        uint32_t block = vg_block_take(m->pool);
        if (block == VG_BLOCK_NONE) {
            vg_count1(frames_dropped_total, "pool");
            return;
        }
        __builtin_memcpy(vg_block_bytes(m->pool, block), wire + at, length);
        push_out(m, OUT_BYTES, block, length, 0);
    }
}

static void send_piece(struct vg_media *m, int64_t now_us)
{
    if (!m->playing) {
        m->playing = true;
        vg_pace_restart(&m->pace, now_us);
    } else if (now_us - vg_pace_due_us(&m->pace) > LATE_US) {
        vg_metric_add(VG_M_frames_late_total, NULL, NULL, m->staged);
    }
    uint32_t length_us = (uint32_t)m->staged * VG_FRAME_US;
    for (int i = 0; i < m->staged; i++)
        send_frame(m, m->stage[i]);
    m->staged = 0;
    push_out(m, OUT_PIECE, VG_BLOCK_NONE, m->first_of_clause ? PIECE_FIRST_OF_CLAUSE : 0, m->clause);
    m->first_of_clause = false;
    vg_pace_sent(&m->pace, now_us, length_us);
    atomic_store_explicit(&m->sent_us, (int64_t)m->reply_frames * VG_FRAME_US, memory_order_relaxed);
}

/* Moves frames into the stage up to the end of the piece; true if the piece is complete: it is full, or its
 * clause or the reply ends here. */
static bool stage_piece(struct vg_media *m)
{
    const struct vg_slot *slot;
    while (m->staged < m->piece_frames && (slot = vg_ring_peek(m->down)) && slot->epoch == m->playing_epoch) {
        if (slot->kind != DOWN_AUDIO && m->staged > 0)
            return true;
        struct vg_slot taken;
        if (!vg_ring_pop(m->down, &taken))
            return false;
        if (taken.kind == DOWN_AUDIO) {
            m->stage[m->staged++] = taken.block;
        } else if (taken.kind == DOWN_CLAUSE) {
            m->clause = taken.value;
            m->first_of_clause = true;
        } else {
            m->ended = true;
            push_out(m, OUT_END, VG_BLOCK_NONE, 0, 0);
            return false;
        }
    }
    return m->staged == m->piece_frames;
}

static void send_due(struct vg_media *m, int64_t now_us)
{
    int frames = m->piece_frames > m->staged ? m->piece_frames : m->staged;
    uint32_t room = (uint32_t)(frames * BLOCKS_PER_FRAME_MAX + 2);
    /* What is due before the next tick leaves now: the lead is that much longer, and nothing is late. */
    while (!m->ended && (!m->playing || vg_pace_due(&m->pace, now_us + VG_MEDIA_TICK_US - 1)) &&
           vg_ring_space(m->out, room) >= room) {
        bool complete = stage_piece(m);
        bool starved = m->staged > 0 && m->playing && now_us - vg_pace_due_us(&m->pace) > STARVED_US;
        if (!complete && !starved)
            return;
        send_piece(m, now_us);
    }
}

/* A held reply still plays from what the caller has, and counts as playing until it is released or cut. */
static void report_progress(struct vg_media *m, int64_t now_us)
{
    int64_t sent = (int64_t)m->reply_frames * VG_FRAME_US;
    int64_t played = vg_pace_played_us(&m->pace, now_us);
    atomic_store_explicit(&m->played_us, played, memory_order_relaxed);
    if (m->ended && played >= sent && !m->pace.held_us)
        m->playing = false;
}

static void play(struct vg_media *m, int64_t now_us)
{
    if (!m->pace.held_us)
        send_due(m, now_us);
    if (m->playing)
        report_progress(m, now_us);
    if (m->pace.held_us)
        return;
    bool low = atomic_load_explicit(&m->down_frames, memory_order_relaxed) < DOWN_FRAMES_LOW;
    if (low && (atomic_exchange_explicit(&m->refused, false, memory_order_relaxed) || !m->low_sent))
        media_push_event(m, EV_LOW, VG_BLOCK_NONE, 0, 0);
    m->low_sent = low;
}

void media_downlink_tick(struct vg_media *m, int64_t now_us)
{
    /* Acquire-release pairs with the release in poke_downlink(): cleared before the rings are looked at. */
    if (atomic_load_explicit(&m->down_news, memory_order_relaxed))
        (void)atomic_exchange_explicit(&m->down_news, false, memory_order_acq_rel);
    uint32_t epoch = atomic_load_explicit(&m->epoch, memory_order_acquire);
    if (epoch != m->playing_epoch)
        begin_epoch(m, epoch);
    drop_stale(m);
    m->down_waits = false;
    if (!m->encoder || !atomic_load_explicit(&m->connected, memory_order_relaxed))
        return; /* settings and a connection come with a poke */
    play(m, now_us);
    m->down_waits = m->staged > 0 || vg_ring_peek(m->down);
}
