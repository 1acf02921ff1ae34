/* Cuts speech frames into turns; see turn.h.
 *
 * Voiced frames, not speech frames, tell speech from noise: one voiced-looking frame of a noise and the VAD's
 * hold already make 200 ms of "speech". They are counted from the run that opened the turn. */
#include "audio/turn.h"

struct vg_turn_config vg_turn_config_default(void)
{
    return (struct vg_turn_config){
        .start_frames = 3,
        .preroll_frames = 15,
        .pause_frames = 10,
        .end_frames = 25,
        .max_frames = 3000,
        .gate_voiced_min = 4,
        .gate_voiced_density = 0.30f,
    };
}

void vg_turn_init(struct vg_turn *t, const struct vg_turn_config *config)
{
    *t = (struct vg_turn){.config = *config};
    if (t->config.start_frames == 0)
        t->config.start_frames = 1;
    if (t->config.end_frames == 0)
        t->config.end_frames = 1;
}

bool vg_turn_is_speech(const struct vg_turn *t)
{
    return t->voiced_frames >= t->config.gate_voiced_min &&
           (float)t->voiced_frames >= t->config.gate_voiced_density * (float)t->speech_frames;
}

uint32_t vg_turn_started_frames_ago(const struct vg_turn *t)
{
    return t->open ? (uint32_t)(t->frame - t->start_frame) : 0;
}

static void turn_open(struct vg_turn *t, int64_t now)
{
    int64_t start = now - (t->config.start_frames - 1) - t->config.preroll_frames;
    t->start_frame = start > t->previous_end ? start : t->previous_end;
    t->last_speech_frame = now;
    t->speech_frames = t->config.start_frames;
    t->voiced_frames = t->run_voiced;
    t->silence = 0;
    t->open = true;
    t->paused = false;
}

static enum vg_turn_event turn_close(struct vg_turn *t)
{
    t->open = false;
    t->paused = false;
    t->run = 0;
    t->run_voiced = 0;
    t->previous_end = t->frame;
    return vg_turn_is_speech(t) ? VG_TURN_ENDED : VG_TURN_DROPPED;
}

static enum vg_turn_event turn_step_idle(struct vg_turn *t, const struct vg_vad_frame *frame)
{
    if (frame->speech)
        t->run++;
    else if (t->run > 0)
        t->run--;
    t->run_voiced = t->run > 0 ? t->run_voiced + frame->voiced : 0;
    if (t->run < t->config.start_frames)
        return VG_TURN_NONE;
    turn_open(t, t->frame - 1);
    return VG_TURN_STARTED;
}

static enum vg_turn_event turn_step_open(struct vg_turn *t, const struct vg_vad_frame *frame)
{
    t->speech_frames += frame->speech;
    t->voiced_frames += frame->voiced;
    t->silence = frame->speech ? 0 : t->silence + 1;
    if (frame->speech)
        t->last_speech_frame = t->frame - 1;
    if (t->silence >= t->config.end_frames || t->frame - t->start_frame >= t->config.max_frames)
        return turn_close(t);
    if (t->paused && frame->speech) {
        t->paused = false;
        return VG_TURN_RESUMED;
    }
    if (!t->paused && t->silence > 0 && t->silence >= t->config.pause_frames) {
        t->paused = true;
        return VG_TURN_PAUSED;
    }
    return VG_TURN_NONE;
}

enum vg_turn_event vg_turn_step(struct vg_turn *t, const struct vg_vad_frame *frame)
{
    t->frame++;
    return t->open ? turn_step_open(t, frame) : turn_step_idle(t, frame);
}
