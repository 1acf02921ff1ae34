/* Lets check_schemas.py see what the C side says and takes: one line of JSON in or out a message.
 *
 *     contract_probe errors            the table of error codes
 *     contract_probe ws_server         one of each message of the server
 *     contract_probe ws_client         reads messages, answers "ok" or the error's code
 *     contract_probe rest BODY         reads bodies (token_request, ...), answers "ok" or "refused" */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/rest_in.h"
#include "proto/ws_out.h"

static void print_errors(void)
{
    for (int i = 0; i < VG_ERROR_COUNT; i++) {
        const struct vg_error_info *e = vg_error_info((enum vg_error_id)i);
        printf("{\"code\":\"%s\",\"http\":%d,\"close\":%d,\"fatal\":%s,\"help\":\"%s\"}\n", e->code,
               e->http_status, e->close_code, e->fatal ? "true" : "false", e->help);
    }
}

/* Prints the message and empties the buffer. */
static void say(struct vg_buf *b)
{
    puts(vg_buf_str(b));
    vg_buf_reset(b);
}

static void print_server_messages(void)
{
    static const char TURN[] = "turn_0192f0c4a1b370008000000000000001";
    const struct vg_ws_stamp s = {1699999999123456, 7, 1};
    const struct vg_ws_audio format = {VG_CODEC_OPUS, 48000, VG_TRANSPORT_BINARY};
    struct vg_buf b = VG_BUF_INIT;
    vg_ws_write_ready(&b, &s,
                      &(struct vg_ws_ready){.call_id = "call_0192f0c4a1b27000800000000000000a",
                                            .session_id = "ses_1",
                                            .resume_token = "r",
                                            .in = format,
                                            .out = format,
                                            .lead_ms = 500,
                                            .endpointing_ms = 500,
                                            .barge_in = true,
                                            .language = "auto",
                                            .stt_engine = "loopback",
                                            .stt_language = NULL});
    say(&b);
    for (int i = 0; i < 2; i++) {
        vg_ws_write_speech(&b, &s, i, 480);
        say(&b);
        vg_ws_write_pong(&b, &s, i - 1);
        say(&b);
        vg_ws_write_transcript(&b, &s, &(struct vg_ws_transcript){i, "\"hello\"\n", TURN, 0.5, 480, 900});
        say(&b);
        vg_ws_write_response(&b, &s,
                             &(struct vg_ws_response){TURN, "hello", 0, i, (const uint8_t *)"ABCD", 4});
        say(&b);
        vg_ws_write_response(&b, &s, &(struct vg_ws_response){TURN, NULL, 1, i, NULL, 0});
        say(&b);
        vg_ws_write_audio_mark(&b, &s, i, TURN);
        say(&b);
        vg_ws_write_hold(&b, &s, i, TURN);
        say(&b);
    }
    vg_ws_write_interrupted(&b, &s, TURN, "hel", 120, "voice");
    say(&b);
    vg_ws_write_handoff(&b, &s, "hnd_1", "queued", "general", 30);
    say(&b);
    vg_ws_write_dtmf(&b, &s, '*');
    say(&b);
    vg_ws_write_call_ended(&b, &s, "client", 61250);
    say(&b);
    vg_ws_write_error(&b, &s, "BAD_FIELD", "text is required", false);
    say(&b);
    vg_buf_free(&b);
}

static void on_audio(void *arg, const uint8_t *data, size_t bytes)
{
    (void)arg, (void)data, (void)bytes;
}

static void on_audio_end(void *arg, size_t bytes)
{
    (void)arg, (void)bytes;
    puts("ok");
}

static void on_audio_abort(void *arg)
{
    (void)arg;
}

static void on_message(void *arg, const struct vg_ws_in *msg)
{
    (void)arg, (void)msg;
    puts("ok");
}

static void on_error(void *arg, const char *code, const char *message, bool fatal, int close_code)
{
    (void)arg, (void)message, (void)fatal, (void)close_code;
    puts(code);
}

static int read_lines(void (*take)(void *arg, const char *line, size_t n), void *arg)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0)
        take(arg, line, (size_t)n - (line[n - 1] == '\n'));
    free(line);
    return 0;
}

static void take_message(void *arg, const char *line, size_t n)
{
    vg_ws_reader_feed(arg, (const uint8_t *)line, n, true, true, false);
}

static int read_client_messages(void)
{
    const struct vg_ws_in_sink sink = {on_audio, on_audio_end, on_audio_abort, on_message, on_error, NULL};
    struct vg_ws_reader *r = vg_ws_reader_new(&sink);
    int rc = read_lines(take_message, r);
    vg_ws_reader_free(r);
    return rc;
}

/* Reads an ingest body and its content, too. */
static int read_ingest(struct vg_rest_ingest *body, const char *line, size_t n,
                       struct vg_bind_details *details)
{
    char *content = NULL;
    size_t bytes;
    int rc = vg_rest_read_ingest(body, line, n, details);
    if (rc == 0 && (rc = vg_rest_ingest_content(body, &content, &bytes, details)) != 0)
        vg_rest_free(&body->json);
    free(content);
    return rc;
}

static void take_body(void *arg, const char *line, size_t n)
{
    const char *kind = arg;
    struct vg_bind_details details = {0};
    union {
        struct vg_rest_token token;
        struct vg_rest_call_start call_start;
        struct vg_rest_reason reason;
        struct vg_rest_handoff handoff;
        struct vg_rest_ingest ingest;
        struct vg_rest_rag_query rag_query;
        json_t *json;
    } body;
    int rc = VG_EINVAL;
    if (strcmp(kind, "token_request") == 0)
        rc = vg_rest_read_token(&body.token, line, n, &details);
    else if (strcmp(kind, "call_start_request") == 0)
        rc = vg_rest_read_call_start(&body.call_start, line, n, &details);
    else if (strcmp(kind, "reason_request") == 0)
        rc = vg_rest_read_reason(&body.reason, line, n, &details);
    else if (strcmp(kind, "handoff_request") == 0)
        rc = vg_rest_read_handoff(&body.handoff, line, n, &details);
    else if (strcmp(kind, "ingest_request") == 0)
        rc = read_ingest(&body.ingest, line, n, &details);
    else if (strcmp(kind, "rag_query_request") == 0)
        rc = vg_rest_read_rag_query(&body.rag_query, line, n, &details);
    puts(rc ? "refused" : "ok");
    if (rc == 0)
        vg_rest_free(&body.json);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "errors") == 0)
        print_errors();
    else if (strcmp(what, "ws_server") == 0)
        print_server_messages();
    else if (strcmp(what, "ws_client") == 0)
        return read_client_messages();
    else if (strcmp(what, "rest") == 0 && argc > 2)
        return read_lines(take_body, argv[2]);
    else
        return 2;
    return 0;
}
