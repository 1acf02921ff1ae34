/* One REST request on its way; see exchange.h. */
#include "api/exchange.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "obs/metrics.h"
#include "obs/trace.h"

enum { WORK_DEADLINE_US = 10 * VG_US_PER_S };

/* --- answering --------------------------------------------------------------------------------------------
 */

static void exchange_free(struct exchange *ex)
{
    if (ex->state && ex->state_free)
        ex->state_free(ex->state);
    vg_call_entry_put(ex->call);
    vg_tenant_put(ex->identity.tenant);
    vg_buf_free(&ex->body);
    vg_span_end(ex->span);
    free(ex);
}

static void add_header(struct vg_http_response *r, const char *name, const char *value)
{
    for (int i = 0; i < VG_HTTP_HEADERS_MAX - 1; i++) {
        if (!r->headers[i].name) {
            r->headers[i] = (struct vg_http_header){name, value};
            return;
        }
    }
}

static void count(const struct exchange *ex)
{
    const char *endpoint = ex->route ? ex->route->path : "other";
    int64_t took = vg_mono_us() - vg_http_arrival_us(ex->request);
    vg_metric_add(VG_M_requests_total, vg_http_method(ex->request), endpoint, 1);
    vg_observe_us(request_duration_seconds, took);
    vg_log_debug("http.request", "request_id=%s method=%s endpoint=%s status=%d took_us=%lld",
                 vg_http_request_id(ex->request), vg_http_method(ex->request), endpoint, ex->status,
                 (long long)took);
}

void exchange_answer(struct exchange *ex)
{
    char limit[VG_TEXT_INT_SIZE], remaining[VG_TEXT_INT_SIZE], reset[VG_TEXT_INT_SIZE];
    struct vg_http_response r = {.status = ex->status,
                                 .content_type = ex->content_type,
                                 .body = vg_buf_str(&ex->body),
                                 .body_bytes = ex->body.len};
    if (ex->rated) {
        vg_text_int(limit, ex->rate.limit);
        vg_text_int(remaining, ex->rate.remaining);
        vg_text_int(reset, ex->rate.reset_seconds);
        add_header(&r, "RateLimit-Limit", limit);
        add_header(&r, "RateLimit-Remaining", remaining);
        add_header(&r, "RateLimit-Reset", reset);
    }
    if (*ex->retry_after)
        add_header(&r, "Retry-After", ex->retry_after);
    if (*ex->location)
        add_header(&r, ex->status == 405 ? "Allow" : "Location", ex->location);
    if (ex->status == 426)
        add_header(&r, "Upgrade", "websocket");
    if (ex->status == 401)
        add_header(&r, "WWW-Authenticate", "Bearer");
    for (size_t i = 0; i < VG_COUNT_OF(ex->headers) && ex->headers[i].name; i++)
        add_header(&r, ex->headers[i].name, ex->headers[i].value);
    count(ex);
    if (ex->body.failed) {
        static const char SHORT[] = "{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":\"out of memory\"}}";
        r.status = 500;
        r.body = SHORT;
        r.body_bytes = sizeof SHORT - 1;
    }
    vg_http_reply(ex->request, &r);
    exchange_free(ex);
}

void exchange_set_error(struct exchange *ex, enum vg_error_id id, const char *message, const char *details)
{
    const struct vg_error_info *info = vg_error_info(id);
    vg_buf_reset(&ex->body);
    ex->status = info->http_status;
    ex->content_type = NULL;
    vg_error_write(&ex->body, id, message, details, vg_http_request_id(ex->request));
    if ((ex->status == 503 || ex->status == 429) && !*ex->retry_after)
        snprintf(ex->retry_after, sizeof ex->retry_after, "1");
    if (ex->status >= 500)
        vg_log_warn("http.error", "request_id=%s endpoint=%s code=%s", vg_http_request_id(ex->request),
                    ex->route ? ex->route->path : "other", info->code);
}

void exchange_error(struct exchange *ex, enum vg_error_id id, const char *message, const char *details)
{
    exchange_set_error(ex, id, message, details);
    exchange_answer(ex);
}

void exchange_error_of(struct exchange *ex, int err)
{
    exchange_error(ex, vg_error_from_err(err), NULL, NULL);
}

void exchange_set_invalid(struct exchange *ex, const struct vg_bind_details *details)
{
    struct vg_buf list = VG_BUF_INIT, message = VG_BUF_INIT;
    const struct vg_bind_detail *first = details->count ? &details->list[0] : NULL;
    vg_bind_details_write(&list, details);
    if (first)
        vg_buf_printf(&message, "%s %s", *first->field ? first->field : "the body", first->message);
    exchange_set_error(ex, VG_ERROR_VALIDATION, first ? vg_buf_str(&message) : NULL, vg_buf_str(&list));
    vg_buf_free(&list);
    vg_buf_free(&message);
}

/* --- workers ----------------------------------------------------------------------------------------------
 */

static int run_work(struct vg_job *job, void *worker_state)
{
    struct exchange *ex = VG_MESSAGE_OF(job, struct exchange, job);
    ex->job_work(ex, worker_state);
    return 0;
}

static void work_done(struct vg_job *job, int err)
{
    struct exchange *ex = VG_MESSAGE_OF(job, struct exchange, job);
    if (err)
        exchange_set_error(ex, err == VG_ETIMEOUT ? VG_ERROR_TIMEOUT : VG_ERROR_UNAVAILABLE, NULL, NULL);
    else if (ex->route->after && ex->status < 300)
        ex->route->after(ex);
    exchange_answer(ex);
}

void exchange_work(struct exchange *ex, void (*work)(struct exchange *ex, struct vg_pg *pg))
{
    ex->job_work = work ? work : ex->route->work;
    ex->job = (struct vg_job){.loop = ex->api->shard->loop,
                              .deadline_us = vg_mono_us() + WORK_DEADLINE_US,
                              .run = run_work,
                              .done = work_done};
    if (vg_workers_submit(ex->api->shared->workers, &ex->job))
        exchange_error(ex, VG_ERROR_UNAVAILABLE, "too many requests are waiting for the database", NULL);
}

/* --- the way ----------------------------------------------------------------------------------------------
 */

static void dispatch(struct exchange *ex)
{
    if (ex->route->handle)
        ex->route->handle(ex);
    else
        exchange_work(ex, NULL);
}

static void on_rate(void *arg, const struct vg_rate_result *result)
{
    struct exchange *ex = arg;
    ex->rate = *result;
    ex->rated = true;
    if (result->allowed) {
        dispatch(ex);
        return;
    }
    vg_count1(rate_limited_total, "tenant");
    snprintf(ex->retry_after, sizeof ex->retry_after, "%u", result->retry_after_seconds);
    exchange_error(ex, VG_ERROR_RATE_LIMITED, NULL, NULL);
}

/* Who it is is known; may they, and not too often? */
void exchange_identified(struct exchange *ex)
{
    const struct identity *id = &ex->identity;
    const struct vg_config *config = ex->api->shared->config;
    if (ex->route->scopes && !(id->scopes & (ex->route->scopes | VG_SCOPE_ADMIN))) {
        exchange_error(ex, VG_ERROR_FORBIDDEN, "the credentials lack the scope that this route asks for",
                       NULL);
        return;
    }
    if (!id->tenant) { /* the operator is not limited */
        dispatch(ex);
        return;
    }
    uint32_t limit = id->tenant->rate_limit_requests ? id->tenant->rate_limit_requests
                                                     : (uint32_t)config->rate_limit_requests;
    uint32_t window = id->tenant->rate_limit_window_s ? id->tenant->rate_limit_window_s
                                                      : (uint32_t)config->rate_limit_window;
    vg_bus_rate(ex->api->shard->bus, id->tenant_id, limit, window, on_rate, ex);
}

static void on_address_rate(void *arg, const struct vg_rate_result *result)
{
    struct exchange *ex = arg;
    if (result->allowed) {
        dispatch(ex);
        return;
    }
    vg_count1(rate_limited_total, "address");
    snprintf(ex->retry_after, sizeof ex->retry_after, "%u", result->retry_after_seconds);
    exchange_error(ex, VG_ERROR_RATE_LIMITED, "too many attempts from this address", NULL);
}

static void check_address(struct exchange *ex)
{
    char key[80];
    snprintf(key, sizeof key, "ip:%s", vg_http_remote(ex->request));
    vg_bus_rate(ex->api->shard->bus, key, (uint32_t)ex->api->shared->config->auth_rate_limit, 60,
                on_address_rate, ex);
}

static bool has_json_body(struct vg_http_request *r)
{
    size_t bytes;
    vg_http_body(r, &bytes);
    const char *type = vg_http_header(r, "content-type");
    return bytes == 0 || !type || strncasecmp(type, "application/json", 16) == 0;
}

void exchange_begin(void *arg, struct vg_http_request *r)
{
    struct vg_api *api = arg;
    struct exchange *ex = calloc(1, sizeof *ex);
    if (!ex) {
        vg_http_reply(r, &(struct vg_http_response){.status = 503, .body = "", .body_bytes = 0});
        return;
    }
    ex->api = api;
    ex->request = r;
    ex->status = 200;
    const char *method = strcmp(vg_http_method(r), "HEAD") == 0 ? "GET" : vg_http_method(r);
    bool path_known;
    ex->route = route_find(method, vg_http_path(r), ex->params, &path_known);
    if (!ex->route && path_known) {
        struct vg_buf allowed = VG_BUF_INIT;
        route_allowed(vg_http_path(r), &allowed);
        snprintf(ex->location, sizeof ex->location, "%s", vg_buf_str(&allowed));
        vg_buf_free(&allowed);
        exchange_error(ex, VG_ERROR_METHOD_NOT_ALLOWED, NULL, NULL);
    } else if (!ex->route) {
        exchange_error(ex, VG_ERROR_NOT_FOUND, "there is no such route", NULL);
    } else if (!has_json_body(r)) {
        exchange_error(ex, VG_ERROR_UNSUPPORTED_MEDIA_TYPE, "send application/json", NULL);
    } else if (ex->route->access == ACCESS_LOGIN) {
        check_address(ex);
    } else if (ex->route->access == ACCESS_PUBLIC || ex->route->access == ACCESS_METRICS) {
        dispatch(ex);
    } else {
        exchange_authenticate(ex);
    }
}

/* --- tenants ----------------------------------------------------------------------------------------------
 */

bool exchange_may_act_for(struct exchange *ex, const char *tenant_id)
{
    if (!ex->identity.tenant || strcmp(ex->identity.tenant_id, tenant_id) == 0)
        return true;
    exchange_set_error(ex, VG_ERROR_FORBIDDEN, "tenant_id is not the tenant of these credentials", NULL);
    return false;
}

const char *exchange_tenant(const struct exchange *ex, const char *named)
{
    return ex->identity.tenant ? ex->identity.tenant_id : named;
}

struct vg_span *exchange_span(const struct exchange *ex, const char *name)
{
    struct vg_span_context parent = {0};
    const char *traceparent = vg_http_header(ex->request, "traceparent");
    if (traceparent && vg_traceparent_parse(traceparent, &parent))
        parent = (struct vg_span_context){0};
    return vg_span_begin(name, &parent);
}
