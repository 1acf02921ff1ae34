/* Chunking (pure), and ingest and search on a real PostgreSQL: the measured recipe as a smoke test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "events.h"
#include "net/workers.h"
#include "pg_fixture.h"
#include "store/chunk.h"
#include "store/knowledge.h"

static struct pg_fixture fx;
static struct vg_pg *pg;
static char tenant[VG_ID_SIZE], other[VG_ID_SIZE];

static int start(void **state)
{
    (void)state;
    pg_fixture_start(&fx);
    pg_fixture_migrate(&fx);
    vg_id_new(tenant, VG_ID_TENANT);
    vg_id_new(other, VG_ID_TENANT);
    pg_fixture_tenant(&fx, tenant, "T");
    pg_fixture_tenant(&fx, other, "O");
    return vg_pg_new(&pg, fx.url);
}

static int stop(void **state)
{
    (void)state;
    pg = vg_pg_free(pg);
    pg_fixture_stop(&fx);
    return 0;
}

static int join(void *arg, const char *heading, const char *body)
{
    vg_buf_printf(arg, "[%s|%s]", heading, body);
    assert_true(strlen(body) <= 800);
    assert_true(chunk_is_utf8(body, strlen(body)));
    return 0;
}

static const char *chunks(enum chunk_format format, const char *text)
{
    static struct vg_buf out;
    vg_buf_reset(&out);
    assert_int_equal(chunk_document(format, text, join, &out), 0);
    return vg_buf_str(&out);
}

static void paragraphs_and_headings_bound_passages(void **state)
{
    (void)state;
    assert_string_equal(chunks(CHUNK_TEXT, "one\ntwo\n\nthree\n"), "[|one two\nthree]");
    assert_string_equal(chunks(CHUNK_MARKDOWN, "# A\nx **y** [z](http://q)\n\n## B\n- i\n- j\n"),
                        "[A|x y z][B|i\nj]");
    assert_string_equal(chunks(CHUNK_HTML,
                               "<html><head><title>T</title><style>p{}</style></head><body><h1>A &amp; "
                               "B</h1><p>x<br>y</p><script>if(a<b){}</script><ul><li>i<li>j</ul></body>"),
                        "[A & B|x y\ni\nj]");
    assert_string_equal(chunks(CHUNK_HTML, "<p>&#1587;&#x633; &nope; 1 < 2 <!-- > --> <a title='>'>z</a>"),
                        "[|\xd8\xb3\xd8\xb3 &nope; 1 < 2  z]");
    assert_string_equal(chunks(CHUNK_TEXT, "\n \n"), "");
}

static void a_long_paragraph_is_cut_between_sentences(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 60; i++)
        strcat(text, "This sentence has a few words in it, \xd8\xb3. ");
    const char *out = chunks(CHUNK_TEXT, text);
    assert_non_null(strstr(out, ".][|This"));
    memset(text, 0, sizeof text);
    for (int i = 0; i < 1500; i++)
        strcat(text, "\xd8\xb3");
    chunks(CHUNK_TEXT, text);
}

static struct vg_document *ingest(const char *source, const char *title, const char *type,
                                  const char *content, const char *metadata)
{
    struct vg_document *d = NULL;
    struct vg_document_input in = {.source = source,
                                   .title = title,
                                   .content_type = type,
                                   .content = content,
                                   .content_bytes = strlen(content),
                                   .metadata = metadata};
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), 0);
    return d;
}

static void articles(void)
{
    static const char *const ALL[][3] = {
        {"hours", "Opening hours",
         "Our support is open from Sunday to Thursday, nine to six. On the weekend we are closed."},
        {"refund", "Returns and refunds",
         "Send the parcel back within thirty days and the refund is paid in five days."},
        {"delivery", "Delivery", "Orders arrive within four working days. You can track your order online."},
        {"invoice", "Invoices", "The invoice is sent by email. Ask billing for a copy."},
        {"password", "Password reset", "Open the sign-in page and choose forgot password to get a link."},
        {"hours-ar", "ساعات العمل", "الدعم متاح من الأحد إلى الخميس من التاسعة حتى السادسة."},
        {"return-ar", "الإرجاع", "يمكنك إرجاع المنتج خلال ثلاثين يوما واسترداد المبلغ."},
    };
    for (size_t i = 0; i < VG_COUNT_OF(ALL); i++)
        vg_document_free(
            ingest(ALL[i][0], ALL[i][1], NULL, ALL[i][2],
                   i == 3 ? "{\"category\":\"billing\",\"page\":1}" : "{\"category\":\"support\"}"));
}

/* The source of the best passage, "" for none. */
static const char *best_of(const char *who, const char *language, const char *question, const char *filters)
{
    static char source[256];
    struct vg_found *f = NULL;
    int64_t start_us = vg_mono_us();
    assert_int_equal(vg_knowledge_search(pg, who, language, question, filters, 3, 0, &f), 0);
    snprintf(source, sizeof source, "%s", f->count ? f->items[0].source : "");
    for (size_t i = 0; i < f->count; i++)
        assert_true(f->items[i].score > 0 && f->items[i].score <= 1);
    print_message("  \"%s\" -> \"%s\" %.2f (%lld us)\n", question, source, f->count ? f->items[0].score : 0,
                  (long long)(vg_mono_us() - start_us));
    vg_found_free(f);
    return source;
}

static void spoken_questions_find_their_article(void **state)
{
    (void)state;
    articles();
    assert_string_equal(best_of(tenant, "en", "what are your opening hours on the weekend", NULL), "hours");
    assert_string_equal(best_of(tenant, "en", "i want to send it back and then a refund", NULL), "refund");
    assert_string_equal(best_of(tenant, "en", "hello could you please tell me where is my order", NULL),
                        "delivery");
    assert_string_equal(best_of(tenant, "auto", "i forgot my password", NULL), "password");
    assert_string_equal(best_of(tenant, "ar", "ما هي ساعات العمل عندكم", NULL), "hours-ar");
    assert_string_equal(best_of(tenant, "ar", "أريد والإرجاع من فضلك", NULL), "return-ar");
    assert_string_equal(best_of(tenant, NULL, "كيف يمكنني إرجاع المنتج", NULL), "return-ar");
}

static void misheard_titles_are_found_by_their_letters(void **state)
{
    (void)state;
    assert_string_equal(best_of(tenant, "en", "opnin ours", NULL), "");
    assert_string_equal(best_of(tenant, "en", "pasword resett", NULL), "password");
}

static void off_topic_questions_find_nothing(void **state)
{
    (void)state;
    assert_string_equal(best_of(tenant, "en", "what is the capital of france", NULL), "");
    assert_string_equal(best_of(tenant, "en", "do you like to play football", NULL), "");
    assert_string_equal(best_of(tenant, "en", "what are the of", NULL), "");
    assert_string_equal(best_of(tenant, "en", "", NULL), "");
    assert_string_equal(best_of(tenant, "ar", "ما هي عاصمة فرنسا", NULL), "");
    assert_string_equal(best_of(tenant, "en", "' | :* & <-> \\ ((", NULL), "");
}

static void filters_and_tenants_bound_the_search(void **state)
{
    (void)state;
    assert_string_equal(best_of(tenant, "en", "send me the invoice", "{\"category\":\"billing\"}"),
                        "invoice");
    assert_string_equal(best_of(tenant, "en", "send me the invoice", "{\"category\":\"sports\"}"), "");
    assert_string_equal(best_of(other, "en", "send me the invoice", NULL), "");
}

static void a_new_version_replaces_the_old_one_in_search(void **state)
{
    (void)state;
    struct vg_document *d =
        ingest("warranty", NULL, "text/markdown", "# Guarantee\nTwo years on everything.", NULL);
    char id[VG_ID_SIZE];
    assert_int_equal(d->version, 1);
    assert_string_equal(d->title, "Guarantee");
    memcpy(id, d->id, sizeof id);
    vg_document_free(d);
    assert_string_equal(best_of(tenant, "en", "how long is the guarantee", NULL), "warranty");
    d = ingest("warranty", "Warranty", "text/html; charset=utf-8",
               "<h1>Warranty</h1><p>Three years for members.", NULL);
    assert_int_equal(d->version, 2);
    assert_string_equal(d->id, id);
    vg_document_free(d);
    assert_string_equal(best_of(tenant, "en", "how long is the guarantee", NULL), "");
    assert_string_equal(best_of(tenant, "en", "warranty for members", NULL), "warranty");
    assert_int_equal(
        pg_fixture_number(&fx, "select count(*) from document_versions where status = 'retired'"), 1);
    assert_int_equal(vg_knowledge_load(pg, other, id, 0, &d), VG_ENOENT);
    assert_int_equal(vg_knowledge_delete(pg, other, id, 0), VG_ENOENT);
    assert_int_equal(vg_knowledge_delete(pg, tenant, id, 0), 0);
    assert_int_equal(vg_knowledge_delete(pg, tenant, id, 0), VG_ENOENT);
    assert_string_equal(best_of(tenant, "en", "warranty for members", NULL), "");
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    struct vg_document *d = NULL;
    struct vg_document_input in = {.source = "x", .content = "a", .content_bytes = 1};
    in.content_type = "application/pdf";
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), VG_ENOTSUP);
    in.content_type = NULL;
    in.content = "\xff\xfe";
    in.content_bytes = 2;
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), VG_EINVAL);
    in.content = " \n ";
    in.content_bytes = 3;
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), VG_EPARSE);
    in.content = "a";
    in.content_bytes = 1;
    in.metadata = "[1]";
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), VG_EINVAL);
    in.metadata = "{not json}";
    assert_int_equal(vg_knowledge_ingest(pg, tenant, &in, 0, &d), VG_EINVAL);
}

/* --- the adapter for engines -------------------------------------------------------------------------------
 */

struct asking {
    struct vg_message message;
    struct vg_loop *loop;
    struct vg_knowledge *knowledge;
    bool cancel;
    atomic_int asked, answered;
    size_t count;
};

static void answered(void *arg, int err, const struct vg_passage *passages, size_t count)
{
    struct asking *a = arg;
    (void)passages;
    VG_ASSERT(!err && vg_loop_here(a->loop));
    a->count = count;
    atomic_fetch_add(&a->answered, 1);
}

static void ask(struct vg_message *msg)
{
    struct asking *a = VG_MESSAGE_OF(msg, struct asking, message);
    void *handle = NULL;
    VG_ASSERT(!vg_knowledge_ops.search(a->knowledge, a->loop, tenant, "en", "forgot password", 2, answered, a,
                                       &handle));
    if (a->cancel)
        vg_knowledge_ops.cancel(a->knowledge, handle);
    atomic_fetch_add(&a->asked, 1);
}

static void engines_are_answered_on_their_loop_unless_they_cancel(void **state)
{
    (void)state;
    struct loop_thread loop;
    loop_thread_start(&loop);
    struct vg_workers *workers =
        vg_workers_new(&(struct vg_workers_config){.threads = 1,
                                                   .queue_max = 10,
                                                   .state_new = vg_pg_worker_state_new,
                                                   .state_free = vg_pg_worker_state_free,
                                                   .arg = fx.url});
    struct vg_knowledge *knowledge = vg_knowledge_new(workers, 2 * VG_US_PER_S);
    struct asking first = {.message.handle = ask, .loop = loop.loop, .knowledge = knowledge, .cancel = true};
    struct asking second = {.message.handle = ask, .loop = loop.loop, .knowledge = knowledge};
    vg_loop_post(loop.loop, &first.message);
    vg_loop_post(loop.loop, &second.message);
    for (int i = 0; i < 5000 && !second.answered; i++)
        usleep(1000);
    assert_int_equal(second.answered, 1);
    assert_int_equal(second.count, 1);
    assert_int_equal(first.answered, 0);
    vg_workers_free(workers);
    loop_thread_stop(&loop);
    vg_knowledge_free(knowledge);
}

static void search_stays_fast_among_many_articles(void **state)
{
    (void)state;
    pg_fixture_sql(&fx,
                   "insert into documents (id, tenant_id, source) values "
                   "('00000000-0000-0000-0000-00000000d0c5', '%s', 'many')",
                   test_uuid(tenant));
    pg_fixture_sql(
        &fx,
        "insert into passages (id, tenant_id, document_id, version, ordinal, language, title, heading, body, "
        "metadata, tsv) select gen_random_uuid(), t, '00000000-0000-0000-0000-00000000d0c5', 1, i, 'en', "
        "h, '', b, '{}', knowledge_tsv('en', h, b) from (select i, '%s'::uuid as t, 'Item ' || i as h, "
        "'order number ' || i || ' is product ' || (i %% 977) || ' with support and working days, sent to "
        "customers' as b from generate_series(1, 20000) i) x",
        test_uuid(tenant));
    pg_fixture_sql(&fx, "analyze passages");
    int64_t start_us = vg_mono_us();
    best_of(tenant, "en", "what product is in order number nine and when is it sent to customers", NULL);
    assert_string_equal(best_of(tenant, "en", "i forgot my password", NULL), "password");
    best_of(tenant, "en", "xylophone gramophone", NULL);
    assert_true(vg_mono_us() - start_us < 3 * VG_US_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paragraphs_and_headings_bound_passages),
        cmocka_unit_test(a_long_paragraph_is_cut_between_sentences),
        cmocka_unit_test(spoken_questions_find_their_article),
        cmocka_unit_test(misheard_titles_are_found_by_their_letters),
        cmocka_unit_test(off_topic_questions_find_nothing),
        cmocka_unit_test(filters_and_tenants_bound_the_search),
        cmocka_unit_test(a_new_version_replaces_the_old_one_in_search),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(engines_are_answered_on_their_loop_unless_they_cancel),
        cmocka_unit_test(search_stays_fast_among_many_articles),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
