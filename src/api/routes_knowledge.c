/* A tenant's knowledge: POST /ingest, GET and DELETE /ingest/{document_id}, POST /rag/query. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "bus/events.h"
#include "obs/metrics.h"
#include "obs/trace.h"
#include "proto/rest_in.h"
#include "store/knowledge.h"

/* --- ingest ----------------------------------------------------------------------------------------------- */

struct ingest_request {
    struct vg_rest_ingest body;
    char *content;
    size_t content_bytes;
    char *metadata;
    char document_id[VG_ID_SIZE];
    uint32_t version;
};

static void free_ingest(void *state)
{
    struct ingest_request *q = state;
    vg_rest_free(&q->body.json);
    free(q->content);
    free(q->metadata);
    free(q);
}

void handle_ingest(struct exchange *ex)
{
    struct ingest_request *q = exchange_take_body(ex, BODY_INGEST, sizeof *q, free_ingest);
    struct vg_bind_details details = {0};
    if (!q)
        return;
    if (!exchange_may_act_for(ex, q->body.tenant_id)) {
        exchange_answer(ex);
    } else if (vg_rest_ingest_content(&q->body, &q->content, &q->content_bytes, &details)) {
        exchange_set_invalid(ex, &details);
        exchange_answer(ex);
    } else {
        q->metadata = q->body.metadata ? json_dumps(q->body.metadata, JSON_COMPACT) : NULL;
        exchange_work(ex, NULL);
    }
}

static void set_ingest_error(struct exchange *ex, int err)
{
    const char *message = err == VG_EPARSE    ? "there is no text in this document"
                          : err == VG_ETOOBIG ? "the document is larger than 4 MiB"
                                              : NULL;
    enum vg_error_id id = err == VG_EPARSE || err == VG_EINVAL ? VG_ERROR_VALIDATION : vg_error_from_err(err);
    vg_count1(ingest_documents_total, "refused");
    exchange_set_error(ex, id, message, NULL);
}

void work_ingest(struct exchange *ex, struct vg_pg *pg)
{
    struct ingest_request *q = ex->state;
    struct vg_document_input input = {
        .source = q->body.source,
        .title = q->body.title,
        .content_type = vg_rest_content_name((enum vg_rest_content)q->body.content_type),
        .content = q->content,
        .content_bytes = q->content_bytes,
        .metadata = q->metadata,
    };
    struct vg_document *d;
    int err = vg_knowledge_ingest(pg, q->body.tenant_id, &input, ex->job.deadline_us, &d);
    if (err) {
        set_ingest_error(ex, err);
        return;
    }
    memcpy(q->document_id, d->id, sizeof q->document_id);
    q->version = d->version;
    ex->status = 202;
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "document_id", d->id);
    vg_json_int(&j, "version", d->version);
    vg_json_str(&j, "status", d->status);
    vg_json_end(&j);
    vg_document_free(d);
    vg_count1(ingest_documents_total, "stored");
}

void after_ingest(struct exchange *ex)
{
    const struct ingest_request *q = ex->state;
    struct vg_buf data = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "tenant_id", q->body.tenant_id);
    vg_json_str(&j, "document_id", q->document_id);
    vg_json_int(&j, "version", q->version);
    vg_json_str(&j, "source", q->body.source);
    vg_json_end(&j);
    vg_bus_event(ex->api->shard->bus, VG_EVENT_INGEST_QUEUED, NULL, vg_utc_us(), vg_buf_str(&data));
    vg_buf_free(&data);
}

/* --- documents -------------------------------------------------------------------------------------------- */

/* The tenant of a document route; sets the error if the operator did not name one. */
static const char *document_tenant(struct exchange *ex)
{
    const char *tenant = exchange_tenant(ex, vg_http_query(ex->request, "tenant_id"));
    if (!tenant)
        exchange_set_error(ex, VG_ERROR_VALIDATION, "the operator names the tenant by ?tenant_id=", NULL);
    return tenant;
}

void work_document_get(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_document *d;
    const char *tenant = document_tenant(ex);
    if (!tenant)
        return;
    int err = vg_knowledge_load(pg, tenant, ex->params[0], ex->job.deadline_us, &d);
    if (err) {
        exchange_set_error(ex, err == VG_EPARSE ? VG_ERROR_NOT_FOUND : vg_error_from_err(err), NULL, NULL);
        return;
    }
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "document_id", d->id);
    vg_json_int(&j, "version", d->version);
    vg_json_str(&j, "status", d->status);
    vg_json_str(&j, "source", d->source);
    vg_json_str(&j, "title", d->title);
    vg_json_str(&j, "content_type", d->content_type);
    vg_json_int(&j, "passages", d->passage_count);
    vg_json_raw(&j, "metadata", *d->metadata ? d->metadata : "{}");
    vg_json_seconds(&j, "created_at", d->created_at_us);
    vg_json_seconds(&j, "updated_at", d->updated_at_us);
    vg_json_end(&j);
    vg_document_free(d);
}

void work_document_delete(struct exchange *ex, struct vg_pg *pg)
{
    const char *tenant = document_tenant(ex);
    if (!tenant)
        return;
    int err = vg_knowledge_delete(pg, tenant, ex->params[0], ex->job.deadline_us);
    if (err)
        exchange_set_error(ex, err == VG_EPARSE ? VG_ERROR_NOT_FOUND : vg_error_from_err(err), NULL, NULL);
    else
        ex->status = 204;
}

/* --- query ------------------------------------------------------------------------------------------------ */

struct query_request {
    struct vg_rest_rag_query body;
    char *filters;
    int64_t begun_us;
};

static void free_query(void *state)
{
    struct query_request *q = state;
    vg_rest_free(&q->body.json);
    free(q->filters);
    free(q);
}

void handle_rag_query(struct exchange *ex)
{
    struct query_request *q = exchange_take_body(ex, BODY_RAG_QUERY, sizeof *q, free_query);
    if (!q)
        return;
    if (!exchange_may_act_for(ex, q->body.tenant_id)) {
        exchange_answer(ex);
        return;
    }
    ex->span = exchange_span(ex, "rag_query");
    q->begun_us = vg_mono_us();
    q->filters = q->body.filters ? json_dumps(q->body.filters, JSON_COMPACT) : NULL;
    exchange_work(ex, NULL);
}

void work_rag_query(struct exchange *ex, struct vg_pg *pg)
{
    struct query_request *q = ex->state;
    struct vg_found *found;
    int err = vg_knowledge_search(pg, q->body.tenant_id, NULL, q->body.query, q->filters, (unsigned)q->body.top_k,
                                  ex->job.deadline_us, &found);
    vg_count1(rag_queries_total, err ? "failed" : "answered");
    if (err) {
        vg_span_error(ex->span, vg_strerror(err));
        exchange_set_error(ex, vg_error_from_err(err), NULL, NULL);
        return;
    }
    vg_span_int(ex->span, "results", (int64_t)found->count);
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_array(&j, "results");
    for (size_t i = 0; i < found->count; i++) {
        vg_json_object(&j, NULL);
        vg_json_str(&j, "text", found->items[i].text);
        vg_json_str(&j, "source", found->items[i].source);
        vg_json_num(&j, "score", found->items[i].score, 4);
        vg_json_raw(&j, "metadata", found->items[i].metadata);
        vg_json_end(&j);
    }
    vg_json_end(&j);
    vg_json_num(&j, "took_ms", (double)(vg_mono_us() - q->begun_us) / 1000.0, 2);
    vg_json_end(&j);
    vg_found_free(found);
}
