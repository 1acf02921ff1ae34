/* Making the spec of a call; see call_spec.h. */
#include "api/call_spec.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "proto/rest_in.h"

enum {
    METADATA_BYTES_MAX = 16384, /* kept with the call, in Redis and in the record */
    FILLED_BYTES_MAX = 65536,   /* of a prompt with its variables: a value may stand in it many times */
};

static const char *or_else(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

static void set(char *out, size_t size, const char *text)
{
    vg_text_copy(out, size, text);
}

/* A number as short as it can be written without becoming another one. */
static void add_real(struct vg_buf *b, double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    vg_buf_puts(b, text);
}

/* A value as a text: strings as they are, numbers and booleans as JSON writes them, objects and arrays as
 * compact JSON; null and what is not there are nothing. */
static void add_value(struct vg_buf *b, const json_t *value)
{
    if (json_is_string(value)) {
        vg_buf_puts(b, json_string_value(value));
    } else if (json_is_integer(value)) {
        vg_buf_printf(b, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        add_real(b, json_real_value(value));
    } else if (json_is_boolean(value)) {
        vg_buf_puts(b, json_is_true(value) ? "true" : "false");
    } else if (json_is_object(value) || json_is_array(value)) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
        vg_buf_puts(b, text ? text : "");
        free(text);
    }
}

/* Puts values of `metadata` in place of {{name}}; unknown names become nothing, and values past the bound. */
static char *fill_variables(const char *text, const char *metadata)
{
    struct vg_buf b = VG_BUF_INIT;
    json_t *values = metadata ? json_loads(metadata, 0, NULL) : NULL;
    for (const char *p = text; *p;) {
        const char *open = strstr(p, "{{"), *close = open ? strstr(open, "}}") : NULL;
        if (!close) {
            vg_buf_puts(&b, p);
            break;
        }
        vg_buf_add(&b, p, (size_t)(open - p));
        char name[64] = "";
        size_t n = (size_t)(close - open) - 2;
        if (n < sizeof name)
            memcpy(name, open + 2, n);
        struct vg_buf value = VG_BUF_INIT;
        add_value(&value, json_object_get(values, name));
        if (b.len + value.len <= FILLED_BYTES_MAX)
            vg_buf_add(&b, vg_buf_str(&value), value.len);
        vg_buf_free(&value);
        p = close + 2;
    }
    json_decref(values);
    return vg_buf_take(&b);
}

static void choose_language(struct vg_call_spec *spec, const struct call_wish *wish,
                            const struct vg_agent *agent)
{
    set(spec->language_asked, sizeof spec->language_asked, wish->language);
    const char *agents = agent ? or_else(agent->language, "en") : "en";
    /* `auto` falls to the agent's language; an agent that is `auto` itself lets the caller choose. */
    set(spec->language, sizeof spec->language, strcmp(wish->language, "auto") == 0 ? agents : wish->language);
}

static void unknown_voice(const char *voice_id, const struct vg_engine_catalog *engines,
                          struct vg_bind_details *details)
{
    struct vg_buf known = VG_BUF_INIT;
    engines->voice_names(&known);
    vg_bind_fault(details, NULL, "voice_id", "%s is not known; the voices are %s", voice_id,
                  vg_buf_str(&known));
    vg_buf_free(&known);
}

static int choose_engines(struct vg_call_spec *spec, const struct vg_agent *agent,
                          const struct vg_config *config, const struct vg_engine_catalog *engines,
                          struct vg_bind_details *details)
{
    const char *stt = or_else(agent ? agent->stt_engine : NULL, config->stt_engine);
    const char *llm = or_else(agent ? agent->llm_engine : NULL, config->llm_engine);
    const char *tts = or_else(agent ? agent->tts_engine : NULL, config->tts_engine);
    const struct vg_stt_ops *hears = engines->stt(stt);
    spec->llm = engines->llm(llm);
    set(spec->tts_engine, sizeof spec->tts_engine, tts);
    if (!hears)
        vg_bind_fault(details, NULL, "stt_engine", "%s is not a speech recogniser of this build", stt);
    if (!spec->llm)
        vg_bind_fault(details, NULL, "llm_engine", "%s is not an answer engine of this build", llm);
    const char *voice;
    const char *language = strcmp(spec->language, "auto") == 0 ? "en" : spec->language;
    if (!engines->tts(tts, spec->voice_id, language, &voice))
        unknown_voice(spec->voice_id, engines, details);
    if (details->count)
        return VG_EINVAL;
    /* A recogniser never runs on a language of which it understands nothing. */
    spec->stt_open_speech = hears->hears(language);
    bool words = hears->takes_words && hears->takes_words(language);
    spec->stt = spec->stt_open_speech || words ? hears : NULL;
    spec->stt_name = spec->stt ? hears->name : "none";
    spec->stt_embedded = spec->stt && strcmp(hears->name, "pocketsphinx") == 0;
    return 0;
}

static int copy_vocabulary(struct vg_call_spec *spec, const struct vg_agent *agent)
{
    if (!agent || !agent->vocabulary_count)
        return 0;
    spec->vocabulary = calloc(agent->vocabulary_count, sizeof *spec->vocabulary);
    if (!spec->vocabulary)
        return VG_ENOMEM;
    for (uint32_t i = 0; i < agent->vocabulary_count; i++) {
        if (!(spec->vocabulary[i] = strdup(agent->vocabulary[i])))
            return VG_ENOMEM;
        spec->vocabulary_count++;
    }
    return 0;
}

int call_spec_make(struct vg_call_spec **out, const struct call_wish *wish, const struct vg_agent *agent,
                   const struct vg_config *config, const struct vg_engine_catalog *engines,
                   struct vg_bind_details *details)
{
    struct vg_call_spec *spec = vg_call_spec_new();
    if (!spec)
        return VG_ENOMEM;
    vg_id_new(spec->call_id, VG_ID_CALL);
    vg_id_new(spec->session_id, VG_ID_SESSION);
    set(spec->tenant_id, sizeof spec->tenant_id, wish->tenant_id);
    set(spec->user_id, sizeof spec->user_id, wish->user_id);
    set(spec->channel, sizeof spec->channel, wish->channel);
    set(spec->direction, sizeof spec->direction, wish->direction);
    set(spec->caller_number, sizeof spec->caller_number, wish->caller_number);
    set(spec->called_number, sizeof spec->called_number, wish->called_number);
    set(spec->voice_id, sizeof spec->voice_id,
        or_else(wish->voice_id, or_else(agent ? agent->voice_id : NULL, VG_REST_DEFAULT_VOICE)));
    spec->publish_audio = wish->publish_audio;
    spec->started_utc_us = vg_utc_us();
    spec->barge_in = agent ? agent->barge_in : config->barge_in;
    spec->endpointing_ms = agent ? agent->endpointing_ms : 0;
    if (agent) {
        set(spec->agent_id, sizeof spec->agent_id, agent->id);
        spec->agent_version = agent->version;
    }
    choose_language(spec, wish, agent);
    if (wish->metadata && strlen(wish->metadata) > METADATA_BYTES_MAX)
        vg_bind_fault(details, NULL, "metadata", "may have at most %d bytes", METADATA_BYTES_MAX);
    int err = choose_engines(spec, agent, config, engines, details);
    if (!err) {
        spec->metadata = strdup(wish->metadata ? wish->metadata : "{}");
        spec->system_prompt = fill_variables(agent ? agent->system_prompt : "", wish->metadata);
        spec->greeting = fill_variables(agent ? agent->greeting : "", wish->metadata);
        err = copy_vocabulary(spec, agent);
        if (!spec->metadata || !spec->system_prompt || !spec->greeting)
            err = VG_ENOMEM;
    }
    if (err)
        vg_call_spec_free(spec);
    else
        *out = spec;
    return err;
}
