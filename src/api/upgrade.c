/* Who may connect to /ws/{call_id}: decided at the upgrade, before there is a WebSocket, with status and JSON
 * body. Nothing here waits: session tokens are verified in 2 us, calls are in this process. */
#include <string.h>

#include "api/exchange.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "obs/metrics.h"
#include "ws/ws_leg.h"

enum { TOKEN_SIZE = 2048 };

static int refuse(struct vg_http_request *r, enum vg_error_id id, const char *message, const char *reason)
{
    struct vg_buf body = VG_BUF_INIT;
    const struct vg_error_info *info = vg_error_info(id);
    if (reason)
        vg_count1(auth_failures_total, reason);
    vg_count1(ws_connections_total, "refused");
    vg_error_write(&body, id, message, NULL, vg_http_request_id(r));
    struct vg_http_response response = {.status = info->http_status,
                                        .body = vg_buf_str(&body),
                                        .body_bytes = body.len};
    if (info->http_status == 503)
        response.headers[0] = (struct vg_http_header){"Retry-After", "1"};
    vg_http_reply(r, &response);
    vg_buf_free(&body);
    return VG_EFORBIDDEN;
}

/* Copies the bearer token from the query, the Authorization header or the offered subprotocols. */
static bool find_token(struct vg_http_request *r, char out[TOKEN_SIZE])
{
    const char *token = vg_http_query(r, "token");
    const char *authorization = vg_http_header(r, "authorization");
    const char *protocols = vg_http_header(r, "sec-websocket-protocol");
    size_t n;
    if (token && *token) {
        n = strlen(token);
    } else if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0) {
        token = authorization + 7 + strspn(authorization + 7, " ");
        n = strlen(token);
    } else {
        token = protocols ? strstr(protocols, "bearer.") : NULL;
        if (!token)
            return false;
        token += strlen("bearer.");
        n = strcspn(token, ", ");
    }
    if (n == 0 || n >= TOKEN_SIZE)
        return false;
    memcpy(out, token, n);
    out[n] = 0;
    return true;
}

/* A look at the key behind a token. The upgrade decides at once, so the answer counts only if it is cached;
 * else it comes after the refusal, for the client's next try. */
struct key_look {
    int refs; /* the asker's and the answer's */
    int err;  /* VG_EAGAIN until the answer */
    char tenant_id[VG_ID_SIZE];
};

static void key_look_put(struct key_look *k)
{
    if (--k->refs == 0)
        free(k);
}

static void on_key(void *arg, int err, const struct vg_key_record *key, const struct vg_tenant *tenant)
{
    struct key_look *k = arg;
    bool expired = !err && key->expires_us && key->expires_us < vg_utc_us();
    k->err = err == VG_EUNAVAIL ? VG_EUNAVAIL : err || key->revoked || expired || !tenant ? VG_EAUTH : 0;
    if (!k->err && tenant->status != VG_TENANT_ACTIVE)
        k->err = VG_EAUTH;
    key_look_put(k);
}

static int check_key(struct vg_api *api, const struct vg_claims *claims)
{
    struct key_look *k = calloc(1, sizeof *k);
    if (!k)
        return VG_ENOMEM;
    *k = (struct key_look){.refs = 2, .err = VG_EAGAIN};
    vg_directory_key_by_id(api->shared->directory, api->shard->loop, claims->key_id, on_key, k);
    int err = k->err;
    key_look_put(k);
    return err;
}

/* An access token of the tenant opens its calls, too. */
static int verify_access(struct vg_api *api, const char *token, struct vg_claims *claims)
{
    char sha[VG_SHA256_HEX_SIZE];
    int64_t now_s = vg_utc_us() / VG_US_PER_S;
    vg_sha256_hex(token, strlen(token), sha);
    if (!token_cache_get(api->shared->token_cache, sha, now_s, claims)) {
        int err = vg_tokens_verify(api->shared->tokens, token, now_s, claims);
        if (err)
            return err;
        token_cache_put(api->shared->token_cache, sha, claims);
    }
    if (!(claims->scopes & VG_SCOPE_CALLS))
        return VG_EFORBIDDEN;
    return check_key(api, claims);
}

static int join(struct vg_api *api, struct vg_http_request *r, struct vg_call_entry *e,
                int64_t token_expires_s, struct vg_ws_accept *accept)
{
    struct vg_call_snapshot s = vg_calls_look(api->shared->calls, e);
    const char *resume = vg_http_query(r, "resume_token"), *last = vg_http_query(r, "last_seq");
    bool live = s.status == VG_CALL_IN_PROGRESS || s.status == VG_CALL_HANDED_OFF;
    if (s.status >= VG_CALL_ENDED)
        return refuse(r, VG_ERROR_CALL_ENDED, NULL, NULL);
    if (!live && atomic_load(&api->shared->draining))
        return refuse(r, VG_ERROR_DRAINING, NULL, NULL);
    if (resume &&
        !(live && vg_equal_const_time(resume, strlen(resume), s.resume_token, strlen(s.resume_token))))
        return refuse(r, VG_ERROR_FORBIDDEN, "the resume_token is not of this call", "bad_resume_token");
    if (live && !resume && s.connected)
        return refuse(r, VG_ERROR_CONFLICT, "the call is connected already; its resume_token takes it over",
                      NULL);
    /* Without `last_seq` nothing is sent again. */
    struct vg_joining how = {.resume = live,
                             .last_seq = last ? strtoull(last, NULL, 10) : UINT64_MAX,
                             .token_expires_s = token_expires_s};
    if (vg_ws_leg_accept(api->shard, e, &how, accept))
        return refuse(r, VG_ERROR_INTERNAL, NULL, NULL);
    return 0;
}

int api_upgrade(void *arg, struct vg_http_request *r, struct vg_ws_accept *accept)
{
    struct vg_api *api = arg;
    char token[TOKEN_SIZE], token_call[VG_ID_SIZE] = "";
    const char *path = vg_http_path(r);
    if (strncmp(path, "/ws/", 4) != 0)
        return refuse(r, VG_ERROR_NOT_FOUND, "there is no WebSocket here; calls are at /ws/{call_id}", NULL);
    const char *call_id = path + 4;
    if (!find_token(r, token))
        return refuse(r, VG_ERROR_UNAUTHORIZED,
                      "send the session_token of /call/start as ?token=, as Authorization: Bearer, or as the "
                      "subprotocol bearer.<token>",
                      "missing");
    struct vg_claims claims = {0};
    bool session =
        vg_tokens_verify_session(api->shared->tokens, token, vg_utc_us() / VG_US_PER_S, token_call) == 0;
    if (!session) {
        int err = verify_access(api, token, &claims);
        if (err == VG_EFORBIDDEN)
            return refuse(r, VG_ERROR_FORBIDDEN, "the token lacks the scope calls", "scope");
        if (err == VG_EAGAIN || err == VG_EUNAVAIL || err == VG_ENOMEM)
            return refuse(r, VG_ERROR_UNAVAILABLE, "the token's key cannot be checked at once; try again",
                          NULL);
        if (err)
            return refuse(r, VG_ERROR_UNAUTHORIZED, "the token is not valid, has expired or was revoked",
                          "bad_token");
    } else if (strcmp(token_call, call_id) != 0) {
        return refuse(r, VG_ERROR_FORBIDDEN, "the token is for another call", "wrong_call");
    }
    struct vg_call_entry *e = vg_calls_find(api->shared->calls, call_id);
    if (!e) /* a session token proves that there was such a call */
        return refuse(r, session ? VG_ERROR_CALL_ENDED : VG_ERROR_NOT_FOUND, NULL, NULL);
    int err;
    if (!session && strcmp(claims.tenant_id, e->spec->tenant_id) != 0)
        err = refuse(r, VG_ERROR_NOT_FOUND, NULL, NULL);
    else
        err = join(api, r, e, session ? 0 : claims.expires_s, accept);
    if (err)
        vg_call_entry_put(e);
    return err;
}
