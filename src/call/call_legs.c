/* Legs that come, are lost and come again: attach, resume, take-over. Owner's loop. */
#include "base/clock.h"
#include "base/log.h"
#include "call/call_internal.h"

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_INTERNAL = 1011,
    CLOSE_GONE = 4404,
    CLOSE_TAKEN_OVER = 4409,
};

void call_leg_gone(struct vg_call *c, struct vg_leg_host *host)
{
    if (c->host == host && !c->ending)
        vg_log_info("call.connection_lost", "call_id=%s", c->spec->call_id);
    c->detached_us = vg_loop_now_us(c->shard->loop);
    c->state.connected = false;
    call_publish_state(c);
    vg_media_set_connected(c->media, false);
    c->host_closing = true;
    c->host = NULL;
    host_close(host, CLOSE_NORMAL, "");
}

static void take_next_leg(struct vg_call *c)
{
    struct vg_leg *leg = c->next_leg;
    c->next_leg = NULL;
    struct vg_leg_host *host = host_new(c, leg);
    if (!host) {
        leg->ops->close(leg, CLOSE_INTERNAL, "out of memory");
        return;
    }
    c->host = host;
    struct vg_leg_settings s = leg->settings;
    s.lead_ms = c->settings.lead_ms;
    s.endpointing_ms = c->settings.endpointing_ms;
    s.barge_in = c->settings.barge_in;
    if (call_apply_settings(c, &s))
        vg_log_warn("call.resume_settings", "call_id=%s", c->spec->call_id);
    vg_media_set_connected(c->media, true);
    c->state.connected = true;
    call_publish_state(c);
    call_send_ready(c, true);
    call_outbox_replay(c, c->next_last_seq);
    vg_log_info("call.resumed", "call_id=%s", c->spec->call_id);
}

void call_leg_closed(struct vg_call *c)
{
    c->host_closing = false;
    if (c->ending)
        call_free_if_done(c);
    else if (c->next_leg)
        take_next_leg(c);
}

static void resume(struct vg_call *c, struct vg_leg *leg, uint64_t last_seq)
{
    c->next_leg = leg;
    c->next_last_seq = last_seq;
    if (c->host) {
        struct vg_leg_host *old = c->host;
        c->host = NULL;
        c->host_closing = true;
        c->detached_us = vg_loop_now_us(c->shard->loop);
        host_close(old, CLOSE_TAKEN_OVER, "taken over by another connection");
    } else if (!c->host_closing) {
        take_next_leg(c);
    }
}

struct resume_job {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
    struct vg_leg *leg;
    uint64_t last_seq;
};

static void refuse_leg(struct vg_message *msg)
{
    struct resume_job *job = VG_MESSAGE_OF(msg, struct resume_job, message);
    job->leg->ops->close(job->leg, CLOSE_GONE, "the call has ended");
    vg_call_entry_put(job->entry);
    free(job);
}

static void run_resume(struct vg_message *msg)
{
    struct resume_job *job = VG_MESSAGE_OF(msg, struct resume_job, message);
    struct vg_call *c = job->entry->call;
    if (!c || c->ending || c->next_leg) {
        msg->handle = refuse_leg;
        vg_loop_post(job->leg->loop, msg);
        return;
    }
    resume(c, job->leg, job->last_seq);
    vg_call_entry_put(job->entry);
    free(job);
}

int vg_call_attach(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_leg *leg, bool resuming,
                   uint64_t last_seq)
{
    if (!resuming)
        return call_attach_first(shard, entry, leg);
    if (!entry->owner)
        return VG_ESTATE;
    struct resume_job *job = calloc(1, sizeof *job);
    if (!job)
        return VG_ENOMEM;
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    *job =
        (struct resume_job){.message.handle = run_resume, .entry = entry, .leg = leg, .last_seq = last_seq};
    vg_loop_post(entry->owner->loop, &job->message);
    return 0;
}
