/* What the client of a WebSocket leg is told: the core's events as messages of the contract. */
#include "base/clock.h"
#include "obs/metrics.h"
#include "proto/ws_out.h"
#include "ws/ws_internal.h"

enum { CLOSE_POLICY = 1008 };

static void send(struct ws_leg *l, const void *data, size_t bytes, bool binary)
{
    if (!l->ws)
        return;
    int err = vg_ws_send(l->ws, data, bytes, binary);
    if (err == VG_EFULL) {
        vg_count1(ws_bad_input_total, "SLOW_READER");
        vg_ws_close(l->ws, CLOSE_POLICY, "the client reads too slowly");
    }
}

static void write_ready(struct ws_leg *l, struct vg_buf *b, const struct vg_ws_stamp *stamp,
                        const struct vg_leg_ready *r)
{
    struct vg_ws_ready m = {.call_id = r->call_id,
                            .session_id = r->session_id,
                            .resume_token = r->resume_token,
                            .in = l->in,
                            .out = l->out,
                            .lead_ms = r->lead_ms,
                            .endpointing_ms = r->endpointing_ms,
                            .barge_in = r->barge_in,
                            .language = r->language,
                            .stt_engine = r->stt_engine,
                            .stt_language = r->stt_language,
                            .stt_open_speech = r->stt_open_speech,
                            .resumed = r->resumed};
    vg_ws_write_ready(b, stamp, &m);
}

static void write_transcript(struct vg_buf *b, const struct vg_ws_stamp *stamp, const struct vg_leg_out *out)
{
    struct vg_ws_transcript m = {.final = out->type == VG_OUT_TRANSCRIPT_FINAL,
                                 .text = out->text,
                                 .turn_id = out->turn_id,
                                 .confidence = out->confidence,
                                 .start_ms = out->start_ms,
                                 .end_ms = out->end_ms};
    vg_ws_write_transcript(b, stamp, &m);
}

static void write_response(struct vg_buf *b, const struct vg_ws_stamp *stamp, const struct vg_leg_out *out)
{
    struct vg_ws_response m = {.turn_id = out->turn_id,
                               .text = out->text,
                               .index = out->index,
                               .final = out->final,
                               .audio = out->audio,
                               .audio_bytes = out->audio_bytes};
    vg_ws_write_response(b, stamp, &m);
}

static void write_event(struct ws_leg *l, struct vg_buf *b, const struct vg_leg_out *out)
{
    struct vg_ws_stamp stamp = {.utc_us = out->utc_us, .seq = out->seq, .generation = out->generation};
    switch (out->type) {
    case VG_OUT_READY: write_ready(l, b, &stamp, out->ready); break;
    case VG_OUT_SPEECH_STARTED: vg_ws_write_speech(b, &stamp, true, out->start_ms); break;
    case VG_OUT_SPEECH_STOPPED: vg_ws_write_speech(b, &stamp, false, out->start_ms); break;
    case VG_OUT_TRANSCRIPT_INTERIM:
    case VG_OUT_TRANSCRIPT_FINAL: write_transcript(b, &stamp, out); break;
    case VG_OUT_RESPONSE: write_response(b, &stamp, out); break;
    case VG_OUT_AUDIO_START: vg_ws_write_audio_mark(b, &stamp, true, out->turn_id); break;
    case VG_OUT_AUDIO_END: vg_ws_write_audio_mark(b, &stamp, false, out->turn_id); break;
    case VG_OUT_INTERRUPTED:
        vg_ws_write_interrupted(b, &stamp, out->turn_id, out->text, out->end_ms, out->code);
        break;
    case VG_OUT_HOLD: vg_ws_write_hold(b, &stamp, out->flag, out->turn_id); break;
    case VG_OUT_HANDOFF:
        vg_ws_write_handoff(b, &stamp, out->code, out->text, out->queue, (int)out->number);
        break;
    case VG_OUT_DTMF: vg_ws_write_dtmf(b, &stamp, out->digit); break;
    case VG_OUT_CALL_ENDED: vg_ws_write_call_ended(b, &stamp, out->text, out->end_ms); break;
    case VG_OUT_PONG: vg_ws_write_pong(b, &stamp, out->number); break;
    case VG_OUT_ERROR: vg_ws_write_error(b, &stamp, out->code, out->text, out->flag); break;
    case VG_OUT_AUDIO:        /* binary, below */
    case VG_OUT_CLEAR: break; /* `interrupted` says it */
    }
}

void ws_event(struct vg_leg *leg, const struct vg_leg_out *out)
{
    struct ws_leg *l = (struct ws_leg *)(void *)leg;
    if (!l->ws) { /* lost while the core was taking it over */
        if (l->leg.host)
            ws_abandon(l);
        return;
    }
    if (out->type == VG_OUT_AUDIO) {
        send(l, out->audio, out->audio_bytes, true);
        return;
    }
    struct vg_buf b = VG_BUF_INIT;
    write_event(l, &b, out);
    if (b.len > 0 && !b.failed)
        send(l, b.data, b.len, false);
    vg_buf_free(&b);
    if (out->type == VG_OUT_ERROR && out->flag && l->close_code && l->ws)
        vg_ws_close(l->ws, l->close_code, l->close_reason);
}

void ws_send_error(struct ws_leg *l, const char *code, const char *message, bool fatal)
{
    if (!l->ws)
        return;
    if (l->leg.host) { /* the core numbers it */
        struct vg_leg_in in = {.type = VG_IN_ERROR, .code = code, .text = message, .fatal = fatal};
        l->leg.host_ops->message(l->leg.host, &in);
        return;
    }
    struct vg_leg_out out = {
        .type = VG_OUT_ERROR, .utc_us = vg_utc_us(), .code = code, .text = message, .flag = fatal};
    ws_event(&l->leg, &out);
}
