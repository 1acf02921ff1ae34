/* What the media thread reports, drained on the owner's loop: turns and their audio, pieces of the reply. */
#include <string.h>

#include "base/clock.h"
#include "call/media_internal.h"
#include "obs/metrics.h"

static uint32_t current_epoch(const struct vg_media *m)
{
    return m->down_epoch;
}

static int64_t since_arrival_us(uint32_t stamp)
{
    int32_t us = (int32_t)((uint32_t)vg_mono_us() - stamp); /* right across the wrap of 71 minutes */
    return us > 0 ? us : 0;
}

static void report_event(struct vg_media *m, const struct vg_slot *slot)
{
    const struct vg_media_events *ev = m->config.events;
    void *arg = m->config.arg;
    switch ((enum media_event)slot->kind) {
    case EV_TURN_STARTED: ev->turn_started(arg, slot->value); break;
    case EV_TURN_AUDIO:
        if (slot->value)
            vg_observe_us(frame_to_stt_seconds, since_arrival_us(slot->value));
        ev->turn_audio(arg, vg_block_pcm(m->config.pool, slot->block), slot->length);
        vg_block_give(m->config.pool, slot->block);
        break;
    case EV_TURN_PAUSED: ev->turn_paused(arg); break;
    case EV_TURN_RESUMED: ev->turn_resumed(arg); break;
    case EV_TURN_ENDED: ev->turn_ended(arg, slot->value, (int64_t)slot->length * VG_FRAME_US); break;
    case EV_TURN_DROPPED: ev->turn_dropped(arg, slot->value); break;
    case EV_HELD:
        if (slot->epoch == current_epoch(m))
            ev->held(arg, slot->value != 0);
        break;
    case EV_CUT:
        if (slot->epoch == current_epoch(m))
            ev->cut(arg);
        break;
    case EV_LOW: ev->low(arg); break; /* an older reply's may be the answer to this one's full queue */
    }
}

static void report_out(struct vg_media *m, const struct vg_slot *slot)
{
    bool stale = slot->epoch != current_epoch(m);
    switch ((enum out_kind)slot->kind) {
    case OUT_BYTES:
        if (!stale) {
            memcpy(m->piece + m->piece_bytes, vg_block_bytes(m->config.pool, slot->block), slot->length);
            m->piece_bytes += slot->length;
        }
        vg_block_give(m->config.pool, slot->block);
        return;
    case OUT_PIECE: {
        struct vg_media_piece piece = {.clause = slot->value,
                                       .first_of_clause = slot->length & PIECE_FIRST_OF_CLAUSE,
                                       .bytes = m->piece,
                                       .size = m->piece_bytes};
        if (!stale)
            m->config.events->piece(m->config.arg, &piece);
        m->piece_bytes = 0;
        return;
    }
    case OUT_END:
        if (!stale)
            m->config.events->reply_sent(m->config.arg);
        return;
    }
}

void media_report(struct vg_message *msg)
{
    struct vg_media *m = VG_MESSAGE_OF(msg, struct vg_media, dirty_message);
    atomic_exchange_explicit(&m->dirty, false, memory_order_acq_rel);
    struct vg_slot slot;
    /* A callback may stop the media; its memory stays until finish_stop(). */
    while (!m->stopped && vg_ring_pop(m->events, &slot))
        report_event(m, &slot);
    while (!m->stopped && vg_ring_pop(m->out, &slot))
        report_out(m, &slot);
}
