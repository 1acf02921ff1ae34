/* The 'builtin' adapter, "built-in answers (no AI model)": intents by rules, then retrieval from the tenant's
 * knowledge, spoken verbatim, else an offer of a person.
 *
 * A digit, spoken or pressed, is looked up as that figure, so that a passage called "3" answers the word, in
 * either language, and the key. It keeps nothing between replies: whether a "yes" accepts an offer is read
 * off the assistant's last message. Usage: tokens_in is the words of the caller's last message, tokens_out
 * those of the reply (plain.h says what a word is). Read intents.h and answers.h next. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/loop.h"
#include "provider/llm/answers.h"
#include "provider/llm/intents.h"
#include "provider/llm/list.h"
#include "provider/llm/plain.h"
#include "provider/llm/sentiment.h"

enum {
    SEARCH_TOP_K = 1,
    SEARCH_DEADLINE_US =
        3 * VG_US_PER_S,    /* the store has its own deadline; this one is for a store that has none */
    REPLY_BYTES_MAX = 4000, /* a longer passage is cut at the end of a sentence */
};
/* Below this a passage has too little in common with the question to be said. The store's score is the share
 * of the question's words that it has, times 0.6 to 1 for how close together they stand: half of them is 0.3.
 */
static const double score_min = 0.25;

struct vg_llm {
    const struct vg_engine_env *env;
    struct vg_timer *timer; /* the start, then the deadline of the search */
    struct vg_llm_events events;
    void *arg;
    char *tenant_id;
    char *language;     /* of the search: "en", "ar", ...; never "auto" */
    char *said;         /* the caller's last message */
    const char *intent; /* of `said`, once decided; static */
    char *before;       /* the assistant's last message, "" if there is none */
    void *search;       /* handle of the search while `searching` */
    bool searching;
    bool arabic;
    bool speaking; /* inside a callback: close only marks */
    bool closed;
};

static void builtin_free(struct vg_llm *llm)
{
    vg_timer_free(llm->timer);
    free(llm->tenant_id);
    free(llm->language);
    free(llm->said);
    free(llm->before);
    free(llm);
}

/* Says the reply and ends; `llm` may be gone afterwards. */
static void reply_with(struct vg_llm *llm, const char *text, size_t bytes, const char *intent,
                       enum vg_llm_action action)
{
    struct vg_llm_result result = {
        .tokens_in = plain_count_words(llm->said),
        .intent = intent,
        .sentiment = vg_sentiment_score(llm->said),
        .action = action,
    };
    char *spoken = strndup(text, bytes);
    vg_timer_stop(llm->timer);
    llm->speaking = true;
    if (!spoken) {
        llm->events.failed(llm->arg, VG_ENOMEM);
    } else {
        result.tokens_out = plain_count_words(spoken);
        llm->events.text(llm->arg, spoken, strlen(spoken));
        if (!llm->closed)
            llm->events.done(llm->arg, &result);
    }
    free(spoken);
    llm->speaking = false;
    if (llm->closed)
        builtin_free(llm);
}

static void reply(struct vg_llm *llm, enum answer answer, const char *intent, enum vg_llm_action action)
{
    const char *text = answer_text(answer, llm->arabic);
    reply_with(llm, text, strlen(text), intent, action);
}

/* --- retrieval -------------------------------------------------------------------------------------------
 */
/* Bytes of `text` to speak: all of it, or up to the last sentence end (else blank) before the limit. */
static size_t passage_bytes(const char *text)
{
    size_t bytes = strlen(text);
    if (bytes <= REPLY_BYTES_MAX)
        return bytes;
    for (size_t i = REPLY_BYTES_MAX; i > REPLY_BYTES_MAX / 2; i--)
        if (strchr(".!?\n", text[i - 1]) && (text[i] == ' ' || text[i] == '\n'))
            return i;
    for (size_t i = REPLY_BYTES_MAX; i > REPLY_BYTES_MAX / 2; i--)
        if (text[i] == ' ' || text[i] == '\n')
            return i;
    bytes = REPLY_BYTES_MAX;
    while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
        bytes--;
    return bytes;
}

static void search_done(void *arg, int err, const struct vg_passage *passages, size_t count)
{
    struct vg_llm *llm = arg;
    llm->searching = false;
    if (err)
        reply(llm, ANSWER_UNAVAILABLE, llm->intent, VG_LLM_ACT_NONE);
    else if (count == 0 || !passages[0].text || passages[0].score < score_min)
        reply(llm, ANSWER_NOT_FOUND, llm->intent, VG_LLM_ACT_NONE);
    else
        reply_with(llm, passages[0].text, passage_bytes(passages[0].text), llm->intent, VG_LLM_ACT_NONE);
}

static void search_start(struct vg_llm *llm, const char *what)
{
    const struct vg_engine_env *env = llm->env;
    if (!env->knowledge) {
        reply(llm, ANSWER_NOT_FOUND, llm->intent, VG_LLM_ACT_NONE);
        return;
    }
    llm->searching = true;
    vg_timer_start(llm->timer, SEARCH_DEADLINE_US, 0);
    int err = env->knowledge->search(env->knowledge_arg, env->loop, llm->tenant_id, llm->language, what,
                                     SEARCH_TOP_K, search_done, llm, &llm->search);
    if (err)
        search_done(llm, err, NULL, 0);
}

static void search_cancel(struct vg_llm *llm)
{
    if (llm->searching)
        llm->env->knowledge->cancel(llm->env->knowledge_arg, llm->search);
    llm->searching = false;
}

/* --- the decision ----------------------------------------------------------------------------------------
 */
static void say_again(struct vg_llm *llm)
{
    if (llm->before[0])
        reply_with(llm, llm->before, strlen(llm->before), INTENT_REPEAT, VG_LLM_ACT_NONE);
    else
        reply(llm, ANSWER_NOT_YET, INTENT_REPEAT, VG_LLM_ACT_NONE);
}

static void answer_yes(struct vg_llm *llm)
{
    if (answer_is_offer(llm->before))
        reply(llm, ANSWER_HANDOFF, INTENT_ESCALATION, VG_LLM_ACT_HANDOFF);
    else
        reply(llm, ANSWER_GO_ON, INTENT_YES, VG_LLM_ACT_NONE);
}

static void answer_no(struct vg_llm *llm)
{
    if (answer_asks_for_more(llm->before))
        reply(llm, ANSWER_GOODBYE, INTENT_GOODBYE, VG_LLM_ACT_END_CALL);
    else
        reply(llm, ANSWER_ALL_RIGHT, INTENT_NO, VG_LLM_ACT_NONE);
}

/* What is said to an intent whose answer depends on nothing else. */
static const struct {
    const char *intent;
    enum answer answer;
    enum vg_llm_action action;
} fixed[] = {
    {INTENT_GREETING, ANSWER_GREETING, VG_LLM_ACT_NONE},
    {INTENT_GOODBYE, ANSWER_GOODBYE, VG_LLM_ACT_END_CALL},
    {INTENT_THANKS, ANSWER_THANKS, VG_LLM_ACT_NONE},
    {INTENT_HELP, ANSWER_HELP, VG_LLM_ACT_NONE},
    {INTENT_ESCALATION, ANSWER_HANDOFF, VG_LLM_ACT_HANDOFF},
    {INTENT_UNCLEAR, ANSWER_UNCLEAR, VG_LLM_ACT_NONE},
};

static void decide(struct vg_llm *llm)
{
    struct plain said;
    plain_from(&said, llm->said);
    const char *intent = llm->intent = intent_of(&said);
    for (size_t i = 0; i < VG_COUNT_OF(fixed); i++) {
        if (strcmp(fixed[i].intent, intent) == 0) {
            reply(llm, fixed[i].answer, intent, fixed[i].action);
            return;
        }
    }
    if (strcmp(intent, INTENT_REPEAT) == 0)
        say_again(llm);
    else if (strcmp(intent, INTENT_YES) == 0)
        answer_yes(llm);
    else if (strcmp(intent, INTENT_NO) == 0)
        answer_no(llm);
    else if (strcmp(intent, INTENT_DIGIT) == 0)
        search_start(llm, intent_digit(&said));
    else
        search_start(llm, llm->said);
}

static void builtin_timer(void *arg)
{
    struct vg_llm *llm = arg;
    if (!llm->searching) {
        decide(llm);
        return;
    }
    search_cancel(llm);
    search_done(llm, VG_ETIMEOUT, NULL, 0);
}

/* --- the port --------------------------------------------------------------------------------------------
 */
static const char *last_text(const struct vg_llm_request *request, enum vg_llm_role role)
{
    for (size_t i = request->message_count; i > 0; i--)
        if (request->messages[i - 1].role == role && request->messages[i - 1].text)
            return request->messages[i - 1].text;
    return "";
}

static int builtin_start(struct vg_llm **out, const struct vg_engine_env *env,
                         const struct vg_llm_request *request, const struct vg_llm_events *events, void *arg)
{
    struct vg_llm *llm = calloc(1, sizeof *llm);
    if (!llm)
        return VG_ENOMEM;
    const char *language = request->language;
    llm->env = env;
    llm->events = *events;
    llm->arg = arg;
    llm->said = strdup(last_text(request, VG_LLM_USER));
    llm->before = strdup(last_text(request, VG_LLM_ASSISTANT));
    llm->tenant_id = strdup(request->tenant_id ? request->tenant_id : "");
    llm->timer = vg_timer_new(env->loop, builtin_timer, llm);
    if (llm->said && (!language || !language[0] || strcmp(language, "auto") == 0))
        language = plain_is_arabic(llm->said) ? "ar" : "en";
    llm->language = language ? strdup(language) : NULL;
    if (!llm->said || !llm->before || !llm->tenant_id || !llm->timer || !llm->language) {
        builtin_free(llm);
        return VG_ENOMEM;
    }
    llm->arabic = strncasecmp(llm->language, "ar", 2) == 0 && (!llm->language[2] || llm->language[2] == '-');
    vg_timer_start(llm->timer, 0, 0);
    *out = llm;
    return 0;
}

static void builtin_close(struct vg_llm *llm)
{
    if (!llm)
        return;
    llm->closed = true;
    if (llm->speaking)
        return;
    search_cancel(llm);
    builtin_free(llm);
}

const struct vg_llm_ops vg_llm_builtin = {
    .version = VG_PORT_VERSION,
    .name = "builtin",
    .start = builtin_start,
    .close = builtin_close,
};
