/* The settings of a call in force: the leg's wish, else the agent's, else the instance's; and `ready`, which
 * tells them. Owner's loop. */
#include "base/clock.h"
#include "call/call_internal.h"
#include "config/config.h"

static int endpointing_ms(const struct vg_call *c)
{
    if (c->settings.endpointing_ms >= 0)
        return c->settings.endpointing_ms;
    return c->spec->endpointing_ms ? (int)c->spec->endpointing_ms : (int)c->shard->config->endpointing_ms;
}

int call_lead_ms(const struct vg_call *c)
{
    return c->settings.lead_ms >= 0 ? c->settings.lead_ms : (int)c->shard->config->lead_ms;
}

bool call_barge_in(const struct vg_call *c)
{
    return c->settings.barge_in >= 0 ? c->settings.barge_in != 0 : c->spec->barge_in;
}

struct vg_turn_config call_turn_config(const struct vg_call *c)
{
    struct vg_turn_config t = vg_turn_config_default();
    t.end_frames = (uint16_t)(endpointing_ms(c) * 1000 / VG_FRAME_US);
    t.pause_frames = (uint16_t)(c->shard->config->pause_ms * 1000 / VG_FRAME_US);
    return t;
}

int call_apply_settings(struct vg_call *c, const struct vg_leg_settings *s)
{
    struct vg_encoder_config config = {.codec = s->out_codec,
                                       .rate_hz = s->out_rate_hz,
                                       .opus_bitrate = (int)c->shard->config->opus_bitrate,
                                       .opus_complexity = (int)c->shard->config->opus_complexity};
    struct vg_encoder *encoder = vg_encoder_new(&config);
    if (!encoder)
        return VG_ENOMEM;
    int err = vg_media_set_output(c->media, encoder, s->piece_frames);
    if (err)
        return err;
    c->settings = *s;
    struct vg_turn_config turn = call_turn_config(c);
    return vg_media_set_turn(c->media, &turn, (int64_t)call_lead_ms(c) * VG_US_PER_MS, call_barge_in(c));
}

void call_send_ready(struct vg_call *c, bool resumed)
{
    struct vg_leg_ready ready = {.call_id = c->spec->call_id,
                                 .session_id = c->spec->session_id,
                                 .resume_token = c->state.resume_token,
                                 .language = c->language,
                                 .stt_engine = c->spec->stt_name,
                                 .stt_language = c->language,
                                 .stt_open_speech = c->spec->stt && c->spec->stt->hears(c->language),
                                 .resumed = resumed,
                                 .lead_ms = call_lead_ms(c),
                                 .endpointing_ms = endpointing_ms(c),
                                 .barge_in = call_barge_in(c)};
    struct vg_leg_out out = {.type = VG_OUT_READY, .ready = &ready};
    call_emit(c, &out);
}
