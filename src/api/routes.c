/* The route table: one line a route. docs and proto/openapi.yaml name the same paths; a test compares them.
 */
#include "api/routes.h"

#include <string.h>

#include "api/exchange.h"
#include "proto/rest_in.h"

static const struct route ROUTES[] = {
    {"GET", "/", ACCESS_PUBLIC, 0, 0, handle_root, NULL, NULL},
    {"GET", "/health", ACCESS_PUBLIC, 0, 0, handle_health, NULL, NULL},
    {"GET", "/healthz", ACCESS_PUBLIC, 0, 0, handle_healthz, NULL, NULL},
    {"GET", "/readyz", ACCESS_PUBLIC, 0, 0, handle_readyz, NULL, NULL},
    {"GET", "/metrics", ACCESS_METRICS, 0, 0, handle_metrics, NULL, NULL},
    {"GET", "/try", ACCESS_PUBLIC, 0, 0, handle_console, NULL, NULL},
    {"GET", "/try/{file}", ACCESS_PUBLIC, 0, 0, handle_console, NULL, NULL},

    {"GET", "/ws/{id}", ACCESS_PUBLIC, 0, 0, handle_ws_plain, NULL, NULL},

    {"POST", "/auth/token", ACCESS_LOGIN, 0, VG_REST_BODY_BYTES_MAX, handle_token, NULL, NULL},

    {"POST", "/call/start", ACCESS_TENANT, VG_SCOPE_CALLS, VG_REST_BODY_BYTES_MAX, handle_call_start, NULL,
     NULL},
    {"GET", "/call/{id}", ACCESS_TENANT, VG_SCOPE_CALLS, 0, handle_call_get, work_call_get, NULL},
    {"POST", "/call/{id}/end", ACCESS_TENANT, VG_SCOPE_CALLS, VG_REST_BODY_BYTES_MAX, handle_call_end,
     work_call_get, NULL},

    {"POST", "/handoff", ACCESS_TENANT, VG_SCOPE_CALLS, VG_REST_BODY_BYTES_MAX, handle_handoff, NULL,
     after_handoff},
    {"GET", "/handoffs", ACCESS_TENANT, VG_SCOPE_DESK | VG_SCOPE_CALLS, 0, NULL, work_handoff_list, NULL},
    {"POST", "/handoffs/{id}/accept", ACCESS_TENANT, VG_SCOPE_DESK, VG_REST_BODY_BYTES_MAX, NULL,
     work_handoff_accept, after_handoff_change},
    {"POST", "/handoffs/{id}/decline", ACCESS_TENANT, VG_SCOPE_DESK, VG_REST_BODY_BYTES_MAX, NULL,
     work_handoff_decline, after_handoff_change},
    {"POST", "/handoffs/{id}/complete", ACCESS_TENANT, VG_SCOPE_DESK, VG_REST_BODY_BYTES_MAX, NULL,
     work_handoff_complete, after_handoff_change},

    {"POST", "/ingest", ACCESS_TENANT, VG_SCOPE_KNOWLEDGE, VG_REST_INGEST_BYTES_MAX, handle_ingest,
     work_ingest, after_ingest},
    {"GET", "/ingest/{document_id}", ACCESS_TENANT, VG_SCOPE_KNOWLEDGE, 0, NULL, work_document_get, NULL},
    {"DELETE", "/ingest/{document_id}", ACCESS_TENANT, VG_SCOPE_KNOWLEDGE, 0, NULL, work_document_delete,
     NULL},
    {"POST", "/rag/query", ACCESS_TENANT, VG_SCOPE_KNOWLEDGE | VG_SCOPE_CALLS, VG_REST_BODY_BYTES_MAX,
     handle_rag_query, work_rag_query, NULL},

    {"GET", "/v1/voices", ACCESS_TENANT, 0, 0, handle_voices, NULL, NULL},
};

/* True if `path` fits `pattern`; segments in braces go to `params`. */
static bool fits(const char *pattern, const char *path, char params[PARAMS_MAX][PARAM_SIZE])
{
    int n = 0;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t length = strcspn(path, "/");
        if (length == 0 || length >= PARAM_SIZE || n == PARAMS_MAX)
            return false;
        memcpy(params[n], path, length);
        params[n++][length] = 0;
        path += length;
        pattern += strcspn(pattern, "}") + 1;
    }
    return *pattern == 0 && *path == 0;
}

const struct route *route_find(const char *method, const char *path, char params[PARAMS_MAX][PARAM_SIZE],
                               bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < VG_COUNT_OF(ROUTES); i++) {
        if (!fits(ROUTES[i].path, path, params))
            continue;
        *path_known = true;
        if (strcmp(ROUTES[i].method, method) == 0)
            return &ROUTES[i];
    }
    return NULL;
}

size_t route_body_limit(const char *method, const char *path)
{
    char params[PARAMS_MAX][PARAM_SIZE];
    bool known;
    const struct route *r = route_find(method, path, params, &known);
    return r && r->body_max ? r->body_max : VG_REST_BODY_BYTES_MAX;
}

void route_allowed(const char *path, struct vg_buf *out)
{
    char params[PARAMS_MAX][PARAM_SIZE];
    for (size_t i = 0; i < VG_COUNT_OF(ROUTES); i++) {
        if (fits(ROUTES[i].path, path, params))
            vg_buf_printf(out, "%s%s", out->len ? ", " : "", ROUTES[i].method);
    }
}
