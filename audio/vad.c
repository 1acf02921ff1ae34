/* Voice activity; see vad.h.
 *
 * A frame is voiced if its energy is over the gate, the voicing measure agrees and WebRTC VAD agrees. Speech
 * is voiced frames and what follows within the hold, as long as WebRTC VAD calls it active. The gate decides
 * first, by far the cheapest of the three, and the others run only where it is open or the hold needs an
 * answer. */
#include "audio/vad.h"

#include <stdlib.h>
#include <string.h>

#include "audio/level.h"
#include "audio/voicing.h"
#include "audio/webrtc_vad.h"

enum {
    MODE = 2,
    HOLD_FRAMES = 10,
    FLOOR_FRAMES = 75,        /* 1.5 s of minimum statistics */
    FLOOR_FRAMES_PADDED = 80, /* a multiple of the vector length */
    SETTLE_FRAMES = 25,       /* of a call: WebRTC VAD always runs, and the floor is bounded */
    RUN_ON_FRAMES = 11,       /* the frame that opens the gate and ten after the last */
};

static const float voicing_threshold = 0.70f;
static const float gate_least_db = 38.0f; /* quieter than this is never speech */
static const float gate_over_floor_db = 6.0f;
static const float floor_at_start_db =
    45.0f;                           /* while the floor is unknown: a caller may start talking at once */
static const float smoothing = 0.3f; /* share of the new frame in the smoothed level */
static const float least_mean_square = 1e-3f;

struct vg_vad {
    struct WebRtcVadInst *webrtc; /* owned */
    float last_smoothed_db;
    uint8_t at;
    uint8_t frames_seen; /* stops at FLOOR_FRAMES */
    uint8_t hold;
    uint8_t run_on; /* frames that WebRTC VAD still runs on although the gate is closed */
    bool ungated;
    float smoothed_db[FLOOR_FRAMES_PADDED]; /* a ring of the last FLOOR_FRAMES; unused ones are huge */
    struct voicing voicing;
};

static struct vg_vad *vad_new(bool ungated)
{
    struct vg_vad *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->ungated = ungated;
    v->webrtc = WebRtcVad_Create();
    if (!v->webrtc || WebRtcVad_Init(v->webrtc) != 0 || WebRtcVad_set_mode(v->webrtc, MODE) != 0)
        return vg_vad_free(v);
    vg_vad_reset(v);
    return v;
}

struct vg_vad *vg_vad_new(void)
{
    return vad_new(false);
}

struct vg_vad *vg_vad_new_ungated(void)
{
    return vad_new(true);
}

struct vg_vad *vg_vad_free(struct vg_vad *v)
{
    if (v && v->webrtc)
        WebRtcVad_Free(v->webrtc);
    free(v);
    return NULL;
}

void vg_vad_reset(struct vg_vad *v)
{
    /* Both succeeded in vad_new on the same instance, and depend on nothing else. */
    (void)WebRtcVad_Init(v->webrtc);
    (void)WebRtcVad_set_mode(v->webrtc, MODE);
    memset(&v->voicing, 0, sizeof v->voicing);
    for (int i = 0; i < FLOOR_FRAMES_PADDED; i++)
        v->smoothed_db[i] = 1e9f;
    v->last_smoothed_db = 0;
    v->at = 0;
    v->frames_seen = 0;
    v->hold = 0;
    v->run_on = 0;
}

/* Takes in a level and returns the noise floor: the least smoothed level of the last 1.5 s. */
static float vad_floor(struct vg_vad *v, float level_db)
{
    float smoothed =
        v->frames_seen ? (1.0f - smoothing) * v->last_smoothed_db + smoothing * level_db : level_db;
    v->last_smoothed_db = smoothed;
    v->smoothed_db[v->at] = smoothed;
    v->at = (uint8_t)((v->at + 1) % FLOOR_FRAMES);
    if (v->frames_seen < FLOOR_FRAMES)
        v->frames_seen++;
    float least[8] = {1e9f, 1e9f, 1e9f, 1e9f, 1e9f, 1e9f, 1e9f, 1e9f};
    for (int i = 0; i < FLOOR_FRAMES_PADDED; i += 8) {
        for (int k = 0; k < 8; k++)
            least[k] = v->smoothed_db[i + k] < least[k] ? v->smoothed_db[i + k] : least[k];
    }
    float floor_db = least[0];
    for (int k = 1; k < 8; k++)
        floor_db = least[k] < floor_db ? least[k] : floor_db;
    return floor_db > floor_at_start_db && v->frames_seen < SETTLE_FRAMES ? floor_at_start_db : floor_db;
}

void vg_vad_prefetch(const struct vg_vad *v)
{
    for (size_t at = 0; at < sizeof *v; at += 64)
        __builtin_prefetch((const char *)v + at, 1);
}

struct vg_vad_frame vg_vad_process(struct vg_vad *v, const int16_t *pcm)
{
    float mean_square = vg_level_mean_square(pcm, VG_FRAME_SAMPLES);
    float level_db = vg_level_from_mean_square(mean_square, least_mean_square);
    float floor_db = vad_floor(v, level_db) + gate_over_floor_db;
    bool open = level_db >= gate_least_db && level_db >= floor_db;
    voicing_push(&v->voicing, pcm);

    /* WebRTC VAD learns from what it hears. It hears enough if it gets the beginning of the call and a little
     * after each time the gate was open: then its answers differ in 0.14 % of the frames from those that it
     * gives when it hears all of them, and no noise starts a turn that did not; without either it is 1.6 %.
     */
    if (open)
        v->run_on = RUN_ON_FRAMES;
    else if (v->run_on > 0)
        v->run_on--;
    bool run = v->run_on > 0 || v->hold > 1 || v->frames_seen < SETTLE_FRAMES || v->ungated;
    bool active = run && WebRtcVad_Process(v->webrtc, VG_RATE_HZ, pcm, VG_FRAME_SAMPLES) == 1;
    bool voiced = open && active && voicing_peak(&v->voicing) > voicing_threshold;
    if (voiced)
        v->hold = HOLD_FRAMES;
    else if (v->hold > 0)
        v->hold--;
    return (struct vg_vad_frame){
        .speech = v->hold > 0 && active,
        .voiced = voiced,
        .level_db = level_db > 0.0f ? level_db : 0.0f,
    };
}
