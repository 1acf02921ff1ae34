/* What was said so far: the messages that the answer engine is given, and the running context of a handoff
 * (transcript, intents, sentiment). Owner's loop. */
#include <string.h>

#include "base/json.h"
#include "call/call_internal.h"

enum { TRANSCRIPT_BYTES_MAX = 65536 };

static void transcript_add(struct vg_call *c, enum vg_llm_role role, const char *text)
{
    if (c->transcript.len > TRANSCRIPT_BYTES_MAX)
        return;
    struct vg_buf line = VG_BUF_INIT;
    vg_buf_printf(&line, "%s: %s", role == VG_LLM_USER ? "caller" : "agent", text);
    struct vg_json j = vg_json_start(&c->transcript);
    vg_buf_putc(&c->transcript, c->transcript.len ? ',' : '[');
    vg_json_str(&j, NULL, vg_buf_str(&line));
    vg_buf_free(&line);
}

void history_add(struct vg_call *c, enum vg_llm_role role, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return;
    if (c->history_count == HISTORY_MAX) {
        free(c->history[0].text);
        memmove(c->history, c->history + 1, (HISTORY_MAX - 1) * sizeof c->history[0]);
        c->history_count--;
    }
    c->history[c->history_count++] = (struct history_item){.role = role, .text = copy};
    transcript_add(c, role, text);
}

void history_note_intent(struct vg_call *c, const char *intent, double sentiment)
{
    c->sentiment_sum += sentiment;
    c->sentiment_count++;
    if (!intent || !*intent || strcmp(intent, c->last_intent) == 0)
        return;
    snprintf(c->last_intent, sizeof c->last_intent, "%s", intent);
    struct vg_json j = vg_json_start(&c->intents);
    vg_buf_putc(&c->intents, c->intents.len ? ',' : '[');
    vg_json_str(&j, NULL, intent);
}

void history_free(struct vg_call *c)
{
    for (uint32_t i = 0; i < c->history_count; i++)
        free(c->history[i].text);
    c->history_count = 0;
    vg_buf_free(&c->transcript);
    vg_buf_free(&c->intents);
}

/* The buffers hold an array without its closer, so that adding is an append. */
static const char *closed_array(struct vg_buf *b)
{
    if (!b->len)
        return "[]";
    vg_buf_putc(b, ']');
    b->len--; /* the closer stays in memory until the next append */
    return vg_buf_str(b);
}

const char *call_transcript_json(struct vg_call *c)
{
    return closed_array(&c->transcript);
}

const char *call_intents_json(struct vg_call *c)
{
    return closed_array(&c->intents);
}

const char *call_sentiment(const struct vg_call *c)
{
    double mean = c->sentiment_count ? c->sentiment_sum / c->sentiment_count : 0;
    return mean < -0.15 ? "negative" : mean > 0.15 ? "positive" : "neutral";
}
