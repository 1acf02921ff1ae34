/* Starting a call and giving its places back: lease, spool, live state in Redis, announcements. All of it on
 * the home shard, whose Redis side keeps lease and live state alive. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "bus/bus.h"
#include "bus/events.h"
#include "call/call.h"
#include "call/call_create.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/nursery.h"
#include "obs/metrics.h"
#include "store/record_body.h"
#include "store/spool.h"

struct creation {
    struct vg_shard *shard;
    struct vg_call_spec *spec; /* until the entry owns it */
    struct vg_call_entry *entry;
    struct vg_lease_result lease;
    struct vg_timer *deadline; /* of the spool's acknowledgement */
    bool told;                 /* `done` was called: what comes now is late */
    unsigned steps;            /* not done yet, of the two that go side by side: spool and live state */
    int err;                   /* of the spool */
    vg_call_created_fn done;
    void *arg;
};

static void creation_free(struct creation *k)
{
    vg_timer_free(k->deadline);
    if (k->entry)
        vg_call_entry_put(k->entry);
    vg_call_spec_free(k->spec);
    free(k);
}

static void creation_end(struct creation *k, int err)
{
    k->done(k->arg, err, err ? NULL : k->entry, k->lease.limit, k->lease.used);
    creation_free(k);
}

/* --- live state and announcements ------------------------------------------------------------------------
 */

static void write_live(struct vg_buf *b, const struct vg_call_entry *e, const struct vg_call_snapshot *s)
{
    struct vg_call_out call = vg_call_out_of(e->spec, s);
    struct vg_json j = vg_json_start(b);
    vg_json_object(&j, NULL);
    vg_json_int(&j, "v", 1);
    vg_call_out_members(&j, &call);
    vg_json_str(&j, "instance", e->home->instance_id);
    vg_json_int(&j, "owner_epoch", 1);
    vg_json_end(&j);
}

struct live_job {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
};

static void run_live(struct vg_message *msg)
{
    struct live_job *job = VG_MESSAGE_OF(msg, struct live_job, message);
    struct vg_call_entry *e = job->entry;
    struct vg_call_snapshot s = vg_calls_look(e->home->calls, e);
    if (s.status < VG_CALL_ENDED) {
        struct vg_buf b = VG_BUF_INIT;
        write_live(&b, e, &s);
        if (!b.failed)
            vg_bus_live_put(e->home->bus, e->spec->call_id, vg_buf_str(&b));
        vg_buf_free(&b);
    } else {
        vg_bus_lease_drop(e->home->bus, e->spec->tenant_id, e->spec->call_id);
        vg_bus_live_drop(e->home->bus, e->spec->call_id);
    }
    vg_call_entry_put(e);
    free(job);
}

void call_show_live(struct vg_call_entry *e)
{
    struct live_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    *job = (struct live_job){.message.handle = run_live, .entry = e};
    if (vg_loop_here(e->home->loop))
        run_live(&job->message);
    else
        vg_loop_post(e->home->loop, &job->message);
}

void call_release(struct vg_call_entry *e)
{
    if (vg_calls_release(e->home->calls, e))
        call_show_live(e); /* it has ended: drops lease and live state */
}

void call_announce(struct vg_bus *bus, const struct vg_call_spec *spec, const char *channel,
                   const char *data_json)
{
    struct vg_buf payload = VG_BUF_INIT;
    vg_event_write(&payload, channel, spec->call_id, vg_utc_us(), data_json);
    if (!payload.failed)
        vg_bus_publish(bus, channel, payload.data, payload.len);
    vg_buf_free(&payload);
}

static void announce_started(const struct creation *k)
{
    const struct vg_call_spec *spec = k->entry->spec;
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "tenant_id", spec->tenant_id);
    vg_json_str(&j, "session_id", spec->session_id);
    vg_json_str(&j, "user_id", *spec->user_id ? spec->user_id : NULL);
    vg_json_str(&j, "agent_id", spec->agent_id);
    vg_json_str(&j, "language", spec->language);
    vg_json_str(&j, "channel", spec->channel);
    vg_json_end(&j);
    call_announce(k->shard->bus, spec, "call.started", vg_buf_str(&data));
    vg_buf_free(&data);
}

/* What a client or an operator's program writes as its reason is for the record, not for the metrics. */
static const char *reason_label(const char *reason)
{
    static const char *const KNOWN[] = {"client_ended",        "client_closed",         "api_request",
                                        "agent_ended",         "connection_lost",       "max_duration",
                                        "server_draining",     "handoff_completed",     VG_CALL_TOKEN_REVOKED,
                                        VG_CALL_TOKEN_EXPIRED, VG_CALL_TENANT_SUSPENDED};
    for (size_t i = 0; i < VG_COUNT_OF(KNOWN); i++) {
        if (strcmp(reason, KNOWN[i]) == 0)
            return KNOWN[i];
    }
    return "custom";
}

void call_announce_ended(struct vg_bus *bus, const struct vg_call_spec *spec,
                         const struct vg_call_snapshot *s)
{
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "tenant_id", spec->tenant_id);
    vg_json_str(&j, "session_id", spec->session_id);
    vg_json_str(&j, "reason", s->end_reason);
    vg_json_seconds(&j, "duration_seconds", s->duration_us);
    vg_json_int(&j, "turns", s->turns);
    vg_json_end(&j);
    call_announce(bus, spec, "call.ended", vg_buf_str(&data));
    vg_buf_free(&data);
    vg_count1(calls_ended_total, reason_label(s->end_reason));
    vg_count1(call_events_total, "ended");
    vg_log_info("call.ended", "call_id=%s tenant_id=%s reason=%s duration_ms=%lld turns=%u", spec->call_id,
                spec->tenant_id, s->end_reason, (long long)(s->duration_us / VG_US_PER_MS), s->turns);
}

/* --- the steps of a start: lease, place, then spool and live state side by side --------------------------
 */

static void not_recorded(struct creation *k, int err)
{
    vg_log_error("call.start_not_recorded", "call_id=%s error=%s", k->entry->spec->call_id, vg_strerror(err));
    if (vg_calls_end_unclaimed(k->shard->calls, k->entry, "record_failed") == 0)
        call_release(k->entry);
}

/* The spool hangs. Its acknowledgement still comes, and `k` with it, so that this answers and frees nothing.
 */
static void on_deadline(void *arg)
{
    struct creation *k = arg;
    vg_count1(spool_timeouts_total, "start");
    not_recorded(k, VG_ETIMEOUT);
    k->told = true;
    k->done(k->arg, VG_ETIMEOUT, NULL, k->lease.limit, k->lease.used);
}

/* One of the two is done; after both the call is there for everybody. */
static void step_end(struct creation *k)
{
    if (--k->steps > 0)
        return;
    if (k->told) { /* nobody was told of this call: it is recorded as ended */
        if (!k->err)
            call_record_unclaimed_end(k->shard, k->entry);
        creation_free(k);
        return;
    }
    if (k->err) {
        not_recorded(k, k->err);
        creation_end(k, VG_EIO);
        return;
    }
    vg_count1(calls_started_total, k->entry->spec->channel);
    vg_count1(call_events_total, "started");
    announce_started(k);
    vg_log_info("call.started", "call_id=%s request_id=%s tenant_id=%s channel=%s language=%s",
                k->entry->spec->call_id, k->entry->spec->request_id, k->entry->spec->tenant_id,
                k->entry->spec->channel, k->entry->spec->language);
    creation_end(k, 0);
}

static void on_spooled(void *arg, int err)
{
    struct creation *k = arg;
    k->err = err;
    step_end(k);
}

/* Redis away or late is no error: the bus writes it when it can. */
static void on_live(void *arg, int err)
{
    (void)err;
    step_end(arg);
}

static void put_live(struct creation *k)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_call_snapshot s = vg_calls_look(k->shard->calls, k->entry);
    write_live(&b, k->entry, &s);
    if (b.failed)
        on_live(k, VG_ENOMEM);
    else
        vg_bus_live_put_then(k->shard->bus, k->entry->spec->call_id, b.data, on_live, k);
    vg_buf_free(&b);
}

static int spool_started(struct creation *k)
{
    const struct vg_call_spec *spec = k->entry->spec;
    struct vg_record_call_started body = {
        .session_id = spec->session_id,
        .user_id = *spec->user_id ? spec->user_id : NULL,
        .agent_id = spec->agent_id,
        .agent_version = spec->agent_version,
        .direction = spec->direction,
        .channel = spec->channel,
        .language = spec->language,
        .voice_id = spec->voice_id,
        .metadata = spec->metadata,
        .caller_number = *spec->caller_number ? spec->caller_number : NULL,
        .called_number = *spec->called_number ? spec->called_number : NULL,
        .started_at_us = spec->started_utc_us,
        .instance_id = k->shard->instance_id,
    };
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_call_started(&b, &body);
    struct vg_record_event event = {.kind = VG_RECORD_CALL_STARTED,
                                    .tenant_id = spec->tenant_id,
                                    .call_id = spec->call_id,
                                    .owner_epoch = 1,
                                    .ordinal = atomic_fetch_add(&k->entry->ordinal, 1) + 1,
                                    .body = vg_buf_str(&b)};
    int err = b.failed ? VG_ENOMEM : vg_spool_append(k->shard->spool, &event, k->shard->loop, on_spooled, k);
    vg_buf_free(&b);
    return err;
}

static void on_lease(void *arg, const struct vg_lease_result *lease)
{
    struct creation *k = arg;
    k->lease = *lease;
    if (!lease->granted) {
        vg_count1(capacity_refused_total, "tenant_calls");
        creation_end(k, VG_ELIMIT);
        return;
    }
    char call_id[VG_ID_SIZE], tenant_id[VG_ID_SIZE];
    memcpy(call_id, k->spec->call_id, sizeof call_id);
    memcpy(tenant_id, k->spec->tenant_id, sizeof tenant_id);
    int err = vg_calls_add(k->shard->calls, k->spec, k->shard, &k->entry);
    if (err) {
        vg_bus_lease_drop(k->shard->bus, tenant_id, call_id);
        creation_end(k, err);
        return;
    }
    k->spec = NULL;
    k->steps = 2;
    k->deadline = vg_timer_new(k->shard->loop, on_deadline, k);
    err = k->deadline ? spool_started(k) : VG_ENOMEM; /* its acknowledgement comes by the loop's mail */
    if (!err)
        vg_timer_start(k->deadline, VG_SPOOL_DEADLINE_US, 0);
    put_live(k);
    if (err)
        on_spooled(k, err);
}

void vg_call_create(struct vg_shard *shard, struct vg_call_spec *spec, uint32_t concurrent_limit,
                    vg_call_created_fn done, void *arg)
{
    struct creation *k = calloc(1, sizeof *k);
    if (!k) {
        vg_call_spec_free(spec);
        done(arg, VG_ENOMEM, NULL, concurrent_limit, 0);
        return;
    }
    *k = (struct creation){.shard = shard, .spec = spec, .done = done, .arg = arg};
    if (spec->stt_embedded && shard->env.nursery && !vg_nursery_alive(shard->env.nursery)) {
        vg_count1(capacity_refused_total, "engines");
        creation_end(k, VG_ECAPACITY); /* never a call that cannot hear */
        return;
    }
    if (shard->overloaded) {
        vg_count1(capacity_refused_total, "load");
        creation_end(k, VG_ECAPACITY);
        return;
    }
    vg_bus_lease_take(shard->bus, spec->tenant_id, spec->call_id, concurrent_limit, on_lease, k);
}
