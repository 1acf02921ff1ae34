/* What a call is made of (src/api/call_spec.c): the agent's texts with the caller's values in them, and their
 * bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/call_spec.h"
#include "config/config.h"

static bool hears(const char *language)
{
    return strcmp(language, "en") == 0;
}

static const struct vg_stt_ops STT = {.name = "test", .hears = hears};
static const struct vg_llm_ops LLM = {.name = "test"};
static const struct vg_tts_ops TTS = {.name = "test"};

static const struct vg_stt_ops *find_stt(const char *name)
{
    return strcmp(name, "test") == 0 ? &STT : NULL;
}

static const struct vg_llm_ops *find_llm(const char *name)
{
    return strcmp(name, "test") == 0 ? &LLM : NULL;
}

static const struct vg_tts_ops *find_tts(const char *engine, const char *voice_id, const char *language,
                                         const char **engine_voice)
{
    (void)engine, (void)voice_id, (void)language;
    *engine_voice = "test";
    return &TTS;
}

static void voice_names(struct vg_buf *out)
{
    vg_buf_puts(out, "test");
}

static const struct vg_engine_catalog CATALOG = {find_stt, find_llm, find_tts, voice_names};
static struct vg_config config = {.stt_engine = "test", .llm_engine = "test", .tts_engine = "test"};
static struct vg_bind_details details;

static int make(struct vg_call_spec **out, const char *greeting, const char *metadata)
{
    struct vg_agent agent = {.system_prompt = "",
                             .greeting = greeting,
                             .language = "en",
                             .voice_id = "",
                             .stt_engine = "",
                             .llm_engine = "",
                             .tts_engine = ""};
    struct call_wish wish = {.tenant_id = "tnt_1",
                             .user_id = "u",
                             .language = "auto",
                             .metadata = metadata,
                             .channel = "websocket",
                             .direction = "inbound"};
    details = (struct vg_bind_details){0};
    return call_spec_make(out, &wish, &agent, &config, &CATALOG, &details);
}

static void values_of_metadata_stand_in_the_greeting(void **state)
{
    (void)state;
    struct vg_call_spec *spec;
    assert_int_equal(make(&spec, "Hello {{name}}, {{unknown}}order {{n}}. {{", "{\"name\":\"Ana\",\"n\":7}"),
                     0);
    assert_string_equal(spec->greeting, "Hello Ana, order 7. {{");
    assert_string_equal(spec->language, "en");
    vg_call_spec_free(spec);
}

static void fills(const char *text, const char *metadata, const char *want)
{
    struct vg_call_spec *spec;
    assert_int_equal(make(&spec, text, metadata), 0);
    assert_string_equal(spec->greeting, want);
    vg_call_spec_free(spec);
}

static void values_of_every_kind_become_text(void **state)
{
    (void)state;
    fills("{{price}} {{third}} {{big}} {{whole}} {{negative}}",
          "{\"price\":19.899999999999999,\"third\":0.1234567890123456,\"big\":1e21,\"whole\":5.0,"
          "\"negative\":-0.5}",
          "19.9 0.1234567890123456 1e+21 5 -0.5");
    fills("{{yes}} {{no}} [{{nothing}}]", "{\"yes\":true,\"no\":false,\"nothing\":null}", "true false []");
    fills("{{order}} {{list}} {{none}}",
          "{\"order\": {\"id\": \"O1\", \"total\": 19.9, \"paid\": true}, \"list\": [1, \"\\u0639\", null], "
          "\"none\": {}}",
          "{\"id\":\"O1\",\"total\":19.9,\"paid\":true} [1,\"\u0639\",null] {}");
}

static void a_nested_value_that_is_repeated_does_not_grow_without_bound(void **state)
{
    (void)state;
    enum { TIMES = 5000, VALUES = 3000 };
    char *greeting = calloc(1, TIMES * 5 + 1), *metadata = calloc(1, VALUES * 4 + 32);
    for (int i = 0; i < TIMES; i++)
        memcpy(greeting + i * 5, "{{v}}", 5);
    size_t n = (size_t)sprintf(metadata, "{\"v\":[1");
    for (int i = 0; i < VALUES; i++)
        n += (size_t)sprintf(metadata + n, ",1.5");
    memcpy(metadata + n, "]}", 2);
    struct vg_call_spec *spec;
    assert_int_equal(make(&spec, greeting, metadata), 0);
    assert_in_range(strlen(spec->greeting), VALUES * 4, 65536);
    vg_call_spec_free(spec);
    free(greeting);
    free(metadata);
}

/* Sixteen kilobytes that stand in a text a thousand times would be sixteen megabytes a call. */
static void a_value_that_is_repeated_does_not_grow_without_bound(void **state)
{
    (void)state;
    enum { TIMES = 1000, VALUE = 15000 };
    char *greeting = calloc(1, TIMES * 5 + 1), *metadata = calloc(1, VALUE + 32);
    for (int i = 0; i < TIMES; i++)
        strcat(greeting, "{{v}}");
    memset(metadata + sprintf(metadata, "{\"v\":\""), 'x', VALUE);
    strcat(metadata, "\"}");
    struct vg_call_spec *spec;
    assert_int_equal(make(&spec, greeting, metadata), 0);
    assert_in_range(strlen(spec->greeting), VALUE, 65536);
    vg_call_spec_free(spec);
    free(greeting);
    free(metadata);
}

static void metadata_over_its_bound_is_refused_by_name(void **state)
{
    (void)state;
    char metadata[17000];
    memset(metadata, ' ', sizeof metadata);
    metadata[0] = '{';
    memcpy(metadata + sizeof metadata - 2, "}", 2);
    struct vg_call_spec *spec = NULL;
    assert_int_equal(make(&spec, "", metadata), VG_EINVAL);
    assert_null(spec);
    assert_int_equal(details.count, 1);
    assert_string_equal(details.list[0].field, "metadata");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_metadata_stand_in_the_greeting),
        cmocka_unit_test(values_of_every_kind_become_text),
        cmocka_unit_test(a_nested_value_that_is_repeated_does_not_grow_without_bound),
        cmocka_unit_test(a_value_that_is_repeated_does_not_grow_without_bound),
        cmocka_unit_test(metadata_over_its_bound_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
