/* `voxgate admin agent ...` and `voxgate admin ingest`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "store/admin.h"
#include "store/knowledge.h"

struct agent_values {
    struct admin_common common;
    const char *tenant;
    const char *name, *role, *prompt, *greeting, *language, *voice, *stt, *llm, *tts, *vocabulary_file;
    const char *barge_in;
    int64_t endpointing_ms;
    bool make_default;
    const char *source, *title, *content_type, *metadata; /* of ingest */
};
#define AGENT_VALUES_INIT ((struct agent_values){.endpointing_ms = -1, .tenant = getenv("VOXGATE_TENANT_ID")})

#define AT(member) .offset = offsetof(struct agent_values, member)
#define TEXT(option, member, meta, text)                                                                     \
    {                                                                                                        \
        .name = (option), .type = CLI_TEXT, AT(member), .metavar = (meta), .help = (text)                    \
    }

#define TENANT_OPTION                                                                                        \
    {                                                                                                        \
        .name = "tenant", .type = CLI_TEXT, AT(tenant), .metavar = "TENANT_ID", .def = "$VOXGATE_TENANT_ID", \
        .help = "whose"                                                                                      \
    }

static const struct cli_option PROFILE_OPTIONS[] = {
    TENANT_OPTION,
    TEXT("name", name, "NAME", "what the agent is called"),
    {.name = "role",
     .type = CLI_TEXT,
     AT(role),
     .metavar = "ROLE",
     .choices = "receptionist|sales|support|dispatcher|custom",
     .def = "custom for a new one",
     .help = "role"},
    TEXT("prompt", prompt, "TEXT", "system prompt; {{name}} is filled from a call's metadata"),
    TEXT("greeting", greeting, "TEXT", "what it says first"),
    {.name = "language",
     .type = CLI_TEXT,
     AT(language),
     .metavar = "LANG",
     .choices = "auto|en|ar",
     .def = "auto for a new one",
     .help = "language"},
    TEXT("voice", voice, "VOICE", "voice preset, one of GET /v1/voices"),
    TEXT("stt", stt, "ENGINE", "speech recogniser; \"\": as VOXGATE_STT says"),
    TEXT("llm", llm, "ENGINE", "answer engine; \"\": as VOXGATE_LLM says"),
    TEXT("tts", tts, "ENGINE", "synthesiser; \"\": as VOXGATE_TTS says"),
    TEXT("vocabulary", vocabulary_file, "FILE", "words and phrases that callers say, one a line"),
    {.name = "endpointing-ms",
     .type = CLI_NUMBER,
     AT(endpointing_ms),
     .metavar = "MS",
     .max = 10000,
     .unit = "ms",
     .help = "silence that ends a turn; 0: VOXGATE_ENDPOINTING_MS"},
    {.name = "barge-in",
     .type = CLI_TEXT,
     AT(barge_in),
     .metavar = "on|off",
     .choices = "on|off",
     .def = "on for a new one",
     .help = "callers may interrupt by speaking"},
    {.name = "default", .type = CLI_FLAG, AT(make_default), .help = "make it the tenant's default agent"},
    ADMIN_COMMON_OPTIONS,
};

static int begin(const struct cli_syntax *syntax, int argc, char **argv, struct agent_values *v,
                 const char **operand, struct vg_pg **pg)
{
    int rc = cli_parse(syntax, argc, argv, v, operand);
    if (rc != CLI_GO_ON)
        return rc;
    if (!v->tenant || !*v->tenant)
        return cli_usage_error(syntax->command, "--tenant is needed.");
    return admin_open(syntax->command, &v->common, pg);
}

/* The whole of a small file, NUL-terminated, to be freed; NULL after a sentence that says why. */
static char *read_file(const char *command, const char *path, size_t *bytes)
{
    struct vg_buf b = VG_BUF_INIT;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char chunk[65536];
    size_t n;
    if (!f) {
        fprintf(stderr, "%s: %s cannot be read.\n", command, path);
        return NULL;
    }
    while (b.len <= VG_DOCUMENT_BYTES_MAX && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        vg_buf_add(&b, chunk, n);
    if (f != stdin)
        fclose(f);
    *bytes = b.len;
    char *text = b.len > VG_DOCUMENT_BYTES_MAX ? NULL : vg_buf_take(&b);
    if (!text)
        fprintf(stderr, "%s: %s is empty or larger than %d bytes.\n", command, path, VG_DOCUMENT_BYTES_MAX);
    vg_buf_free(&b);
    return text;
}

static void write_agent(struct vg_json *j, const struct vg_agent *a)
{
    char time[VG_ISO8601_SIZE];
    vg_json_object(j, NULL);
    vg_json_str(j, "agent_id", a->id);
    vg_json_str(j, "tenant_id", a->tenant_id);
    vg_json_int(j, "version", a->version);
    vg_json_str(j, "name", a->name);
    vg_json_str(j, "role", a->role);
    vg_json_str(j, "system_prompt", a->system_prompt);
    vg_json_str(j, "greeting", a->greeting);
    vg_json_str(j, "language", a->language);
    vg_json_str(j, "voice_id", a->voice_id);
    vg_json_str(j, "stt_engine", a->stt_engine);
    vg_json_str(j, "llm_engine", a->llm_engine);
    vg_json_str(j, "tts_engine", a->tts_engine);
    vg_json_array(j, "vocabulary");
    for (uint32_t i = 0; i < a->vocabulary_count; i++)
        vg_json_str(j, NULL, a->vocabulary[i]);
    vg_json_end(j);
    vg_json_int(j, "endpointing_ms", a->endpointing_ms);
    vg_json_bool(j, "barge_in", a->barge_in);
    vg_json_bool(j, "is_default", a->is_default);
    vg_json_str(j, "created_at", vg_iso8601(a->created_at_us, time));
    vg_json_str(j, "updated_at", vg_iso8601(a->updated_at_us, time));
    vg_json_end(j);
}

static void print_agent(const struct agent_values *v, const struct vg_agent *a)
{
    if (v->common.json) {
        struct vg_buf b = VG_BUF_INIT;
        struct vg_json j = vg_json_start(&b);
        write_agent(&j, a);
        puts(vg_buf_str(&b));
        vg_buf_free(&b);
        return;
    }
    printf("agent     %s  %s (version %u%s)\nrole      %s\nlanguage  %s, voice %s\nengines   stt %s, llm %s, "
           "tts "
           "%s\ngreeting  %s\nprompt    %s\n",
           a->id, a->name, a->version, a->is_default ? ", default" : "", a->role, a->language,
           *a->voice_id ? a->voice_id : "-", *a->stt_engine ? a->stt_engine : "-",
           *a->llm_engine ? a->llm_engine : "-", *a->tts_engine ? a->tts_engine : "-",
           *a->greeting ? a->greeting : "-", a->system_prompt);
}

/* --- create, update, show --------------------------------------------------------------------------------
 */

enum agent_action { AGENT_CREATE, AGENT_UPDATE, AGENT_SHOW };

static int apply(struct vg_pg *pg, enum agent_action action, const struct agent_values *v, const char *id,
                 const char *vocabulary, const struct vg_agent **out)
{
    struct vg_agent_profile p = VG_AGENT_PROFILE_INIT;
    p.name = v->name;
    p.role = v->role;
    p.system_prompt = v->prompt;
    p.greeting = v->greeting;
    p.language = v->language;
    p.voice_id = v->voice;
    p.stt_engine = v->stt;
    p.llm_engine = v->llm;
    p.tts_engine = v->tts;
    p.vocabulary = vocabulary;
    p.endpointing_ms = v->endpointing_ms;
    p.barge_in = !v->barge_in ? -1 : strcmp(v->barge_in, "on") == 0;
    p.is_default = v->make_default ? 1 : -1;
    if (action == AGENT_CREATE)
        return vg_admin_agent_create(pg, v->tenant, &p, admin_deadline_us(), out);
    return vg_admin_agent_update(pg, v->tenant, id, &p, admin_deadline_us(), out);
}

static int one(const struct cli_syntax *syntax, int argc, char **argv, enum agent_action action)
{
    struct agent_values v = AGENT_VALUES_INIT;
    const char *id = NULL;
    const struct vg_agent *agent = NULL;
    struct vg_pg *pg = NULL;
    char *vocabulary = NULL;
    size_t bytes;
    int rc = begin(syntax, argc, argv, &v, &id, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    if (action == AGENT_CREATE && (!v.name || !v.prompt)) {
        rc = cli_usage_error(syntax->command, "--name and --prompt are needed.");
        goto out;
    }
    rc = CLI_FAILED;
    if (v.vocabulary_file && !(vocabulary = read_file(syntax->command, v.vocabulary_file, &bytes)))
        goto out;
    int err = action == AGENT_SHOW ? vg_admin_agent_load(pg, v.tenant, id, admin_deadline_us(), &agent)
                                   : apply(pg, action, &v, id, vocabulary, &agent);
    if (err) {
        rc = admin_failed(syntax->command, pg, err, "agent");
        goto out;
    }
    print_agent(&v, agent);
    rc = CLI_OK;
out:
    vg_agent_put(agent);
    free(vocabulary);
    vg_pg_free(pg);
    return rc;
}

static int create(int argc, char **argv)
{
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin agent create",
        .summary = "Makes an agent. The first one of a tenant becomes its default.",
        .options = PROFILE_OPTIONS,
        .option_count = VG_COUNT_OF(PROFILE_OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin agent create --name Sara --language en --prompt \"You take orders.\" \\\n"
                   "    --greeting \"Hello, this is Sara.\""};
    return one(&SYNTAX, argc, argv, AGENT_CREATE);
}

static int update(int argc, char **argv)
{
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin agent update",
        .operands = "AGENT_ID",
        .operands_min = 1,
        .operands_max = 1,
        .summary =
            "Makes a new version of an agent with what is named changed. Calls that run keep the version "
            "they have.",
        .options = PROFILE_OPTIONS,
        .option_count = VG_COUNT_OF(PROFILE_OPTIONS),
        .notes = ADMIN_NOTES,
        .example =
            "voxgate admin agent update agt_019385a0c1f27d2b8b1f0e4d3c2b1a09 --greeting \"Good day.\""};
    return one(&SYNTAX, argc, argv, AGENT_UPDATE);
}

static int show(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {TENANT_OPTION, ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin agent show",
        .operands = "AGENT_ID",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Shows one agent.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin agent show agt_019385a0c1f27d2b8b1f0e4d3c2b1a09 --json"};
    return one(&SYNTAX, argc, argv, AGENT_SHOW);
}

/* --- list ------------------------------------------------------------------------------------------------
 */

static void print_list(const struct agent_values *v, const struct vg_agent_list *list)
{
    if (v->common.json) {
        struct vg_buf b = VG_BUF_INIT;
        struct vg_json j = vg_json_start(&b);
        vg_json_array(&j, NULL);
        for (size_t i = 0; i < list->count; i++)
            write_agent(&j, list->items[i]);
        vg_json_end(&j);
        puts(vg_buf_str(&b));
        vg_buf_free(&b);
        return;
    }
    struct table t = table_new((const char *const[]){"AGENT", "NAME", "ROLE", "LANGUAGE", "VOICE", "VERSION",
                                                     "DEFAULT", "UPDATED", NULL});
    for (size_t i = 0; i < list->count; i++) {
        const struct vg_agent *a = list->items[i];
        table_cell(&t, a->id);
        table_cell(&t, a->name);
        table_cell(&t, a->role);
        table_cell(&t, a->language);
        table_cell(&t, a->voice_id);
        table_number(&t, a->version);
        table_cell(&t, a->is_default ? "yes" : NULL);
        table_time(&t, a->updated_at_us);
    }
    table_print(&t);
}

static int list(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {TENANT_OPTION, ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {.command = "voxgate admin agent list",
                                             .summary = "Lists a tenant's agents (at most 500).",
                                             .options = OPTIONS,
                                             .option_count = VG_COUNT_OF(OPTIONS),
                                             .notes = ADMIN_NOTES,
                                             .example =
                                                 "voxgate admin agent list --tenant \"$VOXGATE_TENANT_ID\""};
    struct agent_values v = AGENT_VALUES_INIT;
    struct vg_pg *pg = NULL;
    struct vg_agent_list *found = NULL;
    int rc = begin(&SYNTAX, argc, argv, &v, NULL, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_agent_list(pg, v.tenant, NULL, 500, admin_deadline_us(), &found);
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "tenant");
    else
        print_list(&v, found), rc = CLI_OK;
    vg_agent_list_free(found);
    vg_pg_free(pg);
    return rc;
}

int admin_agent(int argc, char **argv)
{
    static const struct cli_verb VERBS[] = {{"create", "make an agent", create},
                                            {"list", "list a tenant's agents", list},
                                            {"show", "show one agent", show},
                                            {"update", "make a new version of an agent", update}};
    return cli_dispatch("voxgate admin agent", "The agents that answer a tenant's calls.", VERBS,
                        VG_COUNT_OF(VERBS), argc, argv);
}

/* --- ingest ----------------------------------------------------------------------------------------------
 */

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && (strcmp(dot, ".md") == 0 || strcmp(dot, ".markdown") == 0))
        return "text/markdown";
    if (dot && (strcmp(dot, ".html") == 0 || strcmp(dot, ".htm") == 0))
        return "text/html";
    return "text/plain";
}

int admin_ingest(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {
        TENANT_OPTION,
        {.name = "source",
         .type = CLI_TEXT,
         AT(source),
         .metavar = "NAME",
         .def = "the file's name",
         .help = "names the document; the same one again is a new version"},
        {.name = "title",
         .type = CLI_TEXT,
         AT(title),
         .metavar = "TITLE",
         .def = "its first heading, else its source",
         .help = "title"},
        {.name = "content-type",
         .type = CLI_TEXT,
         AT(content_type),
         .metavar = "TYPE",
         .choices = "text/plain|text/markdown|text/html",
         .def = "as the file's name ends",
         .help = "what the file is"},
        {.name = "metadata",
         .type = CLI_TEXT,
         AT(metadata),
         .metavar = "JSON",
         .def = "{}",
         .help = "object that queries can filter by"},
        ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin ingest",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary =
            "Stores a document (UTF-8, at most 4 MiB) in a tenant's knowledge; its agents answer from it "
            "at once.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example =
            "voxgate admin ingest faq.md --tenant \"$VOXGATE_TENANT_ID\" --metadata '{\"team\":\"sales\"}'"};
    struct agent_values v = AGENT_VALUES_INIT;
    const char *path = NULL;
    struct vg_pg *pg = NULL;
    struct vg_document *document = NULL;
    size_t bytes = 0;
    int rc = begin(&SYNTAX, argc, argv, &v, &path, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    char *content = read_file(SYNTAX.command, path, &bytes);
    rc = CLI_FAILED;
    if (!content)
        goto out;
    struct vg_document_input input = {.source = v.source ? v.source : path,
                                      .title = v.title,
                                      .content_type = v.content_type ? v.content_type : type_of(path),
                                      .content = content,
                                      .content_bytes = bytes,
                                      .metadata = v.metadata};
    int err = vg_knowledge_ingest(pg, v.tenant, &input, admin_deadline_us(), &document);
    if (err) {
        admin_failed(SYNTAX.command, pg, err, "document");
        goto out;
    }
    printf(v.common.json ? "{\"document_id\":\"%s\",\"version\":%u,\"passages\":%u,\"status\":\"%s\"}\n"
                         : "document %s, version %u: %u passages, %s\n",
           document->id, document->version, document->passage_count, document->status);
    rc = CLI_OK;
out:
    vg_document_free(document);
    free(content);
    vg_pg_free(pg);
    return rc;
}
