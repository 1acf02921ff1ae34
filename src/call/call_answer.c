/* The answer engine of a reply: what it says goes through the splitter, what it used is billed, what it makes
 * of the caller (intent, sentiment) is kept. Owner's loop. Read next: call_voice.c. */
#include <string.h>

#include "base/log.h"
#include "call/call_internal.h"
#include "obs/metrics.h"

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

void reply_text_complete(struct vg_call *c)
{
    struct reply *r = &c->reply;
    vg_clause_finish(&r->splitter);
    r->llm_done = true;
    r->llm_span = vg_span_end(r->llm_span);
    char *text = reply_whole_text(r);
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
    reply_text_complete(c);
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
    reply_text_complete(c);
    reply_pump(c);
}

static const struct vg_llm_events LLM_EVENTS = {.text = on_text, .done = on_done, .failed = on_failed};

void reply_ask(struct vg_call *c)
{
    struct reply *r = &c->reply;
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
