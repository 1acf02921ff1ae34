/* What `voxgate call` shows: a conversation for people, or one JSON line an event for scripts. src/cli alone.
 */
#ifndef VG_CLI_CALL_VIEW_H
#define VG_CLI_CALL_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct call_view {
    bool json, tty;
    int speaker; /* whose line is open: 0 nobody, 1 the caller, 2 the agent */
};

/* What the call came to. Times in ms; -1: there was none. */
struct call_summary {
    const char *call_id, *session_id, *end_reason, *out;
    uint32_t turns, interruptions;
    int64_t sent_ms, reply_ms; /* of audio */
    int64_t first_reply_ms;    /* from the end of the caller's first words to the first sound */
    bool failed;
};

struct call_view call_view_new(bool json);
void call_view_started(struct call_view *v, const char *call_id, const char *session_id);
/* One message of the server, `at_ms` after the call was connected. */
void call_view_message(struct call_view *v, const json_t *message, int64_t at_ms, size_t audio_bytes);
/* For people only: a remark in a line of its own. */
void call_view_note(struct call_view *v, const char *format, ...) VG_PRINTF(2, 3);
/* Ends the line that is open, before something goes to standard error. */
void call_view_break(struct call_view *v);
void call_view_summary(struct call_view *v, const struct call_summary *s);

#endif
