/* The media of one call, stepped by hand: a fake clock, a caller made of vowels and hiss, and a record of
 * what the call is told. Every frame carries its number in its first sample, so that order and loss show. */
#ifndef VG_TEST_MEDIA_RIG_H
#define VG_TEST_MEDIA_RIG_H

#include "audio/block.h"
#include "call/media_internal.h"
#include "net/loop.h"

enum { RIG_EVENTS = 4096 };

enum rig_kind {
    RIG_STARTED,
    RIG_AUDIO,
    RIG_PAUSED,
    RIG_RESUMED,
    RIG_ENDED,
    RIG_DROPPED,
    RIG_HELD,
    RIG_RELEASED,
    RIG_CUT,
    RIG_PIECE,
    RIG_SENT,
    RIG_LOW
};

struct rig_event {
    enum rig_kind kind;
    int64_t at_us;  /* of the fake clock */
    int64_t value;  /* STARTED, ENDED: frame; AUDIO, PIECE: number in its first sample */
    int64_t length; /* AUDIO, PIECE: samples; ENDED: silence_us */
    uint32_t clause;
    bool first_of_clause;
};

struct rig {
    struct vg_loop *loop;
    struct vg_block_pool *pool;
    struct vg_media *media;
    int64_t now_us;
    int sent_frames;   /* of the caller */
    bool loop_stalled; /* what is posted stays posted */
    bool cuts;         /* interrupt the reply when told to, as a call does */
    struct rig_event events[RIG_EVENTS];
    int count;
};

/* A media that hears and speaks PCM at 16 kHz, `piece_frames` a piece. */
void rig_open(struct rig *r, int piece_frames, int64_t lead_us, size_t pool_bytes);
void rig_close(struct rig *r);
/* Lets the fake clock go on by `us` in steps of the media's tick. */
void rig_run(struct rig *r, int64_t us);
/* Runs what was posted to the loop. */
void rig_loop(struct rig *r);
/* `n` frames of the caller at their own pace, voiced or hiss. */
void rig_talk(struct rig *r, int n);
void rig_quiet(struct rig *r, int n);
/* The next frame of the caller, not yet sent. */
void rig_frame(struct rig *r, bool voiced, int16_t pcm[VG_FRAME_SAMPLES]);
/* Queues frames first .. first+n-1 of a reply; returns samples taken. */
size_t rig_say(struct rig *r, int first, int n);
int rig_count(const struct rig *r, enum rig_kind kind);
/* The n-th event of a kind; fails if there is none. */
const struct rig_event *rig_event(const struct rig *r, enum rig_kind kind, int n);

#endif
