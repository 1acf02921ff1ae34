/* The line of a scripted caller: 20 ms at a time both ways, as a telephone has them; see fake.h. */
#include "telephony/fake_line.h"

#include <string.h>

#include "audio/block.h"
#include "base/clock.h"

enum {
    FRAME_US = 20000,
    LINE_HZ = 8000,
    LINE_FRAME_BYTES = LINE_HZ / 50,
    LINE_FRAMES_LATE_MAX = 50, /* a loop that slept longer than this loses the caller's words */
    DEFAULT_HANG_UP_US = 60 * VG_US_PER_S,
};

/* --- ear -------------------------------------------------------------------------------------------------
 */

static void append(int16_t **to, size_t *count, size_t *cap, const int16_t *pcm, size_t samples)
{
    if (*count + samples > *cap) {
        size_t grown_cap = (*count + samples) * 2;
        int16_t *grown = realloc(*to, grown_cap * sizeof *grown);
        if (!grown)
            return;
        *to = grown;
        *cap = grown_cap;
    }
    memcpy(*to + *count, pcm, samples * sizeof *pcm);
    *count += samples;
}

static void take_audio(struct fake_call *c, const uint8_t *wire, size_t bytes)
{
    int16_t pcm[VG_FRAME_SAMPLES * 4];
    int n = vg_decode(c->ear_decoder, wire, bytes, pcm, VG_COUNT_OF(pcm));
    if (n > 0)
        append(&c->queued, &c->queued_samples, &c->queued_cap, pcm, (size_t)n);
}

/* Plays 20 ms of what came. */
static void listen(struct fake_call *c, int64_t now_us)
{
    size_t n = c->queued_samples < VG_FRAME_SAMPLES ? c->queued_samples : VG_FRAME_SAMPLES;
    if (n == 0 || c->held)
        return;
    append(&c->heard, &c->heard_samples, &c->heard_cap, c->queued, n);
    memmove(c->queued, c->queued + n, (c->queued_samples - n) * sizeof *c->queued);
    c->queued_samples -= n;
    c->last_heard_us = now_us;
}

static void on_event(struct vg_leg *leg, const struct vg_leg_out *out)
{
    struct fake_call *c = (struct fake_call *)(void *)leg;
    switch (out->type) {
    case VG_OUT_AUDIO: take_audio(c, out->audio, out->audio_bytes); break;
    case VG_OUT_CLEAR: c->queued_samples = 0; break;
    case VG_OUT_HOLD: c->held = out->flag; break;
    case VG_OUT_TRANSCRIPT_FINAL: c->replying = true; break;
    case VG_OUT_INTERRUPTED: c->held = c->replying = false; break;
    case VG_OUT_RESPONSE: c->replying = !out->final; break;
    default: break;
    }
    if (c->script.event)
        c->script.event(c->script.arg, out);
}

static void on_close(struct vg_leg *leg, int code, const char *reason)
{
    struct fake_call *c = (struct fake_call *)(void *)leg;
    fake_call_over(c, VG_TEL_ENDED, code, reason ? reason : "");
}

static const struct vg_leg_ops LEG_OPS = {.channel = "fake", .event = on_event, .close = on_close};

/* --- mouth -----------------------------------------------------------------------------------------------
 */

/* The next 20 ms, through the line's codec: a telephone's band and noise. */
static void speak(struct fake_call *c, int64_t now_us)
{
    int16_t pcm[VG_FRAME_SAMPLES] = {0}, line[VG_FRAME_SAMPLES * 2];
    uint8_t wire[LINE_FRAME_BYTES * 4];
    if (c->said < c->script.samples) {
        size_t left = c->script.samples - c->said;
        memcpy(pcm, c->script.pcm + c->said,
               (left < VG_FRAME_SAMPLES ? left : VG_FRAME_SAMPLES) * sizeof *pcm);
    }
    c->said += VG_FRAME_SAMPLES;
    int bytes = vg_encode(c->mouth_encoder, pcm, wire, sizeof wire);
    int n = bytes < 0 ? bytes : vg_decode(c->mouth_decoder, wire, (size_t)bytes, line, VG_COUNT_OF(line));
    if (n > 0) {
        int err = c->leg.host_ops->audio(c->leg.host, line, (size_t)n, now_us);
        (void)err; /* what is dropped is counted by the core */
    }
}

static void press_keys(struct fake_call *c, int64_t since_us)
{
    while (c->leg.host && c->key < c->script.key_count && c->script.keys[c->key].at_us <= since_us) {
        struct vg_leg_in in = {.type = VG_IN_DTMF, .digit = c->script.keys[c->key++].digit, .number = -1};
        c->leg.host_ops->message(c->leg.host, &in);
    }
}

/* --- hanging up ------------------------------------------------------------------------------------------
 */

static bool has_enough(struct fake_call *c, int64_t now_us)
{
    int64_t since_us = now_us - c->answered_us;
    if (since_us >= (c->script.hang_up_us ? c->script.hang_up_us : DEFAULT_HANG_UP_US))
        return true;
    bool told = c->said >= c->script.samples && c->key == c->script.key_count;
    if (told && !c->told_us)
        c->told_us = now_us;
    int64_t quiet_from_us = c->last_heard_us > c->told_us ? c->last_heard_us : c->told_us;
    return c->script.quiet_us && told && c->last_heard_us && !c->replying && c->queued_samples == 0 &&
           now_us - quiet_from_us >= c->script.quiet_us;
}

/* The core answers with its farewell, on_close(). */
static void hang_up(struct fake_call *c)
{
    struct vg_leg_in in = {.type = VG_IN_END, .text = "caller_hung_up", .number = -1};
    c->hung_up = true;
    c->leg.host_ops->message(c->leg.host, &in);
}

/* Sends as many frames as are due since the answer, so that a late timer makes no gap. */
static void on_frame(void *arg)
{
    struct fake_call *c = arg;
    int64_t now_us = vg_loop_now_us(c->leg.loop);
    if (!c->leg.host || c->hung_up)
        return;
    if (!c->connected) { /* the core took the leg just now */
        c->connected = true;
        c->answered_us = now_us - FRAME_US;
    }
    int64_t due = (now_us - c->answered_us) / FRAME_US - (int64_t)(c->said / VG_FRAME_SAMPLES);
    if (due > LINE_FRAMES_LATE_MAX)
        due = LINE_FRAMES_LATE_MAX;
    for (; due > 0; due--) {
        speak(c, now_us);
        listen(c, now_us);
    }
    press_keys(c, now_us - c->answered_us);
    if (c->leg.host && has_enough(c, now_us))
        hang_up(c);
}

/* --- life ------------------------------------------------------------------------------------------------
 */

struct fake_call *fake_line_new(struct vg_telephony *network, struct vg_loop *loop,
                                const struct vg_fake_script *script)
{
    struct fake_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    struct vg_encoder_config line = {.codec = VG_CODEC_PCMU, .rate_hz = LINE_HZ};
    c->leg = (struct vg_leg){.ops = &LEG_OPS,
                             .loop = loop,
                             .settings = {.out_codec = VG_CODEC_PCMU,
                                          .out_rate_hz = LINE_HZ,
                                          .piece_frames = 1,
                                          .lead_ms = -1,
                                          .endpointing_ms = -1,
                                          .barge_in = -1}};
    c->network = network;
    c->script = *script;
    c->frame_timer = vg_timer_new(loop, on_frame, c);
    c->mouth_encoder = vg_encoder_new(&line);
    c->mouth_decoder = vg_decoder_new(VG_CODEC_PCMU, LINE_HZ);
    c->ear_decoder = vg_decoder_new(VG_CODEC_PCMU, LINE_HZ);
    if (!c->frame_timer || !c->mouth_encoder || !c->mouth_decoder || !c->ear_decoder) {
        fake_line_free(c);
        return NULL;
    }
    return c;
}

/* The core may attach the leg a little later, when the call is written down: until then nothing is sent. */
void fake_line_start(struct fake_call *c)
{
    vg_timer_start(c->frame_timer, FRAME_US, FRAME_US);
}

void fake_line_free(struct fake_call *c)
{
    vg_timer_free(c->answer_timer);
    vg_timer_free(c->frame_timer);
    vg_timer_free(c->over_timer);
    vg_encoder_free(c->mouth_encoder);
    vg_decoder_free(c->mouth_decoder);
    vg_decoder_free(c->ear_decoder);
    free(c->queued);
    free(c->heard);
    free(c);
}
