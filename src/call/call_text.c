/* The reply as text: cut into clauses, each with its language; and how much of it was heard. Owner's loop. */
#include <string.h>

#include "call/call_internal.h"

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

void reply_add_clause(void *arg, const char *text, size_t text_bytes, const char *speech, size_t speech_bytes)
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
        r->times.first_clause_us = vg_loop_now_us(c->shard->loop);
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
    r->count = r->synth = r->play = r->told = 0;
    r->llm_span = vg_span_end(r->llm_span);
    r->tts_span = vg_span_end(r->tts_span);
    r->turn_span = vg_span_end(r->turn_span);
    if (r->played_out)
        vg_timer_stop(r->played_out);
}

char *reply_whole_text(const struct reply *r)
{
    struct vg_buf b = VG_BUF_INIT;
    for (uint32_t i = 0; i < r->count; i++)
        vg_buf_puts(&b, r->clauses[i].text);
    return vg_buf_take(&b);
}

char *reply_tell_text(struct reply *r, uint32_t end)
{
    struct vg_buf b = VG_BUF_INIT;
    for (; r->told < end; r->told++)
        vg_buf_puts(&b, r->clauses[r->told].text);
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
