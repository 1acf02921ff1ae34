/* Turn detection: cuts the caller's audio into utterances, from VAD frames alone. Plain data and pure
 * functions, so that it is stepped by hand in tests and replayed offline. */
#ifndef VG_AUDIO_TURN_H
#define VG_AUDIO_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "audio/vad.h"

struct vg_turn_config {
    uint16_t start_frames;     /* net speech frames that open a turn; 3 */
    uint16_t preroll_frames;   /* audio kept from before the first speech frame; 15 (300 ms) */
    uint16_t pause_frames;     /* silence after which speculative work may start; 3..10 */
    uint16_t end_frames;       /* silence that ends the turn; 25 (500 ms) */
    uint16_t max_frames;       /* a turn longer than this ends anyway; 3000 (60 s) */
    uint16_t gate_voiced_min;  /* fewer voiced frames: noise; 4 */
    float gate_voiced_density; /* lower share of voiced among speech frames: noise; 0.30 */
};

struct vg_turn_config vg_turn_config_default(void);

enum vg_turn_event {
    VG_TURN_NONE,
    VG_TURN_STARTED, /* the turn's audio is the last vg_turn_started_frames_ago() frames and what follows */
    VG_TURN_PAUSED,  /* silence for pause_frames */
    VG_TURN_RESUMED, /* speech again after a pause */
    VG_TURN_ENDED,   /* silence for end_frames: an utterance */
    VG_TURN_DROPPED, /* silence for end_frames, but the gate calls it noise */
};

struct vg_turn {
    struct vg_turn_config config;
    int64_t frame;          /* frames seen */
    int64_t previous_end;   /* frame index after the last turn; the next pre-roll does not reach before it */
    uint32_t run;           /* net speech frames while idle */
    uint32_t run_voiced;    /* voiced frames within that run */
    uint32_t silence;       /* frames since the last speech frame of the open turn */
    uint32_t speech_frames; /* of the open turn */
    uint32_t voiced_frames; /* of the open turn, counted from its start window on */
    int64_t start_frame;    /* first frame of the open turn, pre-roll included */
    int64_t last_speech_frame; /* of the open turn */
    bool open, paused;
};

void vg_turn_init(struct vg_turn *t, const struct vg_turn_config *config);
/* Steps by one frame; returns what happened with it. */
enum vg_turn_event vg_turn_step(struct vg_turn *t, const struct vg_vad_frame *frame);
/* Frames of the open turn so far, pre-roll and the present one included; 0 if none is open. */
uint32_t vg_turn_started_frames_ago(const struct vg_turn *t);
/* The noise gate on what was counted so far: worth asking at VG_TURN_PAUSED, before speculative work. */
bool vg_turn_is_speech(const struct vg_turn *t);

/* --- barge-in by voice -----------------------------------------------------------------------------------
 */
struct vg_barge_config {
    uint8_t window_frames;    /* 15 (300 ms) */
    uint8_t hold_voiced;      /* voiced frames in the window that hold the reply; 3 */
    uint8_t cut_voiced;       /* ... that cut it; 6 */
    uint8_t release_frames;   /* a held reply goes on after so many frames under the hold bound; 10 */
    float tx_gate_db;         /* a frame this far under the agent's recent level is echo; 15 */
    uint8_t tx_window_frames; /* how far back the agent's level counts; 21 (420 ms) */
};

struct vg_barge_config vg_barge_config_default(void);

/* HOLD: stop sending, keep the reply. RELEASE: go on with it. CUT: drop it (with or without a HOLD before).
 */
enum vg_barge_event { VG_BARGE_NONE, VG_BARGE_HOLD, VG_BARGE_RELEASE, VG_BARGE_CUT };

struct vg_barge {
    struct vg_barge_config config;
    uint32_t history; /* bit n: the frame n frames ago was voiced and not echo */
    float tx_db[32];  /* the agent's level, newest at tx_at */
    uint8_t tx_at;
    uint8_t tx_quiet; /* frames since the agent was last heard; stops at the window's length */
    uint8_t calm;     /* frames under the hold bound while held */
    bool held;
};

void vg_barge_init(struct vg_barge *b, const struct vg_barge_config *config);
/* Forgets what was heard, at the start of a reply. */
void vg_barge_rearm(struct vg_barge *b);
/* Steps by one frame of the caller while the agent speaks. `agent_db` is the level of what was sent in this
 * frame, 0 for nothing. Call it on every frame, also when the agent is silent, with `speaking` false: the
 * window then only remembers levels and a hold is forgotten. A held reply still counts as speaking. */
enum vg_barge_event vg_barge_step(struct vg_barge *b, const struct vg_vad_frame *frame, float agent_db,
                                  bool speaking);

#endif
