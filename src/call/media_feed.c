/* Feeding the rings of a call's media: the caller's audio by the loop of its leg, the reply by the loop of
 * the call. */
#include <string.h>

#include "base/clock.h"
#include "call/media_internal.h"
#include "obs/metrics.h"

/* --- leg's loop ------------------------------------------------------------------------------------------
 */

/* 0 for most frames: reading the clock for each would cost as much as the ring. */
static uint32_t time_frame(struct vg_media *m, int64_t arrival_us)
{
    if (++m->up_frames % SAMPLED_EVERY)
        return 0;
    vg_observe_us(frame_to_ring_seconds, vg_mono_us() - arrival_us);
    return arrival_stamp(arrival_us);
}

static int stage_frame(struct vg_media *m, int64_t arrival_us)
{
    struct vg_slot slot = {.block = m->up_block,
                           .length = VG_FRAME_SAMPLES,
                           .value = time_frame(m, arrival_us)};
    m->up_block = VG_BLOCK_NONE;
    m->up_samples = 0;
    if (vg_ring_stage(m->uplink, &slot) == 0)
        return 0;
    vg_block_give(m->config.pool, slot.block);
    vg_count1(frames_dropped_total, "uplink");
    return VG_EFULL;
}

int vg_media_uplink(struct vg_media *m, const int16_t *pcm, size_t samples, int64_t arrival_us)
{
    int err = 0;
    bool complete = false;
    while (samples > 0) {
        if (m->up_block == VG_BLOCK_NONE && (m->up_block = vg_block_take(m->config.pool)) == VG_BLOCK_NONE) {
            vg_count1(frames_dropped_total, "pool");
            err = VG_EFULL;
            break;
        }
        size_t take = (size_t)(VG_FRAME_SAMPLES - m->up_samples);
        if (take > samples)
            take = samples;
        memcpy(vg_block_pcm(m->config.pool, m->up_block) + m->up_samples, pcm, take * sizeof *pcm);
        m->up_samples = (uint16_t)(m->up_samples + take);
        pcm += take;
        samples -= take;
        if (m->up_samples == VG_FRAME_SAMPLES) {
            complete = true;
            if (stage_frame(m, arrival_us))
                err = VG_EFULL;
        }
    }
    if (complete) {
        vg_ring_publish(m->uplink);
        vg_media_clock_poke(&m->client);
    }
    return err;
}

size_t vg_media_uplink_space(struct vg_media *m)
{
    return (size_t)vg_ring_space(m->uplink, UPLINK_SLOTS) * VG_FRAME_SAMPLES;
}

void vg_media_set_chunk(struct vg_media *m, int64_t length_us)
{
    atomic_store_explicit(&m->chunk_us, length_us, memory_order_relaxed);
}

/* --- owner's loop: the reply -----------------------------------------------------------------------------
 */

void media_poke_downlink(struct vg_media *m)
{
    /* Release pairs with the acquire in media_downlink_tick(). */
    atomic_store_explicit(&m->down_news, true, memory_order_release);
    vg_media_clock_poke(&m->client);
}

void vg_media_set_connected(struct vg_media *m, bool connected)
{
    atomic_store_explicit(&m->connected, connected, memory_order_relaxed);
    media_poke_downlink(m);
}

static void drop_pending(struct vg_media *m)
{
    if (m->pending_block != VG_BLOCK_NONE)
        vg_block_give(m->config.pool, m->pending_block);
    m->pending_block = VG_BLOCK_NONE;
    m->pending_samples = 0;
}

void vg_media_begin_reply(struct vg_media *m)
{
    drop_pending(m);
    m->piece_bytes = 0;
    m->down_epoch++;
    /* Release pairs with the acquire in media_downlink_tick(). */
    atomic_store_explicit(&m->epoch, m->down_epoch, memory_order_release);
    media_poke_downlink(m);
}

static int push_down(struct vg_media *m, enum down_kind kind, uint32_t block, uint32_t value)
{
    struct vg_slot slot = {.block = block,
                           .kind = (uint16_t)kind,
                           .length = VG_FRAME_SAMPLES,
                           .epoch = m->down_epoch,
                           .value = value};
    int err = vg_ring_push(m->down, &slot);
    if (!err)
        media_poke_downlink(m);
    return err;
}

static bool push_pending(struct vg_media *m)
{
    /* Counted first: the media thread may send it at once. */
    atomic_fetch_add_explicit(&m->down_frames, 1, memory_order_relaxed);
    if (push_down(m, DOWN_AUDIO, m->pending_block, 0)) {
        atomic_fetch_sub_explicit(&m->down_frames, 1, memory_order_relaxed);
        return false;
    }
    m->pending_block = VG_BLOCK_NONE;
    m->pending_samples = 0;
    return true;
}

/* Queues the frame that is being filled, padded with silence; false if there is no slot, and it waits on. */
static bool settle_pending(struct vg_media *m)
{
    if (m->pending_samples == 0)
        return true;
    memset(vg_block_pcm(m->config.pool, m->pending_block) + m->pending_samples, 0,
           (size_t)(VG_FRAME_SAMPLES - m->pending_samples) * sizeof(int16_t));
    m->pending_samples = VG_FRAME_SAMPLES;
    return push_pending(m);
}

/* The owner waits for `low`. What fills the queue may be frames of a reply that was cut, so it need not pass
 * the mark again on its way down. */
static size_t refused(struct vg_media *m, size_t taken)
{
    atomic_store_explicit(&m->refused, true, memory_order_relaxed);
    media_poke_downlink(m);
    return taken;
}

/* What was played before a mark stands before it in the queue, also a frame that found the quota used up. */
static int push_mark(struct vg_media *m, enum down_kind kind, uint32_t value)
{
    int err = settle_pending(m) ? push_down(m, kind, VG_BLOCK_NONE, value) : VG_EFULL;
    if (err)
        refused(m, 0);
    return err;
}

int vg_media_clause(struct vg_media *m, uint32_t clause)
{
    return push_mark(m, DOWN_CLAUSE, clause);
}

int vg_media_end_reply(struct vg_media *m)
{
    return push_mark(m, DOWN_END, 0);
}

size_t vg_media_play(struct vg_media *m, const int16_t *pcm, size_t samples, bool flush)
{
    size_t taken = 0;
    for (;;) {
        if (m->pending_samples == VG_FRAME_SAMPLES) {
            bool room = atomic_load_explicit(&m->down_frames, memory_order_relaxed) < DOWN_FRAMES_MAX;
            if (!room || !push_pending(m))
                return refused(m, taken);
        }
        if (taken == samples)
            break;
        if (m->pending_block == VG_BLOCK_NONE &&
            (m->pending_block = vg_block_take(m->config.pool)) == VG_BLOCK_NONE)
            return refused(m, taken);
        size_t take = (size_t)(VG_FRAME_SAMPLES - m->pending_samples);
        if (take > samples - taken)
            take = samples - taken;
        memcpy(vg_block_pcm(m->config.pool, m->pending_block) + m->pending_samples, pcm + taken,
               take * sizeof *pcm);
        m->pending_samples = (uint16_t)(m->pending_samples + take);
        taken += take;
    }
    if (flush)
        settle_pending(
            m); /* the ring has more slots than the quota; where it fails, the next mark tries again */
    return taken;
}

int64_t vg_media_interrupt(struct vg_media *m)
{
    int64_t sent, played;
    vg_media_progress(m, &sent, &played);
    vg_media_begin_reply(m);
    return played;
}

void vg_media_progress(const struct vg_media *m, int64_t *sent_us, int64_t *played_us)
{
    *sent_us = atomic_load_explicit(&m->sent_us, memory_order_relaxed);
    int64_t played = atomic_load_explicit(&m->played_us, memory_order_relaxed);
    *played_us = played < *sent_us ? played : *sent_us;
}
