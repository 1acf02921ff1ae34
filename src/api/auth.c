/* Who sends this request: an access token (verified once, then remembered), a tenant's API key, or the
 * operator's key. The key behind a token is looked at every time, so that its revocation reaches its tokens.
 */
#include <string.h>

#include "api/exchange.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "config/config.h"
#include "obs/metrics.h"

/* What is being checked, for the steps that wait. */
struct check {
    struct vg_claims claims;
    char sha256_hex[VG_SHA256_HEX_SIZE];
    const char *token; /* borrowed from the request */
    int err;
};

static int64_t now_s(void)
{
    return vg_utc_us() / VG_US_PER_S;
}

/* --- refusal ----------------------------------------------------------------------------------------------
 */

static void on_refusal_rate(void *arg, const struct vg_rate_result *result)
{
    struct exchange *ex = arg;
    if (result->allowed) {
        exchange_answer(ex);
        return;
    }
    vg_count1(rate_limited_total, "address");
    snprintf(ex->retry_after, sizeof ex->retry_after, "%u", result->retry_after_seconds);
    exchange_error(ex, VG_ERROR_RATE_LIMITED, "too many refused credentials from this address", NULL);
}

void exchange_refuse(struct exchange *ex, const char *reason, const char *message)
{
    char key[80];
    vg_count1(auth_failures_total, reason);
    exchange_set_error(ex, VG_ERROR_UNAUTHORIZED, message, NULL);
    snprintf(key, sizeof key, "ip:%s", vg_http_remote(ex->request));
    vg_bus_rate(ex->api->shard->bus, key, (uint32_t)ex->api->shared->config->auth_rate_limit, 60,
                on_refusal_rate, ex);
}

/* --- the key behind it ------------------------------------------------------------------------------------
 */

static void adopt(struct exchange *ex, const struct vg_key_record *key, const struct vg_tenant *tenant,
                  uint32_t scopes)
{
    memcpy(ex->identity.tenant_id, key->tenant_id, sizeof ex->identity.tenant_id);
    memcpy(ex->identity.key_id, key->id, sizeof ex->identity.key_id);
    ex->identity.scopes = scopes;
    ex->identity.tenant = vg_tenant_get(tenant);
    free(ex->state); /* from here on it is the handler's */
    ex->state = NULL;
    ex->state_free = NULL;
    exchange_identified(ex);
}

static void on_key(void *arg, int err, const struct vg_key_record *key, const struct vg_tenant *tenant)
{
    struct exchange *ex = arg;
    const struct check *check = ex->state;
    if (err == VG_EUNAVAIL)
        exchange_error(ex, VG_ERROR_UNAVAILABLE, "credentials cannot be checked at the moment", NULL);
    else if (err || !tenant || tenant->status == VG_TENANT_DELETED)
        exchange_refuse(ex, "unknown_key", "the API key is unknown");
    else if (key->revoked)
        exchange_refuse(ex, "revoked_key", "the API key is revoked");
    else if (key->expires_us && key->expires_us < vg_utc_us())
        exchange_refuse(ex, "expired_key", "the API key has expired");
    else if (check && strcmp(check->claims.tenant_id, key->tenant_id) != 0)
        exchange_refuse(ex, "bad_token", "the token is not valid");
    else if (tenant->status == VG_TENANT_SUSPENDED)
        exchange_error(ex, VG_ERROR_TENANT_SUSPENDED, NULL, NULL);
    else
        adopt(ex, key, tenant, check ? check->claims.scopes & key->scopes : key->scopes);
}

/* --- tokens -----------------------------------------------------------------------------------------------
 */

static void token_good(struct exchange *ex)
{
    const struct check *check = ex->state;
    vg_directory_key_by_id(ex->api->shared->directory, ex->api->shard->loop, check->claims.key_id, on_key,
                           ex);
}

static void token_verified(struct exchange *ex)
{
    struct check *check = ex->state;
    if (check->err) {
        exchange_refuse(ex, "bad_token", "the token is not valid or has expired");
        return;
    }
    token_cache_put(ex->api->shared->token_cache, check->sha256_hex, &check->claims);
    token_good(ex);
}

static int verify(struct vg_job *job, void *worker_state)
{
    struct exchange *ex = VG_MESSAGE_OF(job, struct exchange, job);
    struct check *check = ex->state;
    (void)worker_state;
    check->err = vg_tokens_verify(ex->api->shared->tokens, check->token, now_s(), &check->claims);
    return 0;
}

static void verify_done(struct vg_job *job, int err)
{
    struct exchange *ex = VG_MESSAGE_OF(job, struct exchange, job);
    if (err)
        exchange_error(ex, VG_ERROR_UNAVAILABLE, NULL, NULL);
    else
        token_verified(ex);
}

static void check_token(struct exchange *ex, const char *token)
{
    struct check *check = calloc(1, sizeof *check);
    if (!check) {
        exchange_error_of(ex, VG_ENOMEM);
        return;
    }
    ex->state = check;
    ex->state_free = free;
    check->token = token;
    vg_sha256_hex(token, strlen(token), check->sha256_hex);
    if (token_cache_get(ex->api->shared->token_cache, check->sha256_hex, now_s(), &check->claims)) {
        token_good(ex);
    } else if (vg_tokens_slow(ex->api->shared->tokens)) {
        ex->job = (struct vg_job){.loop = ex->api->shard->loop,
                                  .deadline_us = vg_mono_us() + 5 * VG_US_PER_S,
                                  .run = verify,
                                  .done = verify_done};
        if (vg_workers_submit(ex->api->shared->workers, &ex->job))
            exchange_error(ex, VG_ERROR_UNAVAILABLE, NULL, NULL);
    } else {
        check->err = vg_tokens_verify(ex->api->shared->tokens, token, now_s(), &check->claims);
        token_verified(ex);
    }
}

/* --- credentials ------------------------------------------------------------------------------------------
 */

static void check_key(struct exchange *ex, const char *api_key)
{
    char sha[VG_SHA256_HEX_SIZE];
    vg_sha256_hex(api_key, strlen(api_key), sha);
    const char *admin = ex->api->shared->admin_key_sha256;
    if (*admin && vg_equal_const_time(admin, strlen(admin), sha, strlen(sha))) {
        ex->identity.scopes = VG_SCOPE_ADMIN;
        exchange_identified(ex);
        return;
    }
    vg_directory_key(ex->api->shared->directory, ex->api->shard->loop, sha, on_key, ex);
}

static bool looks_like_jwt(const char *text)
{
    const char *first = strchr(text, '.');
    return first && strchr(first + 1, '.');
}

void exchange_authenticate(struct exchange *ex)
{
    const char *key = vg_http_header(ex->request, "x-api-key");
    const char *authorization = vg_http_header(ex->request, "authorization");
    const char *bearer = NULL;
    if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
        bearer = authorization + 7 + strspn(authorization + 7, " ");
    if (bearer && looks_like_jwt(bearer))
        check_token(ex, bearer);
    else if (bearer && *bearer)
        check_key(ex, bearer);
    else if (key && *key)
        check_key(ex, key);
    else
        exchange_refuse(ex, "missing",
                        "send an access token as Authorization: Bearer, or an API key as X-API-Key");
}
