/* The reply as sound: each clause is synthesised when the caller is about to need it, and queued for paced
 * playing when its usage is recorded. Owner's loop. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call/call_internal.h"
#include "obs/metrics.h"

/* --- synthesis --------------------------------------------------------------------------------------------
 */

static void bill_synthesis(struct vg_call *c, const struct clause *k)
{
    int64_t characters = 0;
    for (const char *p = k->speech; *p; p++)
        characters += ((unsigned char)*p & 0xc0) != 0x80;
    char key[48];
    snprintf(key, sizeof key, "tts:%.20s:%u", c->reply.message_id + 24, c->reply.synth);
    call_record_usage(c, &(struct usage){.kind = "tts",
                                         .provider = c->reply.tts_ops->name,
                                         .unit = "character",
                                         .quantity_micro = characters * 1000000,
                                         .key = key,
                                         .tokens_in = -1,
                                         .tokens_out = -1});
}

static void on_audio(void *arg, const int16_t *pcm, size_t samples)
{
    struct vg_call *c = arg;
    struct reply *r = &c->reply;
    struct clause *k = &r->clauses[r->synth];
    if (k->length_us == 0) {
        bill_synthesis(c, k);
        if (!r->times.first_audio_us)
            r->times.first_audio_us = vg_loop_now_us(c->shard->loop);
    }
    if (k->samples + samples > k->cap) {
        size_t cap = k->cap ? k->cap * 2 : VG_RATE_HZ / 2;
        while (cap < k->samples + samples)
            cap *= 2;
        int16_t *grown = realloc(k->pcm, cap * sizeof *grown);
        if (!grown)
            return;
        k->pcm = grown;
        k->cap = cap;
    }
    memcpy(k->pcm + k->samples, pcm, samples * sizeof *pcm);
    k->samples += samples;
    k->length_us = (int64_t)k->samples * VG_US_PER_S / VG_RATE_HZ;
    reply_pump(c);
}

static void clause_synthesised(struct vg_call *c)
{
    struct reply *r = &c->reply;
    r->tts_ops->close(r->tts);
    r->tts = NULL;
    r->tts_span = vg_span_end(r->tts_span);
    r->clauses[r->synth++].synthesised = true;
    reply_pump(c);
}

static void on_spoken(void *arg, const struct vg_tts_result *result)
{
    struct vg_call *c = arg;
    (void)result;
    vg_metric_add(VG_M_provider_attempts_total, c->reply.tts_ops->name, "success", 1);
    clause_synthesised(c);
}

static void synthesis_failed(struct vg_call *c, int err)
{
    vg_log_warn("call.tts_failed", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
    if (c->reply.tts_ops)
        vg_metric_add(VG_M_provider_attempts_total, c->reply.tts_ops->name, "error", 1);
    if (!c->reply.tts_failed)
        call_emit_error(c, "TTS_FAILED", "a part of the reply could not be spoken", false);
    c->reply.tts_failed = true;
    vg_span_error(c->reply.tts_span, vg_strerror(err));
}

static void on_unspoken(void *arg, int err)
{
    struct vg_call *c = arg;
    synthesis_failed(c, err);
    clause_synthesised(c);
}

static const struct vg_tts_events TTS_EVENTS = {.audio = on_audio, .done = on_spoken, .failed = on_unspoken};

/* How much of the reply is synthesised and not yet played. */
static int64_t ahead_us(const struct vg_call *c)
{
    int64_t sent, played, made = 0;
    vg_media_progress(c->media, &sent, &played);
    for (uint32_t i = 0; i < c->reply.count; i++)
        made += c->reply.clauses[i].length_us;
    return made - (c->reply.pieces ? played : 0);
}

/* Starts the next clause when the caller is about to need it; one at a time. */
static void synthesise_next(struct vg_call *c)
{
    struct reply *r = &c->reply;
    while (!r->tts && r->synth < r->count) {
        struct clause *k = &r->clauses[r->synth];
        if (k->synthesised) { /* nothing to say */
            r->synth++;
            continue;
        }
        if (ahead_us(c) > SYNTH_AHEAD_US)
            return;
        const char *voice = NULL;
        r->tts_ops = c->shard->engines->tts(c->spec->tts_engine, c->spec->voice_id, k->language, &voice);
        struct vg_tts_request request = {
            .call_id = c->spec->call_id, .text = k->speech, .language = k->language, .voice = voice};
        /* What the agent says by itself (its greeting) is of no turn. */
        struct vg_span_context parent = vg_span_context_of(r->turn_span ? r->turn_span : c->span);
        r->tts_span = vg_span_begin("tts", &parent);
        int err =
            r->tts_ops ? r->tts_ops->start(&r->tts, &c->shard->env, &request, &TTS_EVENTS, c) : VG_ENOTSUP;
        if (!err)
            return;
        synthesis_failed(c, err);
        r->tts_span = vg_span_end(r->tts_span);
        k->synthesised = true;
        r->synth++;
    }
}

/* --- queueing ---------------------------------------------------------------------------------------------
 */

/* The text of a clause without sound. Behind one whose sound is still to leave it waits for the next piece,
 * or for the end of the reply: texts come in their order. */
static void show_silent_clause(struct vg_call *c, const struct clause *k)
{
    struct reply *r = &c->reply;
    if (r->told < r->play)
        return;
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .turn_id = r->turn_id, .text = k->text, .index = r->pieces++};
    if (c->settings.inline_audio)
        out.audio = (const uint8_t *)""; /* a client that plays `audio` of every piece finds it empty */
    r->told = r->play + 1;
    call_tell(c, &out);
}

static int64_t start_of(const struct reply *r, uint32_t clause)
{
    int64_t at = 0;
    for (uint32_t i = 0; i < clause; i++) {
        int64_t frames = (r->clauses[i].length_us + VG_FRAME_US - 1) / VG_FRAME_US;
        at += frames * VG_FRAME_US; /* each clause is padded to whole frames */
    }
    return at;
}

/* Moves clause `k` into the media's queue; false if it must wait. */
static bool queue_clause(struct vg_call *c, struct clause *k)
{
    struct reply *r = &c->reply;
    if (k->samples == 0) {
        if (!k->synthesised)
            return false;
        show_silent_clause(c, k);
        return true;
    }
    if (!k->need)
        k->need = c->recorder.appended;
    if (c->recorder.acked < k->need)
        return false;
    if (!k->marked) {
        if (vg_media_clause(c->media, r->play))
            return false;
        k->marked = k->queued = true;
        k->start_us = start_of(r, r->play);
    }
    k->at += vg_media_play(c->media, k->pcm + k->at, k->samples - k->at, k->synthesised);
    if (k->at < k->samples || !k->synthesised)
        return false;
    free(k->pcm);
    k->pcm = NULL;
    return true;
}

void reply_pump(struct vg_call *c)
{
    struct reply *r = &c->reply;
    if (!r->active || r->end_marked || !c->media)
        return;
    synthesise_next(c);
    while (r->play < r->count && queue_clause(c, &r->clauses[r->play]))
        r->play++;
    if (r->llm_done && r->play == r->count && !r->tts)
        r->end_marked = vg_media_end_reply(c->media) == 0;
}
