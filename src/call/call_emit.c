/* What the client of a call is told, in one order: events that wait for the spool hold back those behind
 * them, every event gets its number when it leaves, and the last ones that carry text are kept for a client
 * that resumes. Owner's loop. */
#include <string.h>

#include "base/clock.h"
#include "call/call_internal.h"
#include "obs/metrics.h"

struct held_out {
    struct held_out *next;
    uint64_t need; /* acknowledgements of the spool before it may leave */
    struct vg_leg_out out;
    char strings[]; /* what out's pointers point to */
};

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *copy_text(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

struct held_out *held_out_new(const struct vg_leg_out *out, bool with_audio)
{
    const struct vg_leg_ready *r = out->ready;
    size_t audio = with_audio ? out->audio_bytes : 0;
    size_t size =
        text_size(out->turn_id) + text_size(out->text) + text_size(out->code) + text_size(out->queue);
    size_t ready_size = 0;
    if (r)
        ready_size = sizeof *r + 16 + text_size(r->call_id) + text_size(r->session_id) +
                     text_size(r->resume_token) + text_size(r->language) + text_size(r->stt_engine) +
                     text_size(r->stt_language);
    struct held_out *h = calloc(1, sizeof *h + ready_size + audio + size);
    if (!h)
        return NULL;
    h->out = *out;
    char *at = h->strings;
    if (r) {
        at += -(uintptr_t)at & 15;
        struct vg_leg_ready *copy = (struct vg_leg_ready *)(void *)at;
        at += sizeof *copy;
        *copy = *r;
        copy->call_id = copy_text(&at, r->call_id);
        copy->session_id = copy_text(&at, r->session_id);
        copy->resume_token = copy_text(&at, r->resume_token);
        copy->language = copy_text(&at, r->language);
        copy->stt_engine = copy_text(&at, r->stt_engine);
        copy->stt_language = copy_text(&at, r->stt_language);
        h->out.ready = copy;
    }
    h->out.turn_id = copy_text(&at, out->turn_id);
    h->out.text = copy_text(&at, out->text);
    h->out.code = copy_text(&at, out->code);
    h->out.queue = copy_text(&at, out->queue);
    h->out.audio = with_audio && out->audio ? (const uint8_t *)"" : NULL;
    h->out.audio_bytes = audio;
    if (audio)
        h->out.audio = memcpy(at, out->audio, audio);
    return h;
}

const struct vg_leg_out *held_out_get(const struct held_out *h)
{
    return &h->out;
}

struct held_out *held_out_free(struct held_out *h)
{
    free(h);
    return NULL;
}

static bool is_replayable(const struct vg_leg_out *out)
{
    switch (out->type) {
    case VG_OUT_TRANSCRIPT_FINAL:
    case VG_OUT_INTERRUPTED:
    case VG_OUT_HANDOFF:
    case VG_OUT_DTMF:
    case VG_OUT_ERROR: return true;
    case VG_OUT_RESPONSE: return out->final || (out->text && *out->text);
    default: return false;
    }
}

static void keep_for_replay(struct vg_call *c, const struct vg_leg_out *out)
{
    struct held_out *copy = held_out_new(out, false);
    if (!copy)
        return;
    struct held_out **slot = &c->outbox.replay[c->outbox.replay_next++ % REPLAY_MAX];
    held_out_free(*slot);
    *slot = copy;
}

void call_emit_now(struct vg_call *c, struct vg_leg_out *out)
{
    out->seq = ++c->outbox.seq;
    out->generation = 1;
    out->utc_us = vg_utc_us();
    if (is_replayable(out))
        keep_for_replay(c, out);
    if (c->host)
        host_send(c->host, out);
}

static void hold(struct vg_call *c, const struct vg_leg_out *out, uint64_t need)
{
    struct held_out *h = held_out_new(out, true);
    if (!h)
        return;
    h->need = need;
    if (c->outbox.last)
        c->outbox.last->next = h;
    else
        c->outbox.first = h;
    c->outbox.last = h;
}

void call_emit(struct vg_call *c, struct vg_leg_out *out)
{
    if (c->outbox.first)
        hold(c, out, 0);
    else
        call_emit_now(c, out);
}

void call_tell(struct vg_call *c, struct vg_leg_out *out)
{
    if (c->outbox.first || c->recorder.acked < c->recorder.appended)
        hold(c, out, c->recorder.appended);
    else
        call_emit_now(c, out);
}

void call_outbox_flush(struct vg_call *c)
{
    struct held_out *h;
    while ((h = c->outbox.first) && h->need <= c->recorder.acked) {
        c->outbox.first = h->next;
        if (!h->next)
            c->outbox.last = NULL;
        call_emit_now(c, &h->out);
        held_out_free(h);
    }
}

void call_outbox_drop_finals(struct vg_call *c)
{
    struct held_out **at = &c->outbox.first, *last = NULL;
    while (*at) {
        struct held_out *h = *at;
        if (h->out.type == VG_OUT_TRANSCRIPT_FINAL) {
            *at = h->next;
            held_out_free(h);
        } else {
            last = h;
            at = &h->next;
        }
    }
    c->outbox.last = last;
}

void call_outbox_replay(struct vg_call *c, uint64_t after_seq)
{
    for (uint32_t i = 0; i < REPLAY_MAX; i++) {
        struct held_out *h = c->outbox.replay[(c->outbox.replay_next + i) % REPLAY_MAX];
        if (h && h->out.seq > after_seq && c->host)
            host_send(c->host, &h->out);
    }
}

void call_outbox_free(struct vg_call *c)
{
    while (c->outbox.first) {
        struct held_out *next = c->outbox.first->next;
        held_out_free(c->outbox.first);
        c->outbox.first = next;
    }
    for (uint32_t i = 0; i < REPLAY_MAX; i++)
        c->outbox.replay[i] = held_out_free(c->outbox.replay[i]);
}

void call_emit_simple(struct vg_call *c, enum vg_leg_out_type type)
{
    struct vg_leg_out out = {.type = type};
    call_emit(c, &out);
}

void call_emit_error(struct vg_call *c, const char *code, const char *message, bool fatal)
{
    struct vg_leg_out out = {.type = VG_OUT_ERROR, .code = code, .text = message, .flag = fatal};
    call_emit(c, &out);
}
