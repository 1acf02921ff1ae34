/* POST /handoff and the desk's side of it. The context comes from the live call, the queue is in PostgreSQL,
 * and the call is told what changed. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "bus/events.h"
#include "call/call.h"
#include "obs/trace.h"
#include "proto/rest_in.h"
#include "store/handoffs.h"

struct handoff_request {
    struct vg_rest_handoff body;
    char *context;               /* JSON */
    char handoff_id[VG_ID_SIZE]; /* of the one that the call has open, "": none */
    bool repeated;               /* it was queued before, and announced then */
    struct vg_handoff_notice notice;
};

static void free_request(void *state)
{
    struct handoff_request *q = state;
    vg_rest_free(&q->body.json);
    free(q->context);
    free(q);
}

/* --- POST /handoff: context (call's loop) -> queue (worker) -> tell (loop) ---------------------------------
 */

static void work_create(struct exchange *ex, struct vg_pg *pg)
{
    struct handoff_request *q = ex->state;
    struct vg_handoffs *list;
    char id[VG_ID_SIZE];
    vg_id_new(id, VG_ID_HANDOFF);
    if (*q->handoff_id) /* the agent's own, which the spool may not have delivered yet */
        memcpy(id, q->handoff_id, sizeof id);
    int err = vg_handoff_create(pg, ex->call->spec->tenant_id, id, q->body.call_id, q->body.agent_queue,
                                q->body.reason, q->context, ex->job.deadline_us, &list);
    if (err) {
        exchange_set_error(ex, err == VG_ESTATE ? VG_ERROR_CALL_ENDED : vg_error_from_err(err), NULL, NULL);
        return;
    }
    const struct vg_handoff *h = &list->items[0];
    q->repeated = *q->handoff_id || strcmp(h->id, id) != 0;
    memcpy(q->notice.handoff_id, h->id, sizeof q->notice.handoff_id);
    snprintf(q->notice.queue, sizeof q->notice.queue, "%s", h->queue);
    q->notice.estimated_wait_seconds = (int)h->estimated_wait_s;
    snprintf(ex->location, sizeof ex->location, "/handoffs/%s", h->id);
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "status", "queued");
    vg_json_str(&j, "queue", h->queue);
    vg_json_int(&j, "estimated_wait_seconds", h->estimated_wait_s);
    vg_json_raw(&j, "context", q->repeated && *h->context ? h->context : q->context);
    vg_json_end(&j);
    vg_handoffs_free(list);
}

static void write_context(struct handoff_request *q, const struct vg_call_context *context)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "call_id", q->body.call_id);
    vg_json_str(&j, "reason", q->body.reason);
    vg_json_int(&j, "duration_seconds", context ? context->duration_us / VG_US_PER_S : 0);
    vg_json_raw(&j, "transcript", context ? context->transcript_json : "[]");
    vg_json_raw(&j, "intents", context ? context->intents_json : "[]");
    vg_json_str(&j, "sentiment", context ? context->sentiment : "neutral");
    vg_json_end(&j);
    q->context = vg_buf_take(&b);
}

static void on_context(void *arg, const struct vg_call_context *context)
{
    struct exchange *ex = arg;
    struct handoff_request *q = ex->state;
    write_context(q, context);
    if (context)
        memcpy(q->handoff_id, context->handoff_id, sizeof q->handoff_id);
    if (q->context)
        exchange_work(ex, work_create);
    else
        exchange_error_of(ex, VG_ENOMEM);
}

void after_handoff(struct exchange *ex)
{
    struct handoff_request *q = ex->state;
    q->notice.change = VG_HANDOFF_REQUESTED;
    vg_call_handoff(ex->call, &q->notice);
    if (!q->repeated)
        vg_bus_event(ex->api->shard->bus, VG_EVENT_HANDOFF_REQUESTED, q->body.call_id, vg_utc_us(),
                     vg_buf_str(&ex->body));
}

void handle_handoff(struct exchange *ex)
{
    struct handoff_request *q = exchange_take_body(ex, BODY_HANDOFF, sizeof *q, free_request);
    if (!q)
        return;
    ex->call = vg_calls_find(ex->api->shared->calls, q->body.call_id);
    const char *tenant = ex->call ? exchange_tenant(ex, ex->call->spec->tenant_id) : NULL;
    if (!ex->call || strcmp(ex->call->spec->tenant_id, tenant) != 0) {
        exchange_error(ex, VG_ERROR_NOT_FOUND, "there is no such live call", NULL);
        return;
    }
    struct vg_call_snapshot s = vg_calls_look(ex->api->shared->calls, ex->call);
    if (s.status >= VG_CALL_ENDED) {
        exchange_error(ex, VG_ERROR_CALL_ENDED, NULL, NULL);
        return;
    }
    ex->span = exchange_span(ex, "handoff");
    vg_span_str(ex->span, "call.id", q->body.call_id);
    vg_call_ask_context(ex->api->shard, ex->call, on_context, ex);
}

/* --- the desk ---------------------------------------------------------------------------------------------
 */

static void write_time(struct vg_json *j, const char *key, int64_t utc_us)
{
    char text[VG_ISO8601_SIZE];
    if (utc_us)
        vg_json_str(j, key, vg_iso8601(utc_us, text));
    else
        vg_json_null(j, key);
}

static void write_handoff(struct vg_json *j, const char *key, const struct vg_handoff *h)
{
    vg_json_object(j, key);
    vg_json_str(j, "id", h->id);
    vg_json_str(j, "callId", h->call_id);
    vg_json_str(j, "queue", h->queue);
    vg_json_str(j, "reason", h->reason);
    vg_json_str(j, "status", h->status);
    vg_json_int(j, "estimatedWaitSeconds", h->estimated_wait_s);
    vg_json_str(j, "acceptedBy", *h->accepted_by ? h->accepted_by : NULL);
    vg_json_raw(j, "context", *h->context ? h->context : "{}");
    write_time(j, "createdAt", h->created_at_us);
    write_time(j, "acceptedAt", h->accepted_at_us);
    write_time(j, "closedAt", h->closed_at_us);
    vg_json_end(j);
}

static void set_error_of(struct exchange *ex, int err)
{
    if (err == VG_ESTATE)
        exchange_set_error(ex, VG_ERROR_CONFLICT, "the handoff is not in a state that allows this", NULL);
    else
        exchange_set_error(ex, vg_error_from_err(err), NULL, NULL);
}

void work_handoff_list(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_handoffs *list;
    const char *tenant = exchange_tenant(ex, vg_http_query(ex->request, "tenant_id"));
    const char *limit = vg_http_query(ex->request, "limit");
    long n = limit ? strtol(limit, NULL, 10) : 50;
    if (!tenant || n < 1 || n > 500) {
        exchange_set_error(ex, VG_ERROR_VALIDATION, tenant ? "limit is 1 to 500" : "tenant_id is missing",
                           NULL);
        return;
    }
    int err =
        vg_handoff_list(pg, tenant, vg_http_query(ex->request, "queue"), vg_http_query(ex->request, "status"),
                        vg_http_query(ex->request, "cursor"), (unsigned)n, ex->job.deadline_us, &list);
    if (err) {
        set_error_of(ex, err);
        return;
    }
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_array(&j, "handoffs");
    for (size_t i = 0; i < list->count; i++)
        write_handoff(&j, NULL, &list->items[i]);
    vg_json_end(&j);
    vg_json_end(&j);
    vg_handoffs_free(list);
}

/* Keeps what the call must be told, answers with the handoff. Takes `list`. */
static void changed(struct exchange *ex, int err, struct vg_handoffs *list, enum vg_handoff_change change)
{
    if (err) {
        set_error_of(ex, err);
        return;
    }
    const struct vg_handoff *h = &list->items[0];
    struct handoff_request *q = calloc(1, sizeof *q);
    if (q) {
        q->notice.change = change;
        memcpy(q->notice.handoff_id, h->id, sizeof q->notice.handoff_id);
        snprintf(q->notice.queue, sizeof q->notice.queue, "%s", h->queue);
        ex->state = q;
        ex->state_free = free_request;
        ex->call = vg_calls_find(ex->api->shared->calls, h->call_id);
    }
    struct vg_json j = vg_json_start(&ex->body);
    write_handoff(&j, NULL, h);
    vg_handoffs_free(list);
}

/* The tenant whose handoff this is; sets the error if the operator did not say. */
static const char *desk_tenant(struct exchange *ex)
{
    const char *tenant = exchange_tenant(ex, vg_http_query(ex->request, "tenant_id"));
    if (!tenant)
        exchange_set_error(ex, VG_ERROR_VALIDATION, "the operator names the tenant by ?tenant_id=", NULL);
    return tenant;
}

void work_handoff_accept(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_handoffs *list = NULL;
    const char *tenant = desk_tenant(ex);
    if (!tenant)
        return;
    int err = vg_handoff_accept(pg, tenant, ex->params[0], ex->identity.key_id, ex->job.deadline_us, &list);
    changed(ex, err, list, VG_HANDOFF_ACCEPTED);
}

void work_handoff_decline(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_handoffs *list = NULL;
    struct vg_rest_reason body = {0};
    const char *tenant = desk_tenant(ex);
    if (!tenant || !exchange_read_body(ex, BODY_REASON, &body))
        return;
    int err = vg_handoff_decline(pg, tenant, ex->params[0], ex->identity.key_id, body.reason,
                                 ex->job.deadline_us, &list);
    changed(ex, err, list, VG_HANDOFF_DECLINED);
    vg_rest_free(&body.json);
}

void work_handoff_complete(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_handoffs *list = NULL;
    const char *tenant = desk_tenant(ex);
    if (!tenant)
        return;
    int err = vg_handoff_complete(pg, tenant, ex->params[0], NULL, ex->job.deadline_us, &list);
    changed(ex, err, list, VG_HANDOFF_COMPLETED);
}

void after_handoff_change(struct exchange *ex)
{
    const struct handoff_request *q = ex->state;
    if (q && ex->call)
        vg_call_handoff(ex->call, &q->notice);
}
