/* Handoff as the call sees it: the caller is told, the agent holds back until the desk accepts, declines or
 * completes. The queue itself is in PostgreSQL (store/handoffs.h). Owner's loop. */
#include "call/call_handoff.h"

#include <string.h>

#include "base/log.h"
#include "call/call_create.h"
#include "call/call_internal.h"
#include "obs/metrics.h"

static void tell_handoff(struct vg_call *c, const char *status, const char *queue, int wait_seconds)
{
    struct vg_leg_out out = {.type = VG_OUT_HANDOFF,
                             .code = c->handoff_id,
                             .text = status,
                             .queue = queue,
                             .number = wait_seconds};
    call_tell(c, &out);
    vg_count1(handoffs_total, status);
    vg_log_info("call.handoff", "call_id=%s handoff_id=%s status=%s", c->spec->call_id, c->handoff_id,
                status);
}

static void queued(struct vg_call *c, const char *handoff_id, const char *queue, int wait_seconds,
                   bool announce)
{
    snprintf(c->handoff_id, sizeof c->handoff_id, "%s", handoff_id);
    c->handoff = HANDOFF_QUEUED;
    vg_count1(call_events_total, "handoff");
    tell_handoff(c, "queued", queue, wait_seconds);
    if (announce) {
        reply_interrupt(c, "handoff");
        reply_say(c, reply_please_hold(c->language), c->language);
    }
}

void call_request_handoff(struct vg_call *c, const char *reason)
{
    if (c->handoff != HANDOFF_NONE)
        return;
    char id[VG_ID_SIZE];
    vg_id_new(id, VG_ID_HANDOFF);
    call_record_handoff(c, id, "general", reason);
    queued(c, id, "general", HANDOFF_WAIT_UNKNOWN_S, false); /* the reply has said so */
}

static void set_status(struct vg_call *c, enum vg_call_status status)
{
    c->state.status = status;
    call_publish_state(c);
    call_record_state(c);
    call_show_live(c->entry);
}

static void apply(struct vg_call *c, const struct vg_handoff_notice *n)
{
    switch (n->change) {
    case VG_HANDOFF_REQUESTED:
        /* Whoever asks again gets the handoff that is open; the caller has been told of it. */
        if (c->handoff == HANDOFF_NONE || strcmp(c->handoff_id, n->handoff_id) != 0)
            queued(c, n->handoff_id, n->queue, n->estimated_wait_seconds, true);
        break;
    case VG_HANDOFF_ACCEPTED:
        c->handoff = HANDOFF_ACCEPTED;
        reply_interrupt(c, "handoff");
        set_status(c, VG_CALL_HANDED_OFF);
        tell_handoff(c, "accepted", n->queue, 0);
        break;
    case VG_HANDOFF_DECLINED:
        c->handoff = HANDOFF_NONE;
        tell_handoff(c, "declined", n->queue, 0);
        reply_interrupt(c, "handoff"); /* "please hold" may still be spoken */
        reply_say(c, reply_nobody_free(c->language), c->language);
        break;
    case VG_HANDOFF_COMPLETED:
        tell_handoff(c, "completed", n->queue, 0);
        call_finish(c, "handoff_completed", VG_CALL_ENDED);
        break;
    }
}

struct notice_job {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
    struct vg_handoff_notice notice;
};

static void run_notice(struct vg_message *msg)
{
    struct notice_job *job = VG_MESSAGE_OF(msg, struct notice_job, message);
    struct vg_call *c = job->entry->call;
    if (c && !c->ending)
        apply(c, &job->notice);
    vg_call_entry_put(job->entry);
    free(job);
}

void vg_call_handoff(struct vg_call_entry *entry, const struct vg_handoff_notice *notice)
{
    struct vg_shard *owner = vg_call_owner(entry);
    struct notice_job *job = owner ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return;
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    *job = (struct notice_job){.message.handle = run_notice, .entry = entry, .notice = *notice};
    vg_loop_post(owner->loop, &job->message);
}
