/* The body of struct vg_media, shared by the media*.c of this folder. Every field says who writes it. */
#ifndef VG_CALL_MEDIA_INTERNAL_H
#define VG_CALL_MEDIA_INTERNAL_H

#include <stdatomic.h>

#include "audio/block.h"
#include "audio/pace.h"
#include "audio/ring.h"
#include "audio/vad.h"
#include "call/media.h"

enum {
    UPLINK_SLOTS = 64, /* 1.2 s and a little */
    EVENT_SLOTS = 128,
    DOWN_SLOTS = 64,
    OUT_SLOTS = 64,
    DOWN_FRAMES_MAX = 50, /* 1 s of the reply */
    DOWN_FRAMES_LOW = 25, /* ask for more */
    PREROLL_MAX = 32,
    PIECE_FRAMES_MAX = 12,
    BLOCKS_PER_FRAME_MAX = 3, /* 20 ms of s16 at 48 kHz */
    LEVELS = 64,
    SAMPLED_EVERY = 16,   /* frames of which one is timed */
    GAP_GRACE_US = 60000, /* this much beyond one chunk without audio: count silence */
};

/* Slots of the uplink and event rings carry a frame's arrival as the low 32 bits of the monotonic
 * microseconds, made odd; 0: this frame is not timed. In the event ring `value` is else the frame number's
 * low 32 bits, unless said otherwise. */
enum media_event {
    EV_TURN_STARTED,
    EV_TURN_AUDIO, /* block; value: arrival */
    EV_TURN_PAUSED,
    EV_TURN_RESUMED,
    EV_TURN_ENDED, /* length: frames of silence */
    EV_TURN_DROPPED,
    EV_HELD, /* value: held */
    EV_CUT,  /* epoch: of the reply that is cut */
    EV_LOW,
};

enum down_kind { DOWN_AUDIO, DOWN_CLAUSE, DOWN_END };

/* Slots of the out ring. */
enum out_kind { OUT_BYTES, OUT_PIECE, OUT_END }; /* PIECE closes the bytes before it */
enum { PIECE_FIRST_OF_CLAUSE = 1 };              /* flags in `length` of OUT_PIECE; value: clause */

/* A change of settings on its way to the media thread. */
struct media_settings {
    struct vg_message message;
    struct vg_media *media;
    struct vg_encoder *encoder; /* NULL: unchanged; the old one comes back in its place to be freed */
    int piece_frames;
    bool has_turn;
    struct vg_turn_config turn;
    int64_t lead_us;
    bool barge_in;
    bool attach; /* the first one: join the clock */
};

/* Ordered by who touches it how often: what the media thread needs for a frame lies together, what other
 * threads write lies apart from it. */
struct vg_media {
    struct vg_media_client client;                /* MEDIA; first member */
    struct vg_ring *uplink, *events, *down, *out; /* RO pointers */
    struct vg_block_pool *pool;                   /* RO, the config's */

    /* MEDIA thread: uplink */
    struct vg_vad *vad;
    int64_t media_due_us; /* when the next frame should have come */
    uint32_t preroll_first, preroll_count;
    uint32_t events_room; /* free slots of the event ring when last looked at, less what was pushed since */
    uint32_t playing_epoch;
    bool wake; /* something was pushed in this tick */
    bool barge_in;
    bool playing;    /* a reply of playing_epoch has begun and is not played out */
    bool down_waits; /* the downlink ring is not empty, or a piece is not complete */
    struct vg_turn turn;
    struct vg_barge barge;
    uint32_t preroll[PREROLL_MAX];

    /* MEDIA thread: downlink */
    struct vg_encoder *encoder;
    int piece_frames;
    struct vg_pace pace;
    bool ended;    /* its last piece has left */
    bool low_sent; /* `low` was reported since the queue was last above the mark */
    uint32_t clause;
    bool first_of_clause;
    uint32_t stage[PIECE_FRAMES_MAX]; /* frames of the next piece */
    int staged;
    uint32_t reply_frames;     /* frames of this reply sent */
    uint8_t levels_db[LEVELS]; /* of frame n at n % LEVELS */

    /* shared */
    _Alignas(64) _Atomic uint32_t epoch; /* OWNER writes (release); MEDIA reads (acquire) */
    _Atomic bool down_news; /* OWNER sets (release), MEDIA clears (acquire): the downlink wants a look */
    _Atomic bool connected; /* OWNER writes, MEDIA reads; relaxed */
    _Atomic bool refused;   /* OWNER sets: the queue was full; MEDIA clears when it says `low`; relaxed */
    _Atomic bool dirty;     /* MEDIA sets, OWNER clears: a wake-up is under way */
    _Atomic uint32_t down_frames; /* frames of the reply queued and not sent; both change it, relaxed */
    _Atomic int64_t chunk_us;     /* LEG writes, MEDIA reads; relaxed */
    _Atomic int64_t sent_us;      /* MEDIA writes, OWNER reads; relaxed: a progress report */
    _Atomic int64_t played_us;    /* likewise */
    struct vg_message dirty_message;

    /* LEG's loop */
    _Alignas(64) uint32_t up_block; /* partial frame of the caller, or VG_BLOCK_NONE */
    uint16_t up_samples;
    uint16_t up_frames; /* counts to SAMPLED_EVERY */

    /* OWNER's loop */
    bool attached; /* the first settings were sent */
    bool stopped;
    uint32_t down_epoch;    /* of the reply being queued */
    uint32_t pending_block; /* partial frame of the reply, or VG_BLOCK_NONE */
    uint16_t pending_samples;
    uint8_t *piece; /* bytes of the piece being collected, PIECE_FRAMES_MAX frames; allocated on use */
    size_t piece_bytes;
    struct vg_message stop_message;
    void (*stop_done)(void *arg);
    void *stop_arg;
    struct vg_media_config config; /* RO */
};

static inline uint32_t arrival_stamp(int64_t mono_us)
{
    return (uint32_t)mono_us | 1;
}

/* Makes the media thread look at the downlink. Any thread. */
void media_poke_downlink(struct vg_media *m);

/* Owner's loop: handles dirty_message. */
void media_report(struct vg_message *msg);

/* MEDIA thread. */
/* True if frames are left for the next tick. */
bool media_uplink_tick(struct vg_media *m, int64_t now_us);
void media_downlink_tick(struct vg_media *m, int64_t now_us);
/* Level of the reply as the caller hears it now, 0 while nothing is played. */
float media_agent_db(const struct vg_media *m, int64_t now_us);
void media_push_event(struct vg_media *m, enum media_event kind, uint32_t block, uint16_t length,
                      uint32_t value);

#endif
