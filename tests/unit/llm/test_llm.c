/* The conformance suite of the language port over every registered adapter, and the built-in answers' talk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"
#include "provider/llm/list.h"

/* --- knowledge that does what a test tells it ------------------------------------------------------------
 */
struct knowledge {
    struct vg_loop *loop;
    struct vg_timer *timer;
    const char *text; /* NULL: nothing is found */
    double score;
    int err;       /* reported by the callback */
    int start_err; /* returned by search */
    bool hangs;
    unsigned searches, cancels;
    char language[16], query[256], tenant[64];
    vg_passages_fn done;
    void *arg;
};

static void knowledge_answer(void *arg)
{
    struct knowledge *k = arg;
    const struct vg_passage passage = {k->text, "FAQ", "{}", k->score};
    k->done(k->arg, k->err, &passage, k->text && !k->err ? 1 : 0);
}

static int knowledge_search(void *knowledge_arg, struct vg_loop *loop, const char *tenant_id,
                            const char *language, const char *query, unsigned top_k, vg_passages_fn done,
                            void *arg, void **handle)
{
    struct knowledge *k = knowledge_arg;
    assert_ptr_equal(loop, k->loop);
    assert_true(top_k >= 1);
    k->searches++;
    snprintf(k->language, sizeof k->language, "%s", language);
    snprintf(k->query, sizeof k->query, "%s", query);
    snprintf(k->tenant, sizeof k->tenant, "%s", tenant_id);
    if (k->start_err)
        return k->start_err;
    k->done = done;
    k->arg = arg;
    *handle = k;
    if (!k->hangs)
        vg_timer_start(k->timer, 1000, 0);
    return 0;
}

static void knowledge_cancel(void *knowledge_arg, void *handle)
{
    struct knowledge *k = knowledge_arg;
    assert_ptr_equal(handle, k);
    k->cancels++;
    vg_timer_stop(k->timer);
}

static const struct vg_knowledge_ops knowledge_ops = {knowledge_search, knowledge_cancel};
static struct knowledge knowledge;
static struct vg_engine_env env;

static int setup(void **state)
{
    (void)state;
    memset(&knowledge, 0, sizeof knowledge);
    env = (struct vg_engine_env){.loop = vg_loop_new("test"),
                                 .knowledge = &knowledge_ops,
                                 .knowledge_arg = &knowledge};
    knowledge.loop = env.loop;
    knowledge.timer = vg_timer_new(env.loop, knowledge_answer, &knowledge);
    return env.loop && knowledge.timer ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    vg_timer_free(knowledge.timer);
    vg_loop_free(env.loop);
    return 0;
}

/* --- one reply -------------------------------------------------------------------------------------------
 */
struct talk {
    const struct vg_llm_ops *ops;
    struct vg_llm *llm;
    char text[8192];
    unsigned texts, dones, faileds;
    struct vg_llm_result result;
    char intent[32];
    bool close_in_text, close_in_done;
};

static void on_text(void *arg, const char *delta, size_t bytes)
{
    struct talk *t = arg;
    assert_non_null(t->llm);
    assert_int_equal(t->dones + t->faileds, 0);
    strncat(t->text, delta, bytes);
    t->texts++;
    if (t->close_in_text) {
        t->ops->close(t->llm);
        t->llm = NULL;
        vg_loop_stop(env.loop);
    }
}

static void on_done(void *arg, const struct vg_llm_result *result)
{
    struct talk *t = arg;
    assert_non_null(t->llm);
    t->dones++;
    t->result = *result;
    snprintf(t->intent, sizeof t->intent, "%s", result->intent ? result->intent : "");
    if (t->close_in_done) {
        t->ops->close(t->llm);
        t->llm = NULL;
    }
    vg_loop_stop(env.loop);
}

static void on_failed(void *arg, int err)
{
    struct talk *t = arg;
    assert_non_null(t->llm);
    assert_true(err < 0);
    t->faileds++;
    vg_loop_stop(env.loop);
}

static void on_timeout(void *arg)
{
    vg_loop_stop(arg);
}

static void run_loop(int64_t timeout_us)
{
    struct vg_timer *timer = vg_timer_new(env.loop, on_timeout, env.loop);
    vg_timer_start(timer, timeout_us, 0);
    vg_loop_run(env.loop);
    vg_timer_free(timer);
}

static void start(struct talk *t, const char *language, const char *before, const char *said)
{
    static const struct vg_llm_events events = {on_text, on_done, on_failed};
    const struct vg_llm_message messages[] = {{VG_LLM_ASSISTANT, before}, {VG_LLM_USER, said}};
    const struct vg_llm_request request = {
        .tenant_id = "tnt_1",
        .agent_id = "agt_1",
        .call_id = "call_1",
        .language = language,
        .system_prompt = "Be kind.",
        .messages = before ? messages : messages + 1,
        .message_count = before ? 2 : 1,
        .turn = 1,
    };
    assert_int_equal(t->ops->start(&t->llm, &env, &request, &events, t), 0);
    assert_int_equal(t->texts + t->dones + t->faileds, 0); /* no event from inside start */
}

static struct talk talk(const struct vg_llm_ops *ops, const char *language, const char *before,
                        const char *said)
{
    struct talk t = {.ops = ops};
    start(&t, language, before, said);
    run_loop(10 * VG_US_PER_S);
    assert_int_equal(t.dones + t.faileds, 1);
    ops->close(t.llm);
    t.llm = NULL;
    return t;
}

static void check(const char *language, const char *before, const char *said, const char *reply,
                  const char *intent, enum vg_llm_action action)
{
    struct talk t = talk(&vg_llm_builtin, language, before, said);
    assert_string_equal(t.text, reply);
    assert_string_equal(t.intent, intent);
    assert_int_equal(t.result.action, action);
    assert_int_equal(t.dones, 1);
}

/* --- every adapter ---------------------------------------------------------------------------------------
 */
static void every_adapter_answers_once(void **state)
{
    (void)state;
    static char endless[20001];
    static const char *const said[] = {"hello there",      "what is this", "",     " ",
                                       "\xff\xfe\xf0\x9f", "مرحبا",        endless};
    memset(endless, 'w', 20000);
    const struct vg_llm_ops *const *adapters;
    size_t n = vg_llm_list(&adapters);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(adapters[i]->version, VG_PORT_VERSION);
        assert_ptr_equal(vg_llm_find(adapters[i]->name), adapters[i]);
        for (size_t k = 0; k < sizeof said / sizeof said[0]; k++) {
            if (said[k] == endless && adapters[i] == &vg_llm_loopback)
                continue;
            struct talk t = talk(adapters[i], "en", NULL, said[k]);
            assert_int_equal(t.dones, 1);
            assert_true(t.text[0] != 0);
            assert_true(t.result.tokens_out > 0);
        }
    }
    assert_null(vg_llm_find("nobody"));
}

static void closing_is_silent_at_any_time(void **state)
{
    (void)state;
    const struct vg_llm_ops *const *adapters;
    size_t n = vg_llm_list(&adapters);
    knowledge.text = "An answer.";
    knowledge.score = 0.9;
    for (size_t i = 0; i < n; i++) {
        struct talk at_once = {.ops = adapters[i]};
        start(&at_once, "en", NULL, "what are your opening hours");
        adapters[i]->close(at_once.llm);
        at_once.llm = NULL;
        run_loop(20000);
        assert_int_equal(at_once.texts + at_once.dones + at_once.faileds, 0);
        struct talk in_text = {.ops = adapters[i], .close_in_text = true};
        start(&in_text, "en", NULL, "what are your opening hours");
        run_loop(VG_US_PER_S);
        run_loop(20000);
        assert_int_equal(in_text.texts, 1);
        assert_int_equal(in_text.dones + in_text.faileds, 0);
        struct talk in_done = {.ops = adapters[i], .close_in_done = true};
        start(&in_done, "en", NULL, "what are your opening hours");
        run_loop(VG_US_PER_S);
        assert_int_equal(in_done.dones, 1);
        adapters[i]->close(NULL);
    }
}

static void loopback_says_it_back(void **state)
{
    (void)state;
    struct talk t = talk(&vg_llm_loopback, "en", "before", "loopback 3 1200");
    assert_string_equal(t.text, "you said: loopback 3 1200");
    assert_int_equal(t.result.tokens_in, 3);
    assert_int_equal(t.result.tokens_out, 5);
    assert_int_equal(t.result.action, VG_LLM_ACT_NONE);
}

/* --- the built-in answers --------------------------------------------------------------------------------
 */
static void it_greets_thanks_and_takes_leave(void **state)
{
    (void)state;
    check("en", NULL, "hello", "Hello. How can I help you?", "greeting", VG_LLM_ACT_NONE);
    check("en", NULL, "Thank you very much!", "You are welcome. Is there anything else?", "thanks",
          VG_LLM_ACT_NONE);
    check("en", "You are welcome. Is there anything else?", "no", "Thank you for calling. Goodbye.",
          "goodbye", VG_LLM_ACT_END_CALL);
    check("en", NULL, "ok thanks goodbye", "Thank you for calling. Goodbye.", "goodbye", VG_LLM_ACT_END_CALL);
    check("ar", NULL, "السلام عليكم", "مَرْحَبًا بِكَ. كَيْفَ يُمْكِنُنِي مُسَاعَدَتُكَ؟", "greeting", VG_LLM_ACT_NONE);
    check("ar", NULL, "مع السلامة", "شُكْرًا لِاتِّصَالِكَ. مَعَ السَّلَامَةِ.", "goodbye", VG_LLM_ACT_END_CALL);
    assert_int_equal(knowledge.searches, 0);
}

static void silence_is_not_understood(void **state)
{
    (void)state;
    check("en", NULL, "", "Sorry, I did not catch that.", "unclear", VG_LLM_ACT_NONE);
    check("en", NULL, " ... ", "Sorry, I did not catch that.", "unclear", VG_LLM_ACT_NONE);
    check("ar", NULL, "", "عَفْوًا، لَمْ أَسْمَعْ ذَلِكَ جَيِّدًا.", "unclear", VG_LLM_ACT_NONE);
}

static void a_question_is_answered_verbatim(void **state)
{
    (void)state;
    knowledge.text = "We are open from nine to five, e.g. 9:00-17:00, *every* day.";
    knowledge.score = 0.4;
    check("en", NULL, "What are your opening hours?", knowledge.text, "question", VG_LLM_ACT_NONE);
    assert_string_equal(knowledge.query, "What are your opening hours?");
    assert_string_equal(knowledge.language, "en");
    assert_string_equal(knowledge.tenant, "tnt_1");
    knowledge.text = "نعمل من التاسعة إلى الخامسة.";
    check("ar", NULL, "ما هي ساعات العمل؟", knowledge.text, "question", VG_LLM_ACT_NONE);
    assert_string_equal(knowledge.language, "ar");
    check("auto", NULL, "ما هي ساعات العمل؟", knowledge.text, "question", VG_LLM_ACT_NONE);
    assert_string_equal(knowledge.language, "ar");
}

static void digit_is_looked_up_as_a_figure_however_it_is_said(void **state)
{
    (void)state;
    knowledge.text = "Branch three opens at nine.";
    knowledge.score = 0.5;
    static const char *const said[] = {"3", "three", "ثلاثة", "ثَلَاثَة"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        check("ar", NULL, said[i], knowledge.text, "digit", VG_LLM_ACT_NONE);
        assert_string_equal(knowledge.query, "3");
    }
    knowledge.text = NULL;
    struct talk t = talk(&vg_llm_builtin, "ar", NULL, "ثلاثة");
    check("ar", t.text, "لا", "حَسَنًا. بِمَاذَا أُسَاعِدُكَ أَيْضًا؟", "rejection", VG_LLM_ACT_NONE);
    check("ar", t.text, "أيوه", "سَأُوصِلُكَ الْآنَ بِأَحَدِ الْمُوَظَّفِينَ. لَحْظَةً مِنْ فَضْلِكَ.", "escalation", VG_LLM_ACT_HANDOFF);
}

static void what_is_not_found_offers_a_person_and_yes_takes_it(void **state)
{
    (void)state;
    static const char offer[] = "I did not find that, shall I connect you?";
    check("en", NULL, "what is the meaning of life", offer, "question", VG_LLM_ACT_NONE);
    knowledge.text = "Hardly related.";
    knowledge.score = 0.001;
    check("en", NULL, "what is the meaning of life", offer, "question", VG_LLM_ACT_NONE);
    check("en", offer, "yes please", "I will connect you with a person. One moment, please.", "escalation",
          VG_LLM_ACT_HANDOFF);
    check("en", offer, "no thank you", "All right. What else can I do for you?", "rejection",
          VG_LLM_ACT_NONE);
    check("en", "I did not", "yes", "Please go on. What is your question?", "affirmation", VG_LLM_ACT_NONE);
    knowledge.text = NULL;
    struct talk t = talk(&vg_llm_builtin, "ar", NULL, "ما معنى الحياة؟");
    struct talk yes = talk(&vg_llm_builtin, "ar", t.text, "نعم");
    assert_int_equal(yes.result.action, VG_LLM_ACT_HANDOFF);
    check("en", NULL, "i would like to speak to a human",
          "I will connect you with a person. One moment, please.", "escalation", VG_LLM_ACT_HANDOFF);
}

static void a_store_that_is_away_is_said_honestly(void **state)
{
    (void)state;
    static const char away[] = "I cannot look that up at the moment. Shall I connect you?";
    knowledge.err = VG_EUNAVAIL;
    check("en", NULL, "what are your opening hours", away, "question", VG_LLM_ACT_NONE);
    check("en", away, "yes", "I will connect you with a person. One moment, please.", "escalation",
          VG_LLM_ACT_HANDOFF);
    knowledge.start_err = VG_ECAPACITY;
    check("en", NULL, "what are your opening hours", away, "question", VG_LLM_ACT_NONE);
    knowledge.start_err = 0;
    knowledge.hangs = true;
    check("en", NULL, "what are your opening hours", away, "question", VG_LLM_ACT_NONE);
    assert_int_equal(knowledge.cancels, 1);
    env.knowledge = NULL;
    check("en", NULL, "what are your opening hours", "I did not find that, shall I connect you?", "question",
          VG_LLM_ACT_NONE);
}

static void closing_during_a_search_cancels_it(void **state)
{
    (void)state;
    struct talk t = {.ops = &vg_llm_builtin};
    knowledge.hangs = true;
    start(&t, "en", NULL, "what are your opening hours");
    run_loop(20000);
    assert_int_equal(knowledge.searches, 1);
    vg_llm_builtin.close(t.llm);
    assert_int_equal(knowledge.cancels, 1);
}

static void it_repeats_what_was_heard(void **state)
{
    (void)state;
    check("en", "We are open from nine", "can you repeat that please", "We are open from nine", "repeat",
          VG_LLM_ACT_NONE);
    check("en", NULL, "pardon", "I have not said anything yet. How can I help you?", "repeat",
          VG_LLM_ACT_NONE);
}

static void usage_and_sentiment_are_reported(void **state)
{
    (void)state;
    struct talk t = talk(&vg_llm_builtin, "en", NULL, "this is a horrible terrible service");
    assert_int_equal(t.result.tokens_in, 6);
    assert_int_equal(t.result.tokens_out, 9);
    assert_true(t.result.sentiment < -0.5);
    t = talk(&vg_llm_builtin, "en", NULL, "great thank you");
    assert_true(t.result.sentiment > 0.5);
}

static void a_long_passage_ends_with_a_sentence(void **state)
{
    (void)state;
    static char passage[20001];
    for (size_t i = 0; i < 20000; i += 20)
        memcpy(passage + i, "This is a sentence. ", 20);
    knowledge.text = passage;
    knowledge.score = 1;
    struct talk t = talk(&vg_llm_builtin, "en", NULL, "tell me about everything");
    assert_in_range(strlen(t.text), 3000, 4000);
    assert_string_equal(t.text + strlen(t.text) - 9, "sentence.");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_adapter_answers_once),
        TEST(closing_is_silent_at_any_time),
        TEST(loopback_says_it_back),
        TEST(it_greets_thanks_and_takes_leave),
        TEST(silence_is_not_understood),
        TEST(a_question_is_answered_verbatim),
        TEST(digit_is_looked_up_as_a_figure_however_it_is_said),
        TEST(what_is_not_found_offers_a_person_and_yes_takes_it),
        TEST(a_store_that_is_away_is_said_honestly),
        TEST(closing_during_a_search_cancels_it),
        TEST(it_repeats_what_was_heard),
        TEST(usage_and_sentiment_are_reported),
        TEST(a_long_passage_ends_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
