/* What the rest of the process asks of a call that lives on some shard's loop: end it, tell its context; and
 * the sweep over calls that nobody connected to. */
#include <string.h>

#include "base/clock.h"
#include "call/call_create.h"
#include "call/call_internal.h"
#include "config/config.h"

/* --- end -------------------------------------------------------------------------------------------------
 */

struct end_job {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
    struct end_waiter *waiter;
    char reason[64];
};

static void run_waiter(struct vg_message *msg)
{
    struct end_waiter *w = VG_MESSAGE_OF(msg, struct end_waiter, message);
    if (w->done)
        w->done(w->arg, w->err);
    free(w);
}

static void run_end(struct vg_message *msg)
{
    struct end_job *job = VG_MESSAGE_OF(msg, struct end_job, message);
    struct vg_call *c = job->entry->call;
    struct end_waiter *w = job->waiter;
    if (!c || c->end_told) {
        w->err = c && c->recorder.late ? VG_ETIMEOUT : 0;
        vg_loop_post(w->loop, &w->message);
    } else {
        w->next = c->end_waiters;
        c->end_waiters = w;
        call_finish(c, job->reason, VG_CALL_ENDED);
    }
    vg_call_entry_put(job->entry);
    free(job);
}

/* The end of a call that nobody ever connected to. */
static void end_unclaimed(struct vg_shard *from, struct vg_call_entry *entry)
{
    struct vg_call_snapshot s = vg_calls_look(from->calls, entry);
    call_record_unclaimed_end(from, entry);
    call_announce_ended(from->bus, entry->spec, &s);
    call_release(entry);
}

void vg_call_end(struct vg_shard *from, struct vg_call_entry *entry, const char *reason,
                 vg_call_ended_fn done, void *arg)
{
    if (vg_calls_end_unclaimed(from->calls, entry, reason) == 0) {
        end_unclaimed(from, entry);
    }
    struct vg_shard *owner = vg_call_owner(entry);
    struct end_job *job = owner ? calloc(1, sizeof *job) : NULL;
    struct end_waiter *w = job ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        free(job);
        if (done)
            done(arg, 0);
        return;
    }
    *w = (struct end_waiter){.message.handle = run_waiter, .loop = from->loop, .done = done, .arg = arg};
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    *job = (struct end_job){.message.handle = run_end, .entry = entry, .waiter = w};
    snprintf(job->reason, sizeof job->reason, "%s", reason);
    vg_loop_post(owner->loop, &job->message);
}

/* --- context ---------------------------------------------------------------------------------------------
 */

struct context_job {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
    struct vg_loop *loop;
    vg_call_context_fn done;
    void *arg;
    bool live;
    char *transcript, *intents;
    char handoff_id[VG_ID_SIZE];
    const char *sentiment; /* static */
    int64_t duration_us;
};

static void give_context(struct vg_message *msg)
{
    struct context_job *job = VG_MESSAGE_OF(msg, struct context_job, message);
    struct vg_call_context context = {.handoff_id = job->handoff_id,
                                      .transcript_json = job->transcript,
                                      .intents_json = job->intents,
                                      .sentiment = job->sentiment,
                                      .duration_us = job->duration_us};
    job->done(job->arg, job->live && job->transcript && job->intents ? &context : NULL);
    vg_call_entry_put(job->entry);
    free(job->transcript);
    free(job->intents);
    free(job);
}

static void take_context(struct vg_message *msg)
{
    struct context_job *job = VG_MESSAGE_OF(msg, struct context_job, message);
    struct vg_call *c = job->entry->call;
    if (c && !c->ending) {
        job->live = true;
        job->transcript = strdup(call_transcript_json(c));
        job->intents = strdup(call_intents_json(c));
        job->sentiment = call_sentiment(c);
        if (c->handoff != HANDOFF_NONE)
            memcpy(job->handoff_id, c->handoff_id, sizeof job->handoff_id);
        job->duration_us = vg_loop_now_us(c->shard->loop) - c->attached_us;
    }
    msg->handle = give_context;
    vg_loop_post(job->loop, msg);
}

void vg_call_ask_context(struct vg_shard *from, struct vg_call_entry *entry, vg_call_context_fn done,
                         void *arg)
{
    struct vg_shard *owner = vg_call_owner(entry);
    struct context_job *job = owner ? calloc(1, sizeof *job) : NULL;
    if (!job) {
        done(arg, NULL);
        return;
    }
    atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
    *job = (struct context_job){
        .message.handle = take_context, .entry = entry, .loop = from->loop, .done = done, .arg = arg};
    vg_loop_post(owner->loop, &job->message);
}

/* --- sweep -----------------------------------------------------------------------------------------------
 */

void vg_call_sweep(struct vg_shard *shard)
{
    enum { BATCH = 64, KEEP_ENDED_S = 300 };
    struct vg_call_entry *ready[BATCH];
    size_t n = vg_calls_sweep(shard->calls, shard, vg_utc_us() - (int64_t)KEEP_ENDED_S * VG_US_PER_S,
                              vg_mono_us() - shard->config->ready_seconds * VG_US_PER_S, ready, BATCH);
    for (size_t i = 0; i < n; i++) {
        vg_call_end(shard, ready[i], "not_connected", NULL, NULL);
        vg_call_entry_put(ready[i]);
    }
}
