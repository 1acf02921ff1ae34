/* One REST request on its way: route -> identity -> scope -> rate limit -> handler -> answer.
 *
 * Steps that wait (a directory miss, Redis, a worker) continue by callback on the shard's loop. A handler
 * runs on the loop and answers now or later; a worker handler (`work`) runs on a worker thread with a
 * database connection, fills the answer and returns. src/api alone. */
#ifndef VG_API_EXCHANGE_H
#define VG_API_EXCHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "api/api.h"
#include "base/buf.h"
#include "bus/bus.h"
#include "call/registry.h"
#include "net/http.h"
#include "net/workers.h"
#include "proto/bind.h"
#include "proto/error.h"
#include "store/directory.h"

struct vg_pg;
struct vg_span;
struct exchange;

struct vg_api {
    struct vg_shard *shard;
    struct vg_api_shared *shared;
    unsigned changes_seen; /* of the directory, by vg_api_sweep() */
};

enum route_access {
    ACCESS_PUBLIC,  /* no identity, no limit */
    ACCESS_LOGIN,   /* no identity, limited per address */
    ACCESS_TENANT,  /* a tenant's token or key, or the operator's */
    ACCESS_METRICS, /* open, or the metrics token */
};

struct route {
    const char *method;
    const char
        *path; /* "/call/{id}/end": segments in braces are parameters; also the metric's endpoint label */
    enum route_access access;
    uint32_t scopes;                     /* any of these is enough; 0: any identity */
    size_t body_max;                     /* bytes; 0: the route takes no body */
    void (*handle)(struct exchange *ex); /* loop; answers now or later */
    void (*work)(struct exchange *ex,
                 struct vg_pg *pg);     /* worker thread; fills the answer. Runs after `handle` asks for it by
                                         * exchange_work(), or at once where `handle` is NULL */
    void (*after)(struct exchange *ex); /* loop, after `work`, before the answer leaves; may be NULL */
};

struct identity {
    char tenant_id[VG_ID_SIZE]; /* "" for the operator */
    char key_id[VG_ID_SIZE];
    uint32_t scopes;
    const struct vg_tenant *tenant; /* a reference; NULL for the operator */
};

enum { PARAMS_MAX = 2, PARAM_SIZE = 96 };

struct exchange {
    struct vg_api *api;
    struct vg_http_request *request;
    const struct route *route;
    struct identity identity;
    char params[PARAMS_MAX][PARAM_SIZE];
    struct vg_rate_result rate;
    bool rated;
    /* The answer. */
    int status;
    struct vg_buf body;
    const char *content_type;
    char location[160], retry_after[16];
    struct vg_http_header headers[5]; /* more of the handler's, static text, until a NULL name */
    /* Of the handler. */
    struct vg_job job;
    void (*job_work)(struct exchange *ex, struct vg_pg *pg);
    void *state; /* the handler's own */
    void (*state_free)(void *state);
    struct vg_call_entry *call; /* a reference that the handler took */
    struct vg_span *span;
};

/* server handler */
void exchange_begin(void *api, struct vg_http_request *r);
/* Sends what is in status and body, and frees the exchange. Loop. */
void exchange_answer(struct exchange *ex);
/* Sets the answer to an error, without sending it. Any thread that has the exchange. `details` is JSON or
 * NULL. */
void exchange_set_error(struct exchange *ex, enum vg_error_id id, const char *message, const char *details);
/* Sets and sends. Loop. */
void exchange_error(struct exchange *ex, enum vg_error_id id, const char *message, const char *details);
void exchange_error_of(struct exchange *ex, int err);
/* body.c: the bodies of proto/rest_in.h, each with a struct and a reader of its own. */
enum body_kind { BODY_TOKEN, BODY_CALL_START, BODY_REASON, BODY_HANDOFF, BODY_INGEST, BODY_RAG_QUERY };
/* Reads the body into `out`, the struct vg_rest_* of that kind. False: the answer is set to what is wrong
 * with it, and `out` holds nothing to free. Any thread that has the exchange. */
bool exchange_read_body(struct exchange *ex, enum body_kind kind, void *out);
/* Makes ex->state, `state_bytes` zero bytes that begin with the struct of that kind, reads the body into it
 * and gives it; `state_free` frees it with the exchange, also where its body could not be read. NULL: that
 * was answered, and the exchange is gone. Loop. */
void *exchange_take_body(struct exchange *ex, enum body_kind kind, size_t state_bytes,
                         void (*state_free)(void *state));

/* Sets VALIDATION_ERROR with details. */
void exchange_set_invalid(struct exchange *ex, const struct vg_bind_details *details);
/* Continues on a worker with route->work, or `work` if given. */
void exchange_work(struct exchange *ex, void (*work)(struct exchange *ex, struct vg_pg *pg));
/* True if this identity may act for `tenant_id`; the operator may for all. Else the answer is set to
 * FORBIDDEN. */
bool exchange_may_act_for(struct exchange *ex, const char *tenant_id);
/* The tenant that the request is about: its own, or for the operator the one it names (NULL if none). */
const char *exchange_tenant(const struct exchange *ex, const char *named);

/* Opens the span of this request, under the caller's `traceparent` where there is a good one. */
struct vg_span *exchange_span(const struct exchange *ex, const char *name);

/* auth.c: finds out who it is; then exchange_identified() or an error. */
void exchange_authenticate(struct exchange *ex);
void exchange_identified(struct exchange *ex);
/* Answers 401, or 429 where this address was refused too often. */
void exchange_refuse(struct exchange *ex, const char *reason, const char *message);

/* token_cache.c: verified tokens by SHA-256 until they expire; any thread. */
struct token_cache *token_cache_new(void);
struct token_cache *token_cache_free(struct token_cache *cache);
bool token_cache_get(struct token_cache *cache, const char *sha256_hex, int64_t now_s, struct vg_claims *out);
void token_cache_put(struct token_cache *cache, const char *sha256_hex, const struct vg_claims *claims);

/* upgrade.c */
int api_upgrade(void *api, struct vg_http_request *r, struct vg_ws_accept *accept);

/* routes.c */
const struct route *route_find(const char *method, const char *path, char params[PARAMS_MAX][PARAM_SIZE],
                               bool *path_known);
size_t route_body_limit(const char *method, const char *path);
/* Methods that `path` takes, comma-separated, for Allow. */
void route_allowed(const char *path, struct vg_buf *out);

#endif
