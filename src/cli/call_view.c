/* Showing a call; see call_view.h. */
#include "cli/call_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

enum { NOBODY, CALLER, AGENT };

#define DIM(v)   ((v)->tty ? "\033[2m" : "")
#define PLAIN(v) ((v)->tty ? "\033[0m" : "")
#define BOLD(v)  ((v)->tty ? "\033[1m" : "")

struct call_view call_view_new(bool json)
{
    return (struct call_view){.json = json, .tty = isatty(STDOUT_FILENO)};
}

static const char *text_of(const json_t *message, const char *name)
{
    const char *text = json_string_value(json_object_get(message, name));
    return text ? text : "";
}

static long long number_of(const json_t *message, const char *name)
{
    return (long long)json_number_value(json_object_get(message, name));
}

/* Ends the line that is open, unless it is `speaker`'s. */
static void turn_to(struct call_view *v, int speaker)
{
    if (v->speaker != NOBODY && v->speaker != speaker)
        putchar('\n');
    v->speaker = speaker;
}

/* --- for scripts -----------------------------------------------------------------------------------------
 */

static void print_line(struct vg_buf *b)
{
    puts(vg_buf_str(b));
    fflush(stdout);
    vg_buf_free(b);
}

/* The message as it came, but for its audio, of which the length is told. */
static void message_json(const json_t *message, int64_t at_ms, size_t audio_bytes)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)message);
    if (json_object_get(shown, "audio") && json_is_string(json_object_get(shown, "audio"))) {
        json_object_del(shown, "audio");
        json_object_set_new(shown, "audio_bytes", json_integer((json_int_t)audio_bytes));
    }
    json_object_set_new(shown, "at_ms", json_integer(at_ms));
    json_dumpf(shown, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    putchar('\n');
    fflush(stdout);
    json_decref(shown);
}

void call_view_started(struct call_view *v, const char *call_id, const char *session_id)
{
    if (!v->json) {
        printf("%scall %s%s\n", DIM(v), call_id, PLAIN(v));
        return;
    }
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", "started");
    vg_json_str(&j, "call_id", call_id);
    vg_json_str(&j, "session_id", session_id);
    vg_json_end(&j);
    print_line(&b);
}

static void optional_ms(struct vg_json *j, const char *name, int64_t ms)
{
    if (ms < 0)
        vg_json_null(j, name);
    else
        vg_json_int(j, name, ms);
}

static void summary_json(const struct call_summary *s)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "type", "summary");
    vg_json_str(&j, "call_id", s->call_id);
    vg_json_str(&j, "session_id", s->session_id);
    vg_json_bool(&j, "ok", !s->failed);
    vg_json_str(&j, "end_reason", s->end_reason);
    vg_json_int(&j, "turns", s->turns);
    vg_json_int(&j, "interruptions", s->interruptions);
    vg_json_int(&j, "sent_ms", s->sent_ms);
    vg_json_int(&j, "reply_ms", s->reply_ms);
    optional_ms(&j, "first_reply_after_ms", s->first_reply_ms);
    vg_json_str(&j, "out", s->out);
    vg_json_end(&j);
    print_line(&b);
}

/* --- for people ------------------------------------------------------------------------------------------
 */

static void show_caller(struct call_view *v, const json_t *message, bool final)
{
    if (!final && !v->tty)
        return;
    turn_to(v, CALLER);
    if (v->tty)
        printf("\r\033[K");
    if (final)
        printf("%syou%s     %s\n", BOLD(v), PLAIN(v), text_of(message, "text"));
    else
        printf("%syou     %s%s", DIM(v), text_of(message, "text"), PLAIN(v));
    if (final)
        v->speaker = NOBODY;
}

static void show_agent(struct call_view *v, const json_t *message)
{
    const char *text = text_of(message, "text");
    if (*text) {
        if (v->speaker != AGENT) {
            turn_to(v, AGENT);
            printf("%sagent%s   ", BOLD(v), PLAIN(v));
        }
        fputs(text, stdout); /* clauses carry the blanks between them */
    }
    if (json_is_true(json_object_get(message, "final")))
        turn_to(v, NOBODY);
}

void call_view_break(struct call_view *v)
{
    if (!v->json)
        turn_to(v, NOBODY);
    fflush(stdout);
}

void call_view_note(struct call_view *v, const char *format, ...)
{
    if (v->json)
        return;
    va_list ap;
    turn_to(v, NOBODY);
    printf("%s        ", DIM(v));
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf("%s\n", PLAIN(v));
}

static void show_ready(struct call_view *v, const json_t *message)
{
    const json_t *stt = json_object_get(message, "stt");
    if (number_of(message, "seq") > 1) /* the answer to our `config` */
        return;
    if (json_is_false(json_object_get(stt, "open_speech")))
        call_view_note(v, "this call does not understand open speech (recogniser %s, language %s)",
                       text_of(stt, "engine"), text_of(message, "language"));
}

void call_view_message(struct call_view *v, const json_t *message, int64_t at_ms, size_t audio_bytes)
{
    const char *type = text_of(message, "type");
    if (v->json) {
        message_json(message, at_ms, audio_bytes);
        return;
    }
    if (strcmp(type, "transcript_interim") == 0)
        show_caller(v, message, false);
    else if (strcmp(type, "transcript_final") == 0)
        show_caller(v, message, true);
    else if (strcmp(type, "response") == 0)
        show_agent(v, message);
    else if (strcmp(type, "ready") == 0)
        show_ready(v, message);
    else if (strcmp(type, "interrupted") == 0)
        call_view_note(v, "interrupted after %lld ms", number_of(message, "played_ms"));
    else if (strcmp(type, "handoff") == 0)
        call_view_note(v, "handed to a person: %s, queue %s", text_of(message, "status"),
                       text_of(message, "queue"));
    else if (strcmp(type, "dtmf") == 0)
        call_view_note(v, "key %s", text_of(message, "digit"));
    else if (strcmp(type, "error") == 0)
        call_view_note(v, "error %s: %s", text_of(message, "code"), text_of(message, "message"));
    fflush(stdout);
}

void call_view_summary(struct call_view *v, const struct call_summary *s)
{
    if (v->json) {
        summary_json(s);
        return;
    }
    call_view_note(v, "ended (%s): %u turn%s, %.1f s of reply%s%s", s->end_reason, s->turns,
                   s->turns == 1 ? "" : "s", (double)s->reply_ms / 1000, s->out ? " in " : "",
                   s->out ? s->out : "");
    if (s->first_reply_ms >= 0)
        call_view_note(v, "the first answer came %lld ms after the words before it",
                       (long long)s->first_reply_ms);
}
