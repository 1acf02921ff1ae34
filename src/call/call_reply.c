/* The agent's turn: the answer engine's text is cut into clauses, each is synthesised when the caller is
 * about to need it, queued for paced playing when its usage is recorded, and shown with its first piece of
 * audio. What enters the history is what was heard. Owner's loop. */
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

/* --- clauses ----------------------------------------------------------------------------------------------
 */

static bool has_arabic(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p >= 0xd8 && *p <= 0xdb) /* U+0600..U+06FF */
            return true;
    }
    return false;
}

static bool has_latin(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
            return true;
    }
    return false;
}

/* A clause in another script than the call's language is spoken by a voice for that script. */
static const char *clause_language(const struct vg_call *c, const char *speech)
{
    bool arabic = has_arabic(speech);
    if (arabic)
        return "ar";
    return strcmp(c->language, "ar") == 0 && has_latin(speech) ? "en" : c->language;
}

static void add_clause(void *arg, const char *text, size_t text_bytes, const char *speech,
                       size_t speech_bytes)
{
    struct vg_call *c = arg;
    struct reply *r = &c->reply;
    if (r->count == CLAUSES_MAX)
        return;
    struct clause *k = &r->clauses[r->count];
    *k = (struct clause){.text = strndup(text, text_bytes), .speech = strndup(speech, speech_bytes)};
    if (!k->text || !k->speech) {
        free(k->text);
        free(k->speech);
        return;
    }
    k->synthesised = !*k->speech;
    snprintf(k->language, sizeof k->language, "%s", clause_language(c, k->speech));
    if (r->count++ == 0)
        r->times.first_clause_us = now_us(c);
}

static void free_clause(struct clause *k)
{
    free(k->text);
    free(k->speech);
    free(k->pcm);
    *k = (struct clause){0};
}

/* Drops engines and texts; the reply's times and ids stay for the record. */
void reply_clear(struct vg_call *c)
{
    struct reply *r = &c->reply;
    if (r->llm)
        c->spec->llm->close(r->llm);
    r->llm = NULL;
    if (r->tts)
        r->tts_ops->close(r->tts);
    r->tts = NULL;
    for (uint32_t i = 0; i < r->count; i++)
        free_clause(&r->clauses[i]);
    r->count = r->synth = r->play = 0;
    r->llm_span = vg_span_end(r->llm_span);
    r->tts_span = vg_span_end(r->tts_span);
    r->turn_span = vg_span_end(r->turn_span);
    if (r->played_out)
        vg_timer_stop(r->played_out);
}

static char *whole_text(const struct reply *r)
{
    struct vg_buf b = VG_BUF_INIT;
    for (uint32_t i = 0; i < r->count; i++)
        vg_buf_puts(&b, r->clauses[i].text);
    return vg_buf_take(&b);
}

/* The words of `text` that fit into `part` of `whole` of its time, cut at a blank. */
static size_t heard_bytes(const char *text, int64_t part_us, int64_t whole_us)
{
    size_t n = strlen(text);
    if (whole_us <= 0 || part_us >= whole_us)
        return n;
    size_t at = (size_t)((int64_t)n * part_us / whole_us);
    while (at > 0 && text[at] != ' ' && text[at] != 0)
        at--;
    return at;
}

char *reply_heard_text(const struct vg_call *c, int64_t played_us)
{
    struct vg_buf b = VG_BUF_INIT;
    for (uint32_t i = 0; i < c->reply.count; i++) {
        const struct clause *k = &c->reply.clauses[i];
        if (!k->queued || played_us <= k->start_us)
            break;
        vg_buf_add(&b, k->text, heard_bytes(k->text, played_us - k->start_us, k->length_us));
    }
    return vg_buf_take(&b);
}

/* --- the answer engine ------------------------------------------------------------------------------------
 */

static void on_text(void *arg, const char *delta, size_t bytes)
{
    struct vg_call *c = arg;
    vg_clause_feed(&c->reply.splitter, delta, bytes);
    reply_pump(c);
}

static void bill_answer(struct vg_call *c, const struct vg_llm_result *result)
{
    char key[32];
    snprintf(key, sizeof key, "llm:%u", c->state.turns);
    call_record_usage(c, &(struct usage){.kind = "llm",
                                         .provider = c->spec->llm->name,
                                         .unit = "token",
                                         .quantity_micro =
                                             ((int64_t)result->tokens_in + result->tokens_out) * 1000000,
                                         .key = key,
                                         .tokens_in = result->tokens_in,
                                         .tokens_out = result->tokens_out});
}

static void answer_complete(struct vg_call *c)
{
    struct reply *r = &c->reply;
    vg_clause_finish(&r->splitter);
    r->llm_done = true;
    r->llm_span = vg_span_end(r->llm_span);
    char *text = whole_text(r);
    if (text && *text)
        call_record_reply(c, text, NULL, false);
    free(text);
}

static void on_done(void *arg, const struct vg_llm_result *result)
{
    struct vg_call *c = arg;
    struct reply *r = &c->reply;
    r->result = *result;
    snprintf(r->intent, sizeof r->intent, "%s", result->intent ? result->intent : "");
    r->result.intent = r->intent;
    history_note_intent(c, result->intent, result->sentiment);
    vg_metric_add(VG_M_provider_attempts_total, c->spec->llm->name, "success", 1);
    bill_answer(c, result);
    answer_complete(c);
    reply_pump(c);
}

static void on_failed(void *arg, int err)
{
    struct vg_call *c = arg;
    vg_log_warn("call.llm_failed", "call_id=%s error=%s", c->spec->call_id, vg_strerror(err));
    vg_metric_add(VG_M_provider_attempts_total, c->spec->llm->name, "error", 1);
    vg_span_error(c->reply.llm_span, vg_strerror(err));
    call_emit_error(c, "LLM_FAILED", "no answer could be made for this turn", false);
    const char *apology = reply_apology(c->language);
    vg_clause_feed(&c->reply.splitter, apology, strlen(apology));
    answer_complete(c);
    reply_pump(c);
}

static const struct vg_llm_events LLM_EVENTS = {.text = on_text, .done = on_done, .failed = on_failed};

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
            r->times.first_audio_us = now_us(c);
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
        struct vg_span_context parent = vg_span_context_of(r->turn_span);
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

static void show_silent_clause(struct vg_call *c, const struct clause *k)
{
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .turn_id = c->reply.turn_id, .text = k->text, .index = c->reply.pieces++};
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
    vg_clause_init(&r->splitter, add_clause, c);
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
    struct vg_span_context turn = vg_span_context_of(r->turn_span);
    r->llm_span = vg_span_begin("llm", &turn);

    struct vg_llm_message messages[HISTORY_MAX];
    for (uint32_t i = 0; i < c->history_count; i++)
        messages[i] = (struct vg_llm_message){.role = c->history[i].role, .text = c->history[i].text};
    struct vg_llm_request request = {.tenant_id = c->spec->tenant_id,
                                     .agent_id = c->spec->agent_id,
                                     .call_id = c->spec->call_id,
                                     .language = c->language,
                                     .system_prompt = c->spec->system_prompt,
                                     .messages = messages,
                                     .message_count = c->history_count,
                                     .turn = c->state.turns};
    int err = c->spec->llm->start(&r->llm, &c->shard->env, &request, &LLM_EVENTS, c);
    if (err)
        on_failed(c, err);
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
    answer_complete(c);
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
    const char *text = piece->first_of_clause ? r->clauses[piece->clause].text : "";
    vg_metric_add(VG_M_frames_out_total, vg_codec_name(c->settings.out_codec), NULL, 1);
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .turn_id = r->turn_id, .text = text, .index = r->pieces};
    if (c->settings.inline_audio) {
        out.audio = piece->bytes;
        out.audio_bytes = piece->size;
        r->pieces++;
        call_emit(c, &out);
        return;
    }
    if (piece->first_of_clause) {
        r->pieces++;
        call_emit(c, &out);
    }
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
    char *text = whole_text(r);
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
    char *heard = whole_text(&c->reply);
    reply_over(c, heard, false);
    free(heard);
    if (action == VG_LLM_ACT_END_CALL)
        call_finish(c, "agent_ended", VG_CALL_ENDED);
    else if (action == VG_LLM_ACT_HANDOFF)
        call_request_handoff(c, "customer_request");
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
    struct vg_leg_out out = {
        .type = VG_OUT_RESPONSE, .turn_id = r->turn_id, .text = "", .index = r->pieces, .final = true};
    if (c->settings.inline_audio)
        out.audio = (const uint8_t *)""; /* a client that plays `audio` of every piece finds it empty */
    call_tell(c, &out);
    int64_t sent, played;
    vg_media_progress(c->media, &sent, &played);
    vg_timer_start(r->played_out, r->pieces ? sent - played : 0, 0);
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
        vg_timer_start(r->played_out, c->settings.lead_ms > 0 ? c->settings.lead_ms * VG_US_PER_MS : 0, 0);
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
