/* One call as `voxgate call` makes it: speech out, messages and the reply in, until both sides are done. One
 * thread. src/cli alone. */
#ifndef VG_CLI_CALL_SESSION_H
#define VG_CLI_CALL_SESSION_H

#include "cli/call_options.h"
#include "cli/call_view.h"

struct mouth;
struct ws_client;

struct call_session {
    const struct call_options *options;
    struct ws_client *ws;
    struct mouth *mouth;
    struct call_view view;
    struct vg_decoder *decoder;
    const char *call_id, *session_id;
    /* Uplink. */
    int64_t opened_us, next_due_us, talk_from_us, talked_us; /* talked: the recording's end as it is heard */
    int64_t sent_us;                                         /* of audio */
    bool configured, holding;                                /* holding: silent until the greeting is over */
    bool said_text;                                          /* typed text and keys were sent */
    /* The conversation. */
    bool speaking, awaiting, greeted;
    int64_t last_event_us, words_end_us, typed_us, heard_until_us;
    uint32_t turns, interruptions;
    int64_t first_reply_ms, endpointing_ms;
    /* The reply: everything that was to be heard. */
    int16_t *reply;
    size_t reply_samples, reply_cap, turn_from;
    /* The end. */
    bool failed, ended, hanging_up;
    int64_t hang_up_us;
    char end_reason[64];
};

/* Runs the call over a connection that is open. False: it failed; a sentence went to standard error. */
bool call_session_run(struct call_session *s);
void call_session_clear(struct call_session *s);

/* Set by a signal: hang up. */
extern volatile int call_session_interrupted;

#endif
