/* The media of one call: the caller's samples in, turns out; the reply's samples in, paced wire bytes out.
 *
 *   leg's loop --uplink ring--> media thread --event ring--> owner's loop     turns and their audio
 *   owner's loop --downlink ring--> media thread --out ring--> owner's loop   the reply, paced and encoded
 *
 * Three threads meet here in four SPSC rings; each function names its own. Blocks travel by index and are
 * never copied on the way from the socket to the recogniser. A barge-in is one increment of the epoch:
 * everything queued under an older one is dropped where it stands. */
#ifndef VG_CALL_MEDIA_H
#define VG_CALL_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/codec.h"
#include "audio/turn.h"
#include "call/media_clock.h"
#include "voxgate/leg.h"

struct vg_loop;
struct vg_media;

/* A piece of the reply that is to leave now. Borrowed until the callback returns. */
struct vg_media_piece {
    uint32_t clause; /* as marked with vg_media_clause() */
    bool first_of_clause;
    const uint8_t *bytes; /* encoded */
    size_t size;
    int64_t due_us; /* monotonic: its slot */
};

/* Called on the owner's loop. Frame numbers count 20 ms frames of the caller's audio since the call began. */
struct vg_media_events {
    void (*turn_started)(void *arg, int64_t first_frame);
    void (*turn_audio)(void *arg, const int16_t *pcm, size_t samples);
    void (*turn_paused)(void *arg);
    void (*turn_resumed)(void *arg);
    /* `silence_us`: how long ago the last speech frame came. */
    void (*turn_ended)(void *arg, int64_t end_frame, int64_t silence_us);
    void (*turn_dropped)(void *arg, int64_t end_frame);
    void (*held)(void *arg, bool held);
    void (*cut)(void *arg); /* the caller speaks over the reply: interrupt it */
    void (*piece)(void *arg, const struct vg_media_piece *piece);
    void (*reply_sent)(void *arg); /* the last piece of the present reply has left */
    void (*low)(void *arg);        /* under 500 ms of the reply is queued */
};

struct vg_media_config {
    struct vg_loop *loop; /* the owner's */
    struct vg_media_clock *clock;
    struct vg_block_pool *pool;
    struct vg_turn_config turn;
    int64_t lead_us;
    bool barge_in;
    const struct vg_media_events *events;
    void *arg;
};

/* Owner's loop. The media does nothing until vg_media_set_output(). */
struct vg_media *vg_media_new(const struct vg_media_config *config);
/* Owner's loop: ends it. The uplink's producer must have stopped. `done` (may be NULL) runs on the loop when
 * the media thread let go; no event comes after this call. */
void vg_media_stop(struct vg_media *m, void (*done)(void *arg), void *arg);

/* Owner's loop: takes `encoder` and starts (or goes on) with these settings. `piece_frames` 1..12. */
int vg_media_set_output(struct vg_media *m, struct vg_encoder *encoder, int piece_frames) VG_MUST_CHECK;
/* Owner's loop: turn settings from the next frame on. */
int vg_media_set_turn(struct vg_media *m, const struct vg_turn_config *turn, int64_t lead_us,
                      bool barge_in) VG_MUST_CHECK;
/* Owner's loop: nobody listens (the connection is lost): stop playing, stop counting silence. */
void vg_media_set_connected(struct vg_media *m, bool connected);

/* --- uplink: the leg's loop -------------------------------------------------------------------------------
 */
/* Adds samples; VG_EFULL: some were dropped and counted. Real-time safe. */
int vg_media_uplink(struct vg_media *m, const int16_t *pcm, size_t samples, int64_t arrival_us);
/* Samples that fit now. */
size_t vg_media_uplink_space(struct vg_media *m);
void vg_media_set_chunk(struct vg_media *m, int64_t length_us);

/* --- downlink: the owner's loop --------------------------------------------------------------------------
 */
/* Begins a reply: bumps the epoch, so that everything queued before is void. */
void vg_media_begin_reply(struct vg_media *m);
/* What follows belongs to clause number `clause`. VG_EFULL: try again after `low`. */
int vg_media_clause(struct vg_media *m, uint32_t clause) VG_MUST_CHECK;
/* Queues samples; returns how many were taken (whole frames; a last partial frame only with `flush`, padded
 * with silence). What is left is offered again after `low`. */
size_t vg_media_play(struct vg_media *m, const int16_t *pcm, size_t samples, bool flush);
/* The reply is complete. VG_EFULL: try again after `low`. */
int vg_media_end_reply(struct vg_media *m) VG_MUST_CHECK;
/* Drops the reply; returns how much of it the caller has played, in microseconds. */
int64_t vg_media_interrupt(struct vg_media *m);
/* How much of the present reply was sent and was played by now, in microseconds. */
void vg_media_progress(const struct vg_media *m, int64_t *sent_us, int64_t *played_us);

#endif
