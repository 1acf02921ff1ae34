/* `voxgate bench`: makes real calls against a running gateway and says how many it carries. See bench.h for
 * the parts. */
#include "cli/bench/bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/commands.h"

#define AT(member) .offset = offsetof(struct bench_options, member)
#define NUMBER(field, option, meta, def_, least, most, unit_, text)                                          \
    {                                                                                                        \
        .name = option, .type = CLI_NUMBER, AT(field), .metavar = meta, .def = def_, .min = least,           \
        .max = most, .unit = unit_, .help = text                                                             \
    }
#define TEXT(field, option, meta, def_, text)                                                                \
    {                                                                                                        \
        .name = option, .type = CLI_TEXT, AT(field), .metavar = meta, .def = def_, .help = text              \
    }
#define FLAG(field, option, text)                                                                            \
    {                                                                                                        \
        .name = option, .type = CLI_FLAG, AT(field), .help = text                                            \
    }

static const struct cli_option OPTIONS[] = {
    TEXT(url, "url", "URL", "http://127.0.0.1:$PORT", "the gateway"),
    TEXT(ws_url, "ws-url", "URL", NULL,
         "no REST: every call is a WebSocket to this ws:// address (other servers)"),
    {.name = "shape",
     .type = CLI_TEXT,
     AT(shape),
     .metavar = "SHAPE",
     .def = "json250",
     .choices = SHAPE_NAMES,
     .help = "how audio travels; the number is milliseconds a message"},
    NUMBER(calls, "calls", "N", "as the shape", 1, 1000000, "calls",
           "calls to hold; with --search the first guess"),
    NUMBER(calls_max, "calls-max", "N", "9900", 1, 1000000, "calls", "where --search stops"),
    NUMBER(duration_s, "duration", "SECONDS", "10", 1, 86400, "s", "measured time of each step"),
    NUMBER(settle_s, "settle", "SECONDS", "3", 0, 600, "s", "time before, with the load standing"),
    NUMBER(ramp, "ramp", "CALLS/S", "500", 0, 100000, "calls/s", "rate of setting up; 0: as fast as it goes"),
    FLAG(search, "search", "find the capacity"),
    NUMBER(precision_pct, "precision", "PERCENT", "6", 1, 50, "%", "how close --search comes"),
    TEXT(soak_for, "soak", "TIME", NULL,
         "hold --calls that long (30m, 90s, 2h) in ten slices; the first one is warm-up"),
    FLAG(setup, "setup", "set --calls up, which then say nothing, and time it"),
    FLAG(overload, "overload", "hold --calls, then half as many again, then 60 %, and time the recovery"),
    NUMBER(talk_pct, "talk", "PERCENT", "40", 1, 90, "%", "share of the time that callers speak"),
    NUMBER(agent_talk_pct, "agent-talk", "PERCENT", "0", 0, 60, "%",
           "share of the time that the agent speaks; 0: short answers"),
    TEXT(speech, "speech", "FOLDER|FILE", "a synthetic voice", "recordings that the callers speak"),
    {.name = "rest",
     .type = CLI_TEXT,
     AT(rest),
     .metavar = "WHAT",
     .choices = "get-call|start",
     .help = "no audio: GET /call/{id} of a live call, or POST /call/start, for --duration"},
    NUMBER(rate, "rate", "N", "as fast as answers come", 0, 1000000, "requests/s", "with --rest: the pace"),
    NUMBER(connections, "connections", "N", "64", 1, 4096, "connections", "with --rest"),
    NUMBER(pid, "pid", "PID", "none", 1, 4194304, NULL,
           "process of the server, whose CPU and memory are read"),
    NUMBER(threads, "threads", "N", "1", 1, 64, "threads", "threads of the load"),
    NUMBER(cpu, "cpu", "N", "any", 0, 1023, NULL, "core of the first thread; the next ones follow"),
    TEXT(tenant, "tenant", "ID", "one is made, in DATABASE_URL",
         "tenant whose calls these are; needs --api-key"),
    TEXT(api_key, "api-key", "KEY", NULL, "its API key"),
    TEXT(agent, "agent", "ID", "the tenant's default", "its agent; loopback engines are expected"),
    TEXT(json, "json", "FILE", NULL, "write all figures as JSON"),
    TEXT(csv, "csv", "FILE", NULL, "write the steps as CSV"),
    TEXT(plot, "plot", "FILE.svg", NULL, "draw latency and CPU against calls"),
    TEXT(label, "label", "TEXT", NULL, "name of this run in files"),
    FLAG(quiet, "quiet", "no progress line"),
    TEXT(config_file, "config", "FILE", NULL, "settings file (NAME=value lines); the environment wins"),
};

static const struct cli_syntax SYNTAX = {
    .command = "voxgate bench",
    .summary =
        "Makes real calls (token, start, WebSocket, paced speech, replies, hang-up) against a running "
        "gateway,\n"
        "checks everything that comes back and measures latency, jitter and, with --pid, what a call costs.\n"
        "A load is good if the p99 of ping-pong is at most 5 ms, no call failed, no frame was lost and at\n"
        "most 0.1 % of the reply's frames were late.",
    .options = OPTIONS,
    .option_count = VG_COUNT_OF(OPTIONS),
    .notes =
        "Give the gateway room: VOXGATE_CALLS_MAX, VOXGATE_AUTH_RATE_LIMIT, descriptors (ulimit -n) on both "
        "sides.\n"
        "Pin server and load apart with `taskset`, or the figures are those of their quarrel.\n"
        "Exit status: 0 done, 1 failed (also: a load given by --calls was not good), 2 usage or settings.",
    .example = "voxgate bench --shape pcm20 --search --speech recordings/ --pid $(pidof voxgate) --cpu 1 "
               "--plot pcm20.svg",
};

/* "30m", "90s", "2h", or seconds. */
static bool read_time(const char *text, int64_t *seconds)
{
    char unit = 's', rest;
    long long n = 0;
    if (sscanf(text, "%lld%c%c", &n, &unit, &rest) > 2 || n < 1 || n > 100000 || !strchr("smh", unit))
        return false;
    *seconds = n * (unit == 'h' ? 3600 : unit == 'm' ? 60 : 1);
    return true;
}

static int check(struct bench_options *o, struct bench *b, char url[64])
{
    o->soak = o->soak_for != NULL;
    int kinds = o->search + o->soak + o->overload + o->setup + (o->rest != NULL);
    if (kinds > 1)
        return cli_usage_error(SYNTAX.command,
                               "choose one of --search, --soak, --overload, --setup and --rest.");
    if (o->soak && !read_time(o->soak_for, &o->duration_s))
        return cli_usage_error(SYNTAX.command, "--soak takes a time such as 30m, not \"%s\".", o->soak_for);
    if (o->rest && o->ws_url)
        return cli_usage_error(SYNTAX.command, "--rest needs a gateway, not --ws-url.");
    if ((o->soak || o->overload || o->setup) && !o->calls)
        return cli_usage_error(SYNTAX.command, "--calls is needed: how many calls are held?");
    if (!o->tenant != !o->api_key)
        return cli_usage_error(SYNTAX.command, "--tenant and --api-key belong together.");
    if (!o->url && !o->ws_url) {
        const char *port = getenv("PORT");
        snprintf(url, 64, "http://127.0.0.1:%.5s", port && *port ? port : "8000");
        o->url = url;
    }
    const char *where = o->ws_url ? o->ws_url : o->url;
    if (wire_url_parse(&b->load.url, where))
        return cli_usage_error(SYNTAX.command, "\"%s\" is not the http:// or ws:// address of a host.",
                               where);
    return CLI_GO_ON;
}

/* What the agent is asked to say back so that it talks `agent_talk_pct` of the time: its answers to speech
 * take 300 ms, each word of this 60 ms. */
static int make_agent_text(struct bench *b)
{
    int64_t pct = b->options->agent_talk_pct;
    if (pct == 0)
        return 0;
    double seconds =
        (double)b->speech.samples / VG_RATE_HZ * (double)pct / 100 / (double)b->speech.count - 0.3;
    int words = (int)(seconds / 0.06) - 2;
    struct vg_buf text = VG_BUF_INIT;
    vg_buf_puts(&text, "{\"type\":\"text\",\"text\":\"");
    for (int i = 0; i < words && i < 300; i++)
        vg_buf_puts(&text, i ? " word" : "word");
    vg_buf_puts(&text, "\"}");
    if (words > 0)
        b->load.agent_text = vg_buf_take(&text);
    vg_buf_free(&text);
    return words > 0 && !b->load.agent_text ? VG_ENOMEM : 0;
}

static int prepare(struct bench *b)
{
    const struct bench_options *o = b->options;
    const struct shape *shape = shape_find(o->shape);
    int err = speech_load(&b->speech, o->speech, o->talk_pct);
    if (err) {
        fprintf(stderr, "voxgate bench: no speech in %s: %s\n", o->speech ? o->speech : "the synthetic voice",
                vg_strerror(err));
        return CLI_FAILED;
    }
    err = frames_make(&b->frames, shape, &b->speech);
    if (!err)
        err = make_agent_text(b);
    if (err) {
        fprintf(stderr, "voxgate bench: %s\n", vg_strerror(err));
        return CLI_FAILED;
    }
    b->load.rest = !o->ws_url;
    b->load.silent = o->setup;
    b->load.frames = &b->frames;
    b->load.config = shape_config(shape, b->config);
    b->load.ramp = (double)o->ramp / (double)o->threads;
    b->load.cpu = (int)o->cpu;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return CLI_GO_ON;
}

static int write_files(const struct bench *b)
{
    const struct bench_options *o = b->options;
    int err = o->json ? report_json(b, o->json) : 0;
    if (!err && o->csv)
        err = report_csv(b, o->csv);
    if (!err && o->plot)
        err = plot_svg(b, o->plot);
    if (err)
        fputs("voxgate bench: a file cannot be written\n", stderr);
    return err;
}

int command_bench(int argc, char **argv)
{
    struct bench_options o = {.shape = "json250",
                              .calls_max = 9900,
                              .duration_s = 10,
                              .settle_s = 3,
                              .ramp = 500,
                              .talk_pct = 40,
                              .precision_pct = 6,
                              .connections = 64,
                              .threads = 1,
                              .cpu = -1};
    struct bench b = {.options = &o};
    char url[64];
    int rc = cli_parse(&SYNTAX, argc, argv, &o, NULL);
    if (rc == CLI_GO_ON)
        rc = check(&o, &b, url);
    if (rc == CLI_GO_ON)
        rc = prepare(&b);
    if (rc == CLI_GO_ON && b.load.rest)
        rc = bench_tenant(&b, SYNTAX.command);
    if (rc == CLI_GO_ON)
        rc = o.rest ? bench_rest(&b) : bench_run(&b);
    if (b.step_count > 0) {
        report_summary(&b);
        if (write_files(&b))
            rc = CLI_FAILED;
        if (rc == CLI_OK && !o.search && !o.overload && b.capacity == 0)
            rc = CLI_FAILED;
    }
    free(b.steps);
    free(b.load.agent_text);
    frames_free(&b.frames);
    speech_free(&b.speech);
    vg_buf_free(&b.token);
    return rc;
}
