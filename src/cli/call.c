/* `voxgate call`: options, token, call start, connection, and what is left when it is over. */
#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/wav.h"
#include "base/clock.h"
#include "cli/call_mouth.h"
#include "cli/call_session.h"
#include "cli/commands.h"
#include "cli/rest_client.h"
#include "cli/ws_client.h"

enum { REQUEST_TIMEOUT_MS = 10000, REPLY_HZ = 16000 };

#define AT(member) .offset = offsetof(struct call_options, member)

static const struct cli_option OPTIONS[] = {
    {.name = "mic",
     .type = CLI_FLAG,
     AT(mic),
     .help = "speak yourself: the microphone (arecord or parec), until Ctrl-C"},
    {.name = "text",
     .type = CLI_TEXT,
     AT(text),
     .metavar = "TEXT",
     .help = "type this to the agent; then no FILE is needed"},
    {.name = "digits",
     .type = CLI_TEXT,
     AT(digits),
     .metavar = "KEYS",
     .help = "press these keys (0-9 * # A-D)"},
    {.name = "out",
     .type = CLI_TEXT,
     AT(out),
     .metavar = "FILE",
     .def = "reply.wav",
     .help = "where the reply goes, 16 kHz mono; \"\": nowhere"},
    {.name = "json", .type = CLI_FLAG, AT(json), .help = "one JSON line an event, the last one a summary"},
    {.name = "language",
     .type = CLI_TEXT,
     AT(language),
     .metavar = "LANG",
     .choices = "en|ar|auto",
     .def = "en",
     .help = "language of the call"},
    {.name = "voice",
     .type = CLI_TEXT,
     AT(voice),
     .metavar = "VOICE",
     .def = "the agent's",
     .help = "voice preset, one of GET /v1/voices"},
    {.name = "agent",
     .type = CLI_TEXT,
     AT(agent),
     .metavar = "AGENT_ID",
     .def = "the tenant's default",
     .help = "who answers"},
    {.name = "codec",
     .type = CLI_TEXT,
     AT(codec_name),
     .metavar = "CODEC",
     .choices = "pcm_s16le|pcmu|pcma|opus",
     .def = "pcm_s16le",
     .help = "codec, both ways"},
    {.name = "rate",
     .type = CLI_NUMBER,
     AT(rate_hz),
     .metavar = "HZ",
     .def = "16000, 8000 for pcmu and pcma",
     .min = 8000,
     .max = 48000,
     .unit = "Hz",
     .help = "sample rate, both ways"},
    {.name = "transport",
     .type = CLI_TEXT,
     AT(transport),
     .metavar = "KIND",
     .choices = "json|binary",
     .def = "json",
     .help = "how audio travels"},
    {.name = "chunk-ms",
     .type = CLI_NUMBER,
     AT(chunk_ms),
     .metavar = "MS",
     .def = "20",
     .min = 10,
     .max = 1000,
     .unit = "ms",
     .help = "audio in one message; Opus always has 20"},
    {.name = "realtime", .type = CLI_FLAG, AT(realtime), .help = "send at the speed of speech (the default)"},
    {.name = "fast", .type = CLI_FLAG, AT(fast), .help = "send as fast as the gateway takes it"},
    {.name = "now", .type = CLI_FLAG, AT(now), .help = "do not wait for the end of the agent's greeting"},
    {.name = "timeout",
     .type = CLI_NUMBER,
     AT(timeout_s),
     .metavar = "SECONDS",
     .def = "30",
     .min = 1,
     .max = 3600,
     .unit = "s",
     .help = "longest wait for the reply after the last word"},
    {.name = "url",
     .type = CLI_TEXT,
     AT(url),
     .metavar = "URL",
     .def = "$VOXGATE_URL, else http://127.0.0.1:8000",
     .help = "the gateway"},
    {.name = "tenant",
     .type = CLI_TEXT,
     AT(tenant),
     .metavar = "TENANT_ID",
     .def = "$VOXGATE_TENANT_ID",
     .help = "who calls"},
    {.name = "api-key",
     .type = CLI_TEXT,
     AT(api_key),
     .metavar = "KEY",
     .def = "$VOXGATE_API_KEY",
     .help = "its API key; better in the environment, where `ps` does not show it"},
    {.name = "insecure",
     .type = CLI_FLAG,
     AT(insecure),
     .help = "do not verify the certificate of an https gateway"},
};

static const struct cli_syntax SYNTAX = {
    .command = "voxgate call",
    .operands = "FILE.wav|-",
    .operands_max = 1,
    .summary = "Makes a call: plays a recording (WAV, or raw s16le at 16 kHz; - is standard input) or the "
               "microphone to the\nagent, shows both sides as they speak, keeps the reply as a WAV file, and "
               "hangs up when the reply was heard.",
    .options = OPTIONS,
    .option_count = VG_COUNT_OF(OPTIONS),
    .notes = "Exit status: 0 the call was made, 1 it failed, 2 usage.",
    .example = "voxgate call question.wav --out answer.wav",
};

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

/* --- options ---------------------------------------------------------------------------------------------
 */

static int check_options(struct call_options *o)
{
    const char *command = SYNTAX.command;
    if (!o->tenant)
        return cli_usage_error(command, "who calls? Give --tenant, or set VOXGATE_TENANT_ID.");
    if (!o->api_key)
        return cli_usage_error(command, "give --api-key, or set VOXGATE_API_KEY.");
    if (o->fast && o->realtime)
        return cli_usage_error(command, "--fast and --realtime exclude each other.");
    if (o->file && o->mic)
        return cli_usage_error(command, "a recording and --mic exclude each other.");
    if (!o->file && !o->mic && !o->text && !o->digits)
        return cli_usage_error(command, "it needs a recording, --mic, --text or --digits.");
    if (o->digits && strspn(o->digits, "0123456789*#ABCD") != strlen(o->digits))
        return cli_usage_error(command, "--digits takes 0-9, *, # and A-D.");
    if (vg_codec_parse(o->codec_name, &o->codec))
        return cli_usage_error(command, "there is no codec %s.", o->codec_name);
    if (!o->rate_hz)
        o->rate_hz = o->codec == VG_CODEC_PCMU || o->codec == VG_CODEC_PCMA ? 8000 : 16000;
    if (vg_codec_check(o->codec, (int)o->rate_hz))
        return cli_usage_error(command, "%s does not run at %lld Hz.", o->codec_name, (long long)o->rate_hz);
    if (o->rate_hz * o->chunk_ms % 1000)
        return cli_usage_error(command, "%lld ms at %lld Hz are no whole number of samples.",
                               (long long)o->chunk_ms, (long long)o->rate_hz);
    return CLI_GO_ON;
}

/* --- the start of the call -------------------------------------------------------------------------------
 */

static int get_token(const struct call_options *o, struct rest_config *rest, json_t **answer, char *problem)
{
    json_t *body = json_pack("{s:s, s:s}", "tenant_id", o->tenant, "api_key", o->api_key);
    int err = rest_post(rest, "/auth/token", body, answer, problem);
    json_decref(body);
    return err;
}

static int start_call(const struct call_options *o, const struct rest_config *rest, json_t **answer,
                      char *problem)
{
    json_t *body = json_pack("{s:s, s:s, s:s*, s:s*}", "tenant_id", o->tenant, "language", o->language,
                             "voice_id", o->voice, "agent_id", o->agent);
    int err = rest_post(rest, "/call/start", body, answer, problem);
    json_decref(body);
    return err;
}

/* Token, start and connection. Fills what the session borrows; `*token`, `*started` are the caller's. */
static int connect_call(struct call_session *s, json_t **token, json_t **started)
{
    const struct call_options *o = s->options;
    char problem[REST_PROBLEM_SIZE] = "", refused[WS_PROBLEM_SIZE] = "";
    struct rest_config rest = {.url = o->url, .insecure = o->insecure, .timeout_ms = REQUEST_TIMEOUT_MS};
    int err = get_token(o, &rest, token, problem);
    rest.bearer = json_string_value(json_object_get(*token, "access_token"));
    if (!err)
        err = start_call(o, &rest, started, problem);
    if (err) {
        fprintf(stderr, "voxgate call: %s\n", problem);
        return err;
    }
    const json_t *a = *started;
    const char *url = json_string_value(json_object_get(a, "ws_url"));
    const char *session_token = json_string_value(json_object_get(a, "session_token"));
    s->call_id = json_string_value(json_object_get(a, "call_id"));
    s->session_id = json_string_value(json_object_get(a, "session_id"));
    if (!url || !session_token || !s->call_id) {
        fprintf(stderr, "voxgate call: what answers at %s is not Voxgate\n", o->url);
        return VG_EPARSE;
    }
    struct ws_client_config config = {
        .url = url, .bearer_token = session_token, .insecure = o->insecure, .timeout_ms = REQUEST_TIMEOUT_MS};
    err = ws_client_open(&s->ws, &config, refused);
    if (err)
        fprintf(stderr, "voxgate call: %s\n", refused);
    return err;
}

/* --- the end ---------------------------------------------------------------------------------------------
 */

static int finish(struct call_session *s)
{
    const struct call_options *o = s->options;
    const char *out = *o->out && s->reply_samples ? o->out : NULL;
    if (out && vg_wav_write(out, s->reply, s->reply_samples, REPLY_HZ)) {
        fprintf(stderr, "voxgate call: %s cannot be written\n", out);
        out = NULL;
        s->failed = true;
    }
    struct call_summary summary = {.call_id = s->call_id,
                                   .session_id = s->session_id,
                                   .end_reason = *s->end_reason ? s->end_reason : "lost",
                                   .out = out,
                                   .turns = s->turns,
                                   .interruptions = s->interruptions,
                                   .sent_ms = s->sent_us / VG_US_PER_MS,
                                   .reply_ms = (int64_t)s->reply_samples * 1000 / REPLY_HZ,
                                   .first_reply_ms = s->first_reply_ms,
                                   .failed = s->failed};
    call_view_summary(&s->view, &summary);
    return s->failed ? CLI_FAILED : CLI_OK;
}

static void on_signal(int number)
{
    (void)number;
    call_session_interrupted = 1;
}

static int make_call(const struct call_options *o)
{
    struct call_session session = {.options = o, .view = call_view_new(o->json)};
    json_t *token = NULL, *started = NULL;
    char problem[MOUTH_PROBLEM_SIZE] = "";
    int rc = CLI_FAILED;
    if (mouth_open(&session.mouth, o, problem)) {
        fprintf(stderr, "voxgate call: %s\n", problem);
        goto out;
    }
    session.decoder = vg_decoder_new(o->codec, (int)o->rate_hz);
    if (!session.decoder || connect_call(&session, &token, &started))
        goto out;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    call_view_started(&session.view, session.call_id, session.session_id);
    if (!call_session_run(&session))
        session.failed = true;
    rc = finish(&session);
out:
    call_session_clear(&session);
    json_decref(started);
    json_decref(token);
    return rc;
}

int command_call(int argc, char **argv)
{
    struct call_options options = {.url = environment("VOXGATE_URL", "http://127.0.0.1:8000"),
                                   .tenant = environment("VOXGATE_TENANT_ID", NULL),
                                   .api_key = environment("VOXGATE_API_KEY", NULL),
                                   .language = "en",
                                   .codec_name = "pcm_s16le",
                                   .transport = "json",
                                   .out = "reply.wav",
                                   .chunk_ms = 20,
                                   .timeout_s = 30};
    int rc = cli_parse(&SYNTAX, argc, argv, &options, &options.file);
    if (rc == CLI_GO_ON)
        rc = check_options(&options);
    if (rc != CLI_GO_ON)
        return rc;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = make_call(&options);
    curl_global_cleanup();
    return rc;
}
