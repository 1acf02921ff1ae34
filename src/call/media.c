/* The life of a call's media: making it, its settings, its steps on the media thread's clock, its end. The
 * loops feed its rings in media_feed.c and drain them in media_report.c; what a step does is in media_up.c
 * and media_down.c. */
#include "call/media.h"

#include <stddef.h>

#include "base/log.h"
#include "call/media_internal.h"
#include "net/loop.h"

/* --- media thread ----------------------------------------------------------------------------------------
 */

/* When something is to be done though nothing new comes: a reply is playing or waits, the uplink was left
 * half done, or the caller's silence in an open turn is to be counted. */
static int64_t next_tick_us(const struct vg_media *m, bool uplink_left, int64_t now_us)
{
    if (m->playing || m->down_waits || uplink_left)
        return now_us;
    if (m->turn.open && m->media_due_us > 0)
        return m->media_due_us + GAP_GRACE_US;
    return INT64_MAX;
}

static int64_t tick(struct vg_media_client *client, int64_t now_us)
{
    struct vg_media *m = (struct vg_media *)(void *)client;
    m->wake = false;
    bool uplink_left = media_uplink_tick(m, now_us);
    if (atomic_load_explicit(&m->down_news, memory_order_relaxed) || m->playing || m->down_waits)
        media_downlink_tick(m, now_us);
    /* Acquire-release pairs with the clear in drain(): what was pushed before is seen by that drain, or a new
     * wake-up is posted. */
    if (m->wake && !atomic_exchange_explicit(&m->dirty, true, memory_order_acq_rel))
        vg_loop_post(m->config.loop, &m->dirty_message);
    return next_tick_us(m, uplink_left, now_us);
}

static void prefetch_lines(const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const char *)from + i);
}

static void prefetch(const struct vg_media_client *client, int stage)
{
    const struct vg_media *m = (const struct vg_media *)(const void *)client;
    const struct vg_slot *slot;
    switch (stage) {
    case 0:
        prefetch_lines(m, offsetof(struct vg_media, preroll));
        __builtin_prefetch(&m->epoch);
        return;
    case 1:
        vg_ring_prefetch(m->uplink);
        vg_vad_prefetch(m->vad);
        return;
    case 2:
        if ((slot = vg_ring_peek(m->uplink)))
            prefetch_lines(vg_block_bytes(m->pool, slot->block), VG_BLOCK_BYTES);
        return;
    }
}

static void free_settings(struct vg_message *msg)
{
    struct media_settings *s = VG_MESSAGE_OF(msg, struct media_settings, message);
    vg_encoder_free(s->encoder);
    free(s);
}

static void apply_settings(struct vg_message *msg)
{
    struct media_settings *s = VG_MESSAGE_OF(msg, struct media_settings, message);
    struct vg_media *m = s->media;
    if (s->encoder) {
        struct vg_encoder *old = m->encoder;
        m->encoder = s->encoder;
        m->piece_frames = s->piece_frames;
        s->encoder = old;
    }
    if (s->has_turn) {
        m->turn.config = s->turn;
        m->pace.lead_us = s->lead_us;
        m->barge_in = s->barge_in;
    }
    if (s->attach && vg_media_clock_add(m->config.clock, &m->client))
        vg_log(VG_LOG_ERROR, "call.media", "error=\"out of memory\" effect=\"a call without sound\"");
    media_poke_downlink(m);
    s->message.handle = free_settings; /* memory is freed where it was made */
    vg_loop_post(m->config.loop, &s->message);
}

static void give_blocks(struct vg_media *m, struct vg_ring *ring)
{
    struct vg_slot slot;
    while (vg_ring_pop(ring, &slot)) {
        if (slot.block != VG_BLOCK_NONE)
            vg_block_give(m->config.pool, slot.block);
    }
}

static void finish_stop(struct vg_message *msg);

static void leave_clock(struct vg_message *msg)
{
    struct vg_media *m = VG_MESSAGE_OF(msg, struct vg_media, stop_message);
    vg_media_clock_remove(m->config.clock, &m->client);
    give_blocks(m, m->uplink);
    give_blocks(m, m->down);
    for (int i = 0; i < m->staged; i++)
        vg_block_give(m->config.pool, m->stage[i]);
    for (uint32_t i = 0; i < m->preroll_count; i++)
        vg_block_give(m->config.pool, m->preroll[(m->preroll_first + i) % PREROLL_MAX]);
    msg->handle = finish_stop;
    vg_loop_post(m->config.loop, msg);
}

/* --- owner's loop: life ----------------------------------------------------------------------------------
 */

struct vg_media *vg_media_new(const struct vg_media_config *config)
{
    struct vg_media *m = aligned_alloc(_Alignof(struct vg_media), sizeof *m);
    if (!m)
        return NULL;
    *m = (struct vg_media){.config = *config, .pool = config->pool};
    m->client.tick = tick;
    m->client.prefetch = prefetch;
    m->dirty_message.handle = media_report;
    m->pending_block = m->up_block = VG_BLOCK_NONE;
    atomic_init(&m->connected, true);
    atomic_init(&m->chunk_us, VG_FRAME_US);
    m->uplink = vg_ring_new(UPLINK_SLOTS);
    m->events = vg_ring_new(EVENT_SLOTS);
    m->down = vg_ring_new(DOWN_SLOTS);
    m->out = vg_ring_new(OUT_SLOTS);
    m->vad = vg_vad_new();
    if (!m->uplink || !m->events || !m->down || !m->out || !m->vad) {
        m->stop_message.handle = finish_stop;
        finish_stop(&m->stop_message);
        return NULL;
    }
    vg_turn_init(&m->turn, &config->turn);
    struct vg_barge_config barge = vg_barge_config_default();
    vg_barge_init(&m->barge, &barge);
    m->barge_in = config->barge_in;
    m->low_sent = true; /* there is no reply yet that could run low */
    vg_pace_init(&m->pace, config->lead_us);
    return m;
}

/* The media thread no longer knows `m`; a wake-up of it may still be in the loop's mailbox, but that is first
 * in first out from one thread, so it was handled before this. */
static void finish_stop(struct vg_message *msg)
{
    struct vg_media *m = VG_MESSAGE_OF(msg, struct vg_media, stop_message);
    if (m->events)
        give_blocks(m, m->events);
    if (m->out)
        give_blocks(m, m->out);
    if (m->pending_block != VG_BLOCK_NONE)
        vg_block_give(m->config.pool, m->pending_block);
    if (m->up_block != VG_BLOCK_NONE)
        vg_block_give(m->config.pool, m->up_block);
    vg_ring_free(m->uplink);
    vg_ring_free(m->events);
    vg_ring_free(m->down);
    vg_ring_free(m->out);
    vg_vad_free(m->vad);
    vg_encoder_free(m->encoder);
    free(m->piece);
    if (m->stop_done)
        m->stop_done(m->stop_arg);
    free(m);
}

void vg_media_stop(struct vg_media *m, void (*done)(void *arg), void *arg)
{
    VG_ASSERT(!m->stopped);
    m->stopped = true;
    m->stop_done = done;
    m->stop_arg = arg;
    if (m->attached) {
        m->stop_message.handle = leave_clock;
        vg_media_clock_post(m->config.clock, &m->stop_message);
    } else {
        m->stop_message.handle = finish_stop;
        vg_loop_post(m->config.loop, &m->stop_message);
    }
}

static struct media_settings *settings_new(struct vg_media *m)
{
    struct media_settings *s = calloc(1, sizeof *s);
    if (s) {
        s->message.handle = apply_settings;
        s->media = m;
    }
    return s;
}

int vg_media_set_output(struct vg_media *m, struct vg_encoder *encoder, int piece_frames)
{
    struct media_settings *s = settings_new(m);
    size_t bytes = PIECE_FRAMES_MAX * BLOCKS_PER_FRAME_MAX * VG_BLOCK_BYTES;
    if (!m->piece)
        m->piece = malloc(bytes);
    if (!s || !m->piece || piece_frames < 1 || piece_frames > PIECE_FRAMES_MAX) {
        vg_encoder_free(encoder);
        free(s);
        return m->piece && s ? VG_EINVAL : VG_ENOMEM;
    }
    s->encoder = encoder;
    s->piece_frames = piece_frames;
    s->attach = !m->attached;
    m->attached = true;
    vg_media_clock_post(m->config.clock, &s->message);
    return 0;
}

int vg_media_set_turn(struct vg_media *m, const struct vg_turn_config *turn, int64_t lead_us, bool barge_in)
{
    struct media_settings *s = settings_new(m);
    if (!s)
        return VG_ENOMEM;
    s->has_turn = true;
    s->turn = *turn;
    s->lead_us = lead_us;
    s->barge_in = barge_in;
    vg_media_clock_post(m->config.clock, &s->message);
    return 0;
}
