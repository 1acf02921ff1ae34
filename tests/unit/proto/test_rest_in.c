/* proto/rest_in: the documented bodies are read, wrong ones are refused with details. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/rest_in.h"

/* What every reader looks like to the tables below. */
typedef int (*read_fn)(void *out, const char *text, size_t bytes, struct vg_bind_details *details);

#define READER(name, type)                                                                                   \
    static int name(void *out, const char *text, size_t bytes, struct vg_bind_details *details)              \
    {                                                                                                        \
        return vg_rest_read_##name((struct vg_rest_##type *)out, text, bytes, details);                      \
    }
READER(token, token)
READER(call_start, call_start)
READER(reason, reason)
READER(handoff, handoff)
READER(ingest, ingest)
READER(rag_query, rag_query)

static void the_documented_call_start_is_read(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"tenant_id\":\"tenant_123\",\"user_id\":\"user_456\",\"language\":\"auto\","
                               "\"voice_id\":\"arabic_gulf_male\",\"metadata\":{\"customer_id\":\"C12345\"},"
                               "\"publish\":[\"audio\"],\"record\":true}";
    struct vg_rest_call_start c;
    struct vg_bind_details details = {0};
    assert_int_equal(vg_rest_read_call_start(&c, TEXT, strlen(TEXT), &details), 0);
    assert_string_equal(c.tenant_id, "tenant_123");
    assert_string_equal(c.user_id, "user_456");
    assert_int_equal(c.language, VG_REST_AUTO);
    assert_string_equal(c.voice_id, "arabic_gulf_male");
    assert_string_equal(json_string_value(json_object_get(c.metadata, "customer_id")), "C12345");
    assert_int_equal(c.publish, VG_REST_PUBLISH_AUDIO);
    assert_true(c.record);
    vg_rest_free(&c.json);
    assert_null(c.json);
}

static void a_minimal_call_start_has_the_defaults(void **state)
{
    (void)state;
    struct vg_rest_call_start c;
    struct vg_bind_details details = {0};
    static const char TEXT[] = "{\"tenant_id\":\"tenant_123\",\"user_id\":null}";
    assert_int_equal(vg_rest_read_call_start(&c, TEXT, strlen(TEXT), &details), 0);
    assert_null(c.user_id);
    assert_null(c.voice_id);
    assert_null(c.metadata);
    assert_int_equal(c.language, VG_REST_AUTO);
    assert_int_equal(c.publish, 0);
    assert_false(c.record);
    vg_rest_free(&c.json);
}

static void good_bodies_are_taken_and_bad_ones_named(void **state)
{
    (void)state;
    static const struct {
        read_fn read;
        const char *text;
        int rc;
        const char *field;
    } CASES[] = {
        {token, "{\"tenant_id\":\"t\",\"api_key\":\"k\"}", 0, NULL},
        {token, "{\"tenant_id\":\"t\"}", VG_EINVAL, "api_key"},
        {token, "{\"tenant_id\":\"t\",\"api_key\":7}", VG_EINVAL, "api_key"},
        {token, "nonsense", VG_EPARSE, ""},
        {call_start, "{}", VG_EINVAL, "tenant_id"},
        {call_start, "{\"tenant_id\":\"t\",\"language\":\"fr\"}", VG_EINVAL, "language"},
        {call_start, "{\"tenant_id\":\"t\",\"metadata\":[]}", VG_EINVAL, "metadata"},
        {call_start, "{\"tenant_id\":\"t\",\"publish\":[\"video\"]}", VG_EINVAL, "publish"},
        {call_start, "{\"tenant_id\":\"t\",\"record\":\"yes\"}", VG_EINVAL, "record"},
        {reason, "", 0, NULL},
        {reason, "{}", 0, NULL},
        {reason, "{\"reason\":\"done\"}", 0, NULL},
        {reason, "{\"reason\":1}", VG_EINVAL, "reason"},
        {handoff,
         "{\"call_id\":\"call_a1b2c3d4e5f6\",\"reason\":\"customer_request\",\"agent_queue\":\"general\"}", 0,
         NULL},
        {handoff, "{\"reason\":\"x\"}", VG_EINVAL, "call_id"},
        {ingest, "{\"tenant_id\":\"t\",\"source\":\"faq\",\"text\":\"hello\"}", 0, NULL},
        {ingest, "{\"tenant_id\":\"t\",\"source\":\"faq\"}", VG_EINVAL, "text"},
        {ingest, "{\"tenant_id\":\"t\",\"source\":\"faq\",\"text\":\"a\",\"content_base64\":\"QQ==\"}",
         VG_EINVAL, "text"},
        {ingest, "{\"tenant_id\":\"t\",\"source\":\"faq\",\"text\":\"a\",\"content_type\":\"image/png\"}",
         VG_EINVAL, "content_type"},
        {rag_query,
         "{\"query\":\"What are your support hours?\",\"tenant_id\":\"t\",\"top_k\":3,\"filters\":{"
         "\"category\":\"support\"}}",
         0, NULL},
        {rag_query, "{\"query\":\"q\",\"tenant_id\":\"t\",\"top_k\":0}", VG_EINVAL, "top_k"},
        {rag_query, "{\"query\":\"q\",\"tenant_id\":\"t\",\"top_k\":21}", VG_EINVAL, "top_k"},
        {rag_query, "{\"query\":\"q\",\"tenant_id\":\"t\",\"filters\":{\"a\":{}}}", VG_EINVAL, "filters.a"},
        {rag_query, "{\"query\":\"\",\"tenant_id\":\"t\"}", VG_EINVAL, "query"},
    };
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        union {
            json_t *json; /* each body begins with it */
            struct vg_rest_call_start a;
            struct vg_rest_ingest b;
        } body;
        struct vg_bind_details details = {0};
        int rc = CASES[i].read(&body, CASES[i].text, strlen(CASES[i].text), &details);
        assert_int_equal(rc, CASES[i].rc);
        if (rc == 0)
            vg_rest_free(&body.json);
        else
            assert_string_equal(details.list[0].field, CASES[i].field);
    }
}

static void rag_query_asks_for_three_passages_by_default(void **state)
{
    (void)state;
    struct vg_rest_rag_query q;
    struct vg_bind_details details = {0};
    static const char TEXT[] = "{\"query\":\"q\",\"tenant_id\":\"t\"}";
    assert_int_equal(vg_rest_read_rag_query(&q, TEXT, strlen(TEXT), &details), 0);
    assert_int_equal(q.top_k, 3);
    vg_rest_free(&q.json);
}

/* Reads an ingest body and its content; gives the content or NULL. */
static char *ingest_content(const char *member)
{
    char text[200];
    snprintf(text, sizeof text, "{\"tenant_id\":\"t\",\"source\":\"s\",%s}", member);
    struct vg_rest_ingest body;
    struct vg_bind_details details = {0};
    assert_int_equal(vg_rest_read_ingest(&body, text, strlen(text), &details), 0);
    char *content = NULL;
    size_t bytes = 0;
    int rc = vg_rest_ingest_content(&body, &content, &bytes, &details);
    assert_true(rc == 0 || (rc == VG_EINVAL && details.count == 1));
    if (rc == 0)
        assert_int_equal(strlen(content), bytes);
    vg_rest_free(&body.json);
    return content;
}

static void ingested_content_is_text_or_decoded_text(void **state)
{
    (void)state;
    char *content = ingest_content("\"text\":\"hello\"");
    assert_string_equal(content, "hello");
    free(content);
    content = ingest_content("\"content_base64\":\"2YXYsdit2KjYpw==\"");
    assert_string_equal(content, "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7");
    free(content);
    assert_null(ingest_content("\"content_base64\":\"a\""));
    assert_null(ingest_content("\"content_base64\":\"AAAA\""));     /* NULs */
    assert_null(ingest_content("\"content_base64\":\"/////w==\"")); /* not UTF-8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_call_start_is_read),
        cmocka_unit_test(a_minimal_call_start_has_the_defaults),
        cmocka_unit_test(good_bodies_are_taken_and_bad_ones_named),
        cmocka_unit_test(rag_query_asks_for_three_passages_by_default),
        cmocka_unit_test(ingested_content_is_text_or_decoded_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
