/* POST /auth/token: an API key for an access token. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"
#include "obs/metrics.h"
#include "proto/rest_in.h"

struct token_request {
    struct vg_rest_token body;
};

static void free_request(void *state)
{
    struct token_request *q = state;
    vg_rest_free(&q->body.json);
    free(q);
}

static void refuse(struct exchange *ex, const char *reason)
{
    vg_count1(auth_failures_total, reason);
    exchange_error(ex, VG_ERROR_UNAUTHORIZED, "tenant_id and api_key do not fit", NULL);
}

static void grant(struct exchange *ex, const struct vg_key_record *key)
{
    struct vg_claims claims = {.scopes = key->scopes};
    memcpy(claims.tenant_id, key->tenant_id, sizeof claims.tenant_id);
    memcpy(claims.key_id, key->id, sizeof claims.key_id);
    struct vg_buf token = VG_BUF_INIT;
    int err = vg_tokens_mint(ex->api->shared->tokens, &claims, vg_utc_us() / VG_US_PER_S, &token);
    if (err) {
        vg_buf_free(&token);
        exchange_error_of(ex, err);
        return;
    }
    struct vg_json j = vg_json_start(&ex->body);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "access_token", vg_buf_str(&token));
    vg_json_str(&j, "token_type", "bearer");
    vg_json_int(&j, "expires_in", ex->api->shared->config->jwt_expires_seconds);
    vg_json_end(&j);
    vg_buf_free(&token);
    exchange_answer(ex);
}

static void on_key(void *arg, int err, const struct vg_key_record *key, const struct vg_tenant *tenant)
{
    struct exchange *ex = arg;
    const struct token_request *q = ex->state;
    if (err == VG_EUNAVAIL)
        exchange_error(ex, VG_ERROR_UNAVAILABLE, "credentials cannot be checked at the moment", NULL);
    else if (err || !tenant || strcmp(key->tenant_id, q->body.tenant_id) != 0)
        refuse(ex, "unknown_key");
    else if (key->revoked || (key->expires_us && key->expires_us < vg_utc_us()) ||
             tenant->status == VG_TENANT_DELETED)
        refuse(ex, "revoked_key");
    else if (tenant->status == VG_TENANT_SUSPENDED)
        exchange_error(ex, VG_ERROR_TENANT_SUSPENDED, NULL, NULL);
    else
        grant(ex, key);
}

void handle_token(struct exchange *ex)
{
    struct token_request *q = exchange_take_body(ex, BODY_TOKEN, sizeof *q, free_request);
    if (!q)
        return;
    char sha[VG_SHA256_HEX_SIZE];
    vg_sha256_hex(q->body.api_key, strlen(q->body.api_key), sha);
    vg_directory_key(ex->api->shared->directory, ex->api->shard->loop, sha, on_key, ex);
}
