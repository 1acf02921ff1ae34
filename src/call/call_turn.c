/* The caller's turn: from the media's turn detection through the recogniser to a text that is recorded, told
 * and answered. Owner's loop. Read next: call_reply.c. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "call/call_create.h"
#include "call/call_internal.h"
#include "config/config.h"
#include "obs/metrics.h"

enum { FINAL_CAP_MS = 480 }; /* told within 500 ms of the end of the turn */

static struct utterance *find_utterance(struct vg_call *c, uint32_t number)
{
    struct utterance *u = &c->caller.utterances[number % UTTERANCES];
    return number && u->number == number ? u : NULL;
}

static void forget_utterance(struct utterance *u)
{
    vg_span_end(u->stt_span);
    vg_span_end(u->turn_span);
    *u = (struct utterance){0};
}

/* --- what the recogniser says -----------------------------------------------------------------------------
 */

static void publish_transcript(struct vg_call *c, const char *event_type, const char *text, double confidence)
{
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "text", text);
    vg_json_num(&j, "confidence", confidence, 3);
    vg_json_end(&j);
    call_publish(c, "transcript", event_type, vg_buf_str(&data));
    vg_buf_free(&data);
}

static void on_interim(void *arg, const struct vg_stt_result *r)
{
    struct vg_call *c = arg;
    const struct utterance *u = find_utterance(c, r->utterance);
    if (!u || u->ignored || c->ending)
        return;
    struct vg_leg_out out = {.type = VG_OUT_TRANSCRIPT_INTERIM,
                             .turn_id = u->turn_id,
                             .text = r->text,
                             .confidence = r->confidence,
                             .start_ms = r->start_samples / (VG_RATE_HZ / 1000),
                             .end_ms = r->end_samples / (VG_RATE_HZ / 1000)};
    call_emit(c, &out);
    publish_transcript(c, "transcript_interim", r->text, r->confidence);
}

static void on_final(void *arg, const struct vg_stt_result *r)
{
    struct vg_call *c = arg;
    struct utterance *u = find_utterance(c, r->utterance);
    if (!u || c->ending)
        return;
    vg_observe_us(turn_final_transcript_seconds, vg_loop_now_us(c->shard->loop) - u->ended_us);
    u->start_samples = r->start_samples;
    u->end_samples = r->end_samples;
    u->stt_span = vg_span_end(u->stt_span);
    if (u->ignored || !*r->text)
        vg_count1(turns_total, u->ignored ? "backchannel" : "empty");
    else
        call_turn_accept(c, r->text, r->confidence, u, "voice");
    forget_utterance(u);
}

static void on_failed(void *arg, uint32_t utterance, int err)
{
    struct vg_call *c = arg;
    struct utterance *u = find_utterance(c, utterance);
    vg_count1(turns_total, "failed");
    vg_log_warn("call.stt_failed", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
    if (c->ending)
        return;
    bool told = u && !u->ignored;
    if (u) {
        vg_span_error(u->stt_span, vg_strerror(err));
        forget_utterance(u);
    }
    if (!told)
        return;
    if (err == VG_ETIMEOUT)
        call_emit_error(c, "ASR_TIMEOUT", "Speech recognition timeout", false);
    else
        call_emit_error(c, "ASR_FAILED", "speech recognition failed for this turn", false);
    if (c->handoff == HANDOFF_NONE && !c->reply.active)
        reply_say(c, reply_apology(c->language), c->language);
}

static const struct vg_stt_events STT_EVENTS = {.interim = on_interim,
                                                .final = on_final,
                                                .failed = on_failed};

static int open_recogniser(struct vg_call *c)
{
    struct vg_stt_params params = {.call_id = c->spec->call_id,
                                   .language = c->language,
                                   .choosing_language = c->caller.choosing_language,
                                   .vocabulary = (const char *const *)c->spec->vocabulary,
                                   .vocabulary_count = c->spec->vocabulary_count,
                                   .final_cap_ms = FINAL_CAP_MS};
    return c->spec->stt->open(&c->caller.stt, &c->shard->env, &params, &STT_EVENTS, c);
}

int call_turn_open(struct vg_call *c)
{
    c->caller.choosing_language =
        strcmp(c->spec->language_asked, "auto") == 0 && strcmp(c->spec->language, "auto") == 0;
    if (c->caller.choosing_language)
        snprintf(c->language, sizeof c->language, "en");
    return c->spec->stt ? open_recogniser(c) : 0;
}

void call_turn_close(struct vg_call *c)
{
    if (c->caller.stt)
        c->spec->stt->close(c->caller.stt);
    c->caller.stt = NULL;
    for (int i = 0; i < UTTERANCES; i++) {
        if (c->caller.utterances[i].number)
            forget_utterance(&c->caller.utterances[i]);
    }
}

/* --- what the caller said ---------------------------------------------------------------------------------
 */

static void bill_speech(struct vg_call *c, const struct utterance *u)
{
    char key[32];
    snprintf(key, sizeof key, "stt:%u", u->number);
    call_record_usage(c, &(struct usage){.kind = "stt",
                                         .provider = c->spec->stt_name,
                                         .unit = "second",
                                         .quantity_micro =
                                             (u->end_samples - u->start_samples) * 1000000 / VG_RATE_HZ,
                                         .key = key,
                                         .tokens_in = -1,
                                         .tokens_out = -1});
}

static void tell_transcript(struct vg_call *c, const char *text, double confidence, const struct utterance *u,
                            const char *turn_id)
{
    struct vg_leg_out out = {.type = VG_OUT_TRANSCRIPT_FINAL,
                             .turn_id = turn_id,
                             .text = text,
                             .confidence = confidence,
                             .start_ms = u ? u->start_samples / (VG_RATE_HZ / 1000) : 0,
                             .end_ms = u ? u->end_samples / (VG_RATE_HZ / 1000) : 0};
    call_tell(c, &out);
    publish_transcript(c, "transcript_final", text, confidence);
}

/* The recogniser of one language never runs on another. What was being said is lost. */
static void change_recogniser(struct vg_call *c)
{
    const struct vg_stt_ops *stt = c->spec->stt;
    if (!stt)
        return;
    call_turn_close(c);
    c->caller.open = false;
    bool words = stt->takes_words && stt->takes_words(c->language);
    int err = stt->hears(c->language) || words ? open_recogniser(c) : 0;
    if (err) {
        vg_log_warn("call.stt_failed", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
        call_emit_error(c, "ASR_FAILED", "speech recognition is not available in this language", false);
    }
}

static void choose_language(struct vg_call *c, const char *language)
{
    c->caller.choosing_language = false;
    snprintf(c->language, sizeof c->language, "%s", language);
    snprintf(c->state.language, sizeof c->state.language, "%s", language);
    call_publish_state(c);
    call_show_live(c->entry);
    change_recogniser(c); /* also to the same language: it no longer listens for names of languages */
    const char *greeting =
        c->spec->greeting && *c->spec->greeting ? c->spec->greeting : "How can I help you?";
    bool heard = c->spec->stt && c->spec->stt->hears(language);
    reply_say(c, heard ? greeting : reply_no_open_speech(c), language);
}

void call_turn_accept(struct vg_call *c, const char *text, double confidence, struct utterance *u,
                      const char *source)
{
    char turn_id[VG_ID_SIZE];
    if (u)
        memcpy(turn_id, u->turn_id, sizeof turn_id);
    else
        vg_id_new(turn_id, VG_ID_TURN);
    reply_interrupt(c, source);
    c->state.turns++;
    call_publish_state(c);
    call_show_live(c->entry);
    history_add(c, VG_LLM_USER, text);
    call_record_caller(c, text, u, confidence);
    bool recorded = !c->recorder.refused;
    if (u)
        bill_speech(c, u);
    if (recorded) /* else RECORD_FAILED was told in its place */
        tell_transcript(c, text, confidence, u, turn_id);
    vg_log_debug("call.turn", "call_id=%s turn=%u source=%s text=%s", c->spec->call_id, c->state.turns,
                 source, text);
    const char *named = c->caller.choosing_language ? call_language_named(text) : NULL;
    if (named && c->handoff == HANDOFF_NONE) {
        vg_count1(turns_total, "language");
        choose_language(c, named); /* the recogniser that heard it is gone */
    } else if (c->handoff == HANDOFF_NONE) {
        reply_start(c, u, turn_id);
    } else {
        vg_count1(turns_total, "held_back");
    }
}

void call_turn_dtmf(struct vg_call *c, char digit)
{
    struct vg_leg_out out = {.type = VG_OUT_DTMF, .digit = digit};
    call_emit(c, &out);
    if (c->caller.choosing_language && (digit == '1' || digit == '2')) {
        reply_interrupt(c, "dtmf");
        choose_language(c, digit == '1' ? "en" : "ar");
        return;
    }
    const char text[2] = {digit, 0};
    call_turn_accept(c, text, 1.0, NULL, "dtmf");
}

/* --- what the media says ----------------------------------------------------------------------------------
 */

static void on_turn_started(void *arg, int64_t first_frame)
{
    struct vg_call *c = arg;
    struct caller *k = &c->caller;
    c->last_input_us = vg_loop_now_us(c->shard->loop);
    k->number++;
    struct utterance *u = &k->utterances[k->number % UTTERANCES];
    if (u->number)
        forget_utterance(u);
    u->number = k->number;
    vg_id_new(u->turn_id, VG_ID_TURN);
    u->start_samples = first_frame * VG_FRAME_SAMPLES;
    k->open = true;
    k->opened_under_reply = c->reply.active;
    k->cut_seen = false;
    struct vg_leg_out out = {.type = VG_OUT_SPEECH_STARTED,
                             .start_ms = first_frame * VG_FRAME_US / VG_US_PER_MS};
    call_emit(c, &out);
    if (!k->stt)
        return;
    struct vg_span_context call = vg_span_context_of(c->span);
    u->turn_span = vg_span_begin("turn", &call);
    struct vg_span_context turn = vg_span_context_of(u->turn_span);
    u->stt_span = vg_span_begin("stt", &turn);
    int err = c->spec->stt->begin(k->stt, u->number, u->start_samples);
    if (err) {
        k->open = false;
        on_failed(c, u->number, err);
    }
}

static void on_turn_audio(void *arg, const int16_t *pcm, size_t samples)
{
    struct vg_call *c = arg;
    if (c->caller.stt && c->caller.open && c->spec->stt->audio(c->caller.stt, pcm, samples))
        vg_count1(frames_dropped_total, "stt");
}

static void on_turn_paused(void *arg)
{
    struct vg_call *c = arg;
    if (c->caller.stt && c->caller.open)
        c->spec->stt->pause(c->caller.stt);
}

static void on_turn_resumed(void *arg)
{
    struct vg_call *c = arg;
    if (c->caller.stt && c->caller.open)
        c->spec->stt->resume(c->caller.stt);
}

static void speech_stopped(struct vg_call *c, int64_t end_frame)
{
    struct vg_leg_out out = {.type = VG_OUT_SPEECH_STOPPED,
                             .start_ms = end_frame * VG_FRAME_US / VG_US_PER_MS};
    call_emit(c, &out);
}

static void on_turn_ended(void *arg, int64_t end_frame, int64_t silence_us)
{
    struct vg_call *c = arg;
    struct caller *k = &c->caller;
    struct utterance *u = find_utterance(c, k->number);
    speech_stopped(c, end_frame);
    if (!u || !k->open)
        return;
    k->open = false;
    u->ended_us = vg_loop_now_us(c->shard->loop);
    u->speech_end_us = u->ended_us - silence_us;
    vg_observe_us(turn_endpointing_seconds, silence_us);
    /* Said under a reply that it did not cut: a murmur, not a turn. */
    u->ignored = k->opened_under_reply && !k->cut_seen && c->reply.active;
    if (!k->stt)
        return;
    if (u->ignored) {
        vg_count1(turns_total, "backchannel");
        c->spec->stt->cancel(k->stt);
        forget_utterance(u);
        return;
    }
    int err = c->spec->stt->finish(k->stt, end_frame * VG_FRAME_SAMPLES);
    if (err)
        on_failed(c, u->number, err);
}

static void on_turn_dropped(void *arg, int64_t end_frame)
{
    struct vg_call *c = arg;
    struct utterance *u = find_utterance(c, c->caller.number);
    speech_stopped(c, end_frame);
    vg_count1(turns_total, "noise");
    if (c->caller.stt && c->caller.open)
        c->spec->stt->cancel(c->caller.stt);
    c->caller.open = false;
    if (u)
        forget_utterance(u);
}

static void on_cut(void *arg)
{
    struct vg_call *c = arg;
    c->caller.cut_seen = true;
    reply_interrupt(c, "voice");
}

static void on_held(void *arg, bool held)
{
    reply_held(arg, held);
}

static void on_piece(void *arg, const struct vg_media_piece *piece)
{
    reply_piece(arg, piece);
}

static void on_reply_sent(void *arg)
{
    reply_sent(arg);
}

static void on_low(void *arg)
{
    reply_pump(arg);
}

const struct vg_media_events call_media_events = {
    .turn_started = on_turn_started,
    .turn_audio = on_turn_audio,
    .turn_paused = on_turn_paused,
    .turn_resumed = on_turn_resumed,
    .turn_ended = on_turn_ended,
    .turn_dropped = on_turn_dropped,
    .held = on_held,
    .cut = on_cut,
    .piece = on_piece,
    .reply_sent = on_reply_sent,
    .low = on_low,
};
