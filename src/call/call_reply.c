/* The agent's turn, from its beginning to its end: played out, or cut. The text comes from call_answer.c by
 * call_text.c, the sound from call_voice.c; what enters the history is what was heard. Owner's loop. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "call/call_handoff.h"
#include "call/call_internal.h"
#include "config/config.h"
#include "obs/metrics.h"

static int64_t now_us(const struct vg_call *c)
{
    return vg_loop_now_us(c->shard->loop);
}

/* --- beginning --------------------------------------------------------------------------------------------
 */

static void reply_begin(struct vg_call *c)
{
    struct reply *r = &c->reply;
    VG_ASSERT(!r->active);
    reply_clear(c);
    struct vg_timer *timer = r->played_out;
    struct clause *clauses = r->clauses;
    *r = (struct reply){.active = true, .played_out = timer, .clauses = clauses};
    vg_id_new(r->message_id, VG_ID_MESSAGE);
    vg_clause_init(&r->splitter, reply_add_clause, c);
    vg_media_begin_reply(c->media);
}

void reply_start(struct vg_call *c, struct utterance *u, const char *turn_id)
{
    struct reply *r = &c->reply;
    if (reply_prepare(c))
        return;
    reply_begin(c);
    snprintf(r->turn_id, sizeof r->turn_id, "%s", turn_id);
    r->times.final_us = now_us(c);
    r->times.speech_end_us = u ? u->speech_end_us : r->times.final_us;
    r->times.turn_ended_us = u ? u->ended_us : r->times.final_us;
    struct vg_span_context call = vg_span_context_of(c->span);
    r->turn_span = u ? u->turn_span : vg_span_begin("turn", &call);
    if (u)
        u->turn_span = NULL;
    vg_span_str(r->turn_span, "turn.id", turn_id);
    reply_ask(c);
}

void reply_say(struct vg_call *c, const char *text, const char *language)
{
    struct reply *r = &c->reply;
    (void)language; /* each clause is spoken in the language of its script */
    if (r->active || reply_prepare(c))
        return;
    reply_begin(c);
    vg_id_new(r->turn_id, VG_ID_TURN);
    r->by_agent_alone = true;
    r->times.final_us = now_us(c);
    vg_clause_feed(&r->splitter, text, strlen(text));
    reply_text_complete(c);
    reply_pump(c);
}

/* --- leaving, and the end ---------------------------------------------------------------------------------
 */

static void note_first_piece(struct vg_call *c)
{
    struct reply_times *t = &c->reply.times;
    t->first_piece_us = now_us(c);
    if (c->reply.by_agent_alone)
        return;
    vg_observe_us(turn_latency_seconds, t->first_piece_us - t->speech_end_us);
    vg_observe_us(turn_answer_seconds, t->first_clause_us - t->final_us);
    vg_observe_us(turn_synthesis_seconds, t->first_audio_us - t->first_clause_us);
    vg_observe_us(turn_pacing_seconds, t->first_piece_us - t->first_audio_us);
}

void reply_piece(struct vg_call *c, const struct vg_media_piece *piece)
{
    struct reply *r = &c->reply;
    if (!r->active || piece->clause >= r->count)
        return;
    if (!r->times.first_piece_us)
        note_first_piece(c);
    char *text = piece->first_of_clause ? reply_tell_text(r, piece->clause + 1) : NULL;
    vg_metric_add(VG_M_frames_out_total, vg_codec_name(c->settings.out_codec), NULL, 1);
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .turn_id = r->turn_id, .text = text ? text : "", .index = r->pieces};
    if (c->settings.inline_audio) {
        out.audio = piece->bytes;
        out.audio_bytes = piece->size;
        r->pieces++;
        call_emit(c, &out);
        free(text);
        return;
    }
    if (piece->first_of_clause) {
        r->pieces++;
        call_emit(c, &out);
    }
    free(text);
    if (!r->audio_started) {
        r->audio_started = true;
        struct vg_leg_out start = {.type = VG_OUT_AUDIO_START, .turn_id = r->turn_id};
        call_emit(c, &start);
    }
    struct vg_leg_out audio = {.type = VG_OUT_AUDIO, .audio = piece->bytes, .audio_bytes = piece->size};
    call_emit(c, &audio);
}

static void reply_over(struct vg_call *c, char *heard, bool interrupted)
{
    struct reply *r = &c->reply;
    char *text = reply_whole_text(r);
    r->active = false;
    if (text && *text && heard) {
        call_record_reply(c, text, heard, interrupted);
        if (*heard)
            history_add(c, VG_LLM_ASSISTANT, heard);
    }
    free(text);
    if (!r->by_agent_alone)
        vg_count1(turns_total, interrupted ? "interrupted" : "answered");
    reply_clear(c);
}

static void on_played_out(void *arg)
{
    struct vg_call *c = arg;
    if (!c->reply.active)
        return;
    enum vg_llm_action action = c->reply.result.action;
    char *heard = reply_whole_text(&c->reply);
    reply_over(c, heard, false);
    free(heard);
    if (action == VG_LLM_ACT_END_CALL)
        call_finish(c, "agent_ended", VG_CALL_ENDED);
    else if (action == VG_LLM_ACT_HANDOFF)
        call_request_handoff(c, "customer_request");
}

/* All of it was sent: it is over when the caller has played it. */
static void wait_for_the_rest(struct vg_call *c)
{
    int64_t sent, played;
    vg_media_progress(c->media, &sent, &played);
    vg_timer_start(c->reply.played_out, c->reply.pieces ? sent - played : 0, 0);
}

void reply_sent(struct vg_call *c)
{
    struct reply *r = &c->reply;
    if (!r->active || r->sent)
        return;
    r->sent = true;
    if (r->audio_started) {
        struct vg_leg_out end = {.type = VG_OUT_AUDIO_END, .turn_id = r->turn_id};
        call_emit(c, &end);
    }
    char *rest = reply_tell_text(r, r->count); /* of clauses at the end that made no sound */
    struct vg_leg_out out = {.type = VG_OUT_RESPONSE,
                             .turn_id = r->turn_id,
                             .text = rest ? rest : "",
                             .index = r->pieces,
                             .final = true};
    if (c->settings.inline_audio)
        out.audio = (const uint8_t *)""; /* a client that plays `audio` of every piece finds it empty */
    call_tell(c, &out);
    free(rest);
    wait_for_the_rest(c);
}

void reply_held(struct vg_call *c, bool held)
{
    struct reply *r = &c->reply;
    if (!r->active || r->held == held)
        return;
    r->held = held;
    if (held && r->sent)
        vg_timer_stop(r->played_out);
    else if (r->sent)
        wait_for_the_rest(c);
    if (!held)
        vg_count1(reply_holds_total, "resumed");
    struct vg_leg_out out = {.type = VG_OUT_HOLD, .turn_id = r->turn_id, .flag = held};
    call_emit_now(c, &out);
}

static void publish_barge_in(struct vg_call *c, const char *by, int64_t played_us)
{
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "by", by);
    vg_json_str(&j, "turn_id", c->reply.turn_id);
    vg_json_int(&j, "played_ms", played_us / VG_US_PER_MS);
    vg_json_end(&j);
    call_publish(c, "barge_in", "barge_in", vg_buf_str(&data));
    vg_buf_free(&data);
}

void reply_interrupt(struct vg_call *c, const char *by)
{
    struct reply *r = &c->reply;
    if (!r->active)
        return;
    bool begun = r->times.first_piece_us != 0;
    int64_t played = vg_media_interrupt(c->media);
    if (!begun)
        played = 0;
    char *heard = reply_heard_text(c, played);
    if (begun) {
        if (r->held)
            vg_count1(reply_holds_total, "cut");
        vg_count1(barge_in_total, by);
        vg_count1(call_events_total, "barge_in");
        struct vg_leg_out clear = {.type = VG_OUT_CLEAR, .turn_id = r->turn_id};
        if (c->host)
            host_send(c->host, &clear);
        struct vg_leg_out out = {.type = VG_OUT_INTERRUPTED,
                                 .turn_id = r->turn_id,
                                 .text = heard ? heard : "",
                                 .code = by,
                                 .end_ms = played / VG_US_PER_MS};
        call_emit(c, &out);
        publish_barge_in(c, by, played);
    }
    reply_over(c, heard, true);
    free(heard);
}

int reply_prepare(struct vg_call *c)
{
    struct reply *r = &c->reply;
    if (!r->played_out)
        r->played_out = vg_timer_new(c->shard->loop, on_played_out, c);
    if (!r->clauses)
        r->clauses = calloc(CLAUSES_MAX, sizeof *r->clauses);
    return r->played_out && r->clauses ? 0 : VG_ENOMEM;
}
