/* Access tokens; see token.h. libjwt takes the algorithm from the token, and accepts an HS256 token that was
 * signed with an RSA public key's text; so the header is read first without a key and must name the algorithm
 * and a key of ours before anything is verified. */
#include "api/token.h"

#include <jwt.h>
#include <string.h>

#include "api/token_keys.h"
#include "base/crypto.h"
#include "base/text.h"
#include "store/scope.h"

struct vg_tokens {
    struct token_keys keys;
    jwt_alg_t algorithm;
    int64_t lifetime_s;
    uint8_t
        session_key[VG_SHA256_SIZE]; /* derived from JWT_SECRET, so that neither kind passes as the other */
};

int vg_tokens_new(struct vg_tokens **out, const struct vg_config *config, struct vg_buf *problem)
{
    struct vg_tokens *t = calloc(1, sizeof *t);
    if (!t)
        return VG_ENOMEM;
    int err = token_keys_load(&t->keys, config, problem);
    if (err) {
        free(t);
        return err;
    }
    t->algorithm = jwt_str_alg(config->jwt_algorithm);
    t->lifetime_s = config->jwt_expires_seconds;
    static const char LABEL[] = "voxgate session token";
    vg_hmac_sha256(config->jwt_secret, strlen(config->jwt_secret), LABEL, sizeof LABEL - 1, t->session_key);
    *out = t;
    return 0;
}

struct vg_tokens *vg_tokens_free(struct vg_tokens *t)
{
    if (t)
        token_keys_clear(&t->keys);
    free(t);
    return NULL;
}

bool vg_tokens_slow(const struct vg_tokens *t)
{
    return t->algorithm != JWT_ALG_HS256;
}

static int fill_grants(jwt_t *jwt, const struct vg_claims *c, int64_t now_s, int64_t expires_s)
{
    char jti[VG_ID_SIZE];
    struct vg_buf scope = VG_BUF_INIT;
    vg_id_new(jti, "jti_");
    vg_scopes_write(&scope, c->scopes, " ");
    int bad = jwt_add_grant(jwt, "tenant_id", c->tenant_id) | jwt_add_grant(jwt, "sub", c->tenant_id) |
              jwt_add_grant(jwt, "key_id", c->key_id) | jwt_add_grant(jwt, "scope", vg_buf_str(&scope)) |
              jwt_add_grant(jwt, "jti", jti) | jwt_add_grant_int(jwt, "iat", now_s) |
              jwt_add_grant_int(jwt, "exp", expires_s);
    vg_buf_free(&scope);
    return bad ? VG_EIO : 0;
}

int vg_tokens_mint(const struct vg_tokens *t, const struct vg_claims *claims, int64_t now_s,
                   struct vg_buf *out)
{
    const struct token_key *key = &t->keys.keys[0];
    jwt_t *jwt;
    if (jwt_new(&jwt))
        return VG_ENOMEM;
    int err = fill_grants(jwt, claims, now_s, now_s + t->lifetime_s);
    if (!err && (jwt_add_header(jwt, "kid", key->kid) ||
                 jwt_set_alg(jwt, t->algorithm, (const unsigned char *)key->sign, (int)key->sign_bytes)))
        err = VG_EIO;
    char *text = err ? NULL : jwt_encode_str(jwt);
    if (text)
        vg_buf_puts(out, text);
    else
        err = VG_EIO;
    free(text);
    jwt_free(jwt);
    return err;
}

/* The key that the token's header names, if it names our algorithm. */
static const struct token_key *key_of(const struct vg_tokens *t, const char *token)
{
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, NULL, 0))
        return NULL;
    const char *algorithm = jwt_get_header(jwt, "alg");
    const struct token_key *key = NULL;
    if (algorithm && strcmp(algorithm, jwt_alg_str(t->algorithm)) == 0)
        key = token_keys_find(&t->keys, jwt_get_header(jwt, "kid"));
    jwt_free(jwt);
    return key;
}

static bool copy_grant(jwt_t *jwt, const char *name, char *out, size_t size)
{
    const char *text = jwt_get_grant(jwt, name);
    if (!text || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* Decodes and verifies; a secret that was exchanged may have left its place, and with that its kid, to
 * another: then all of them are tried, at 10 us each. */
static jwt_t *decode(const struct vg_tokens *t, const char *token)
{
    const struct token_key *key = key_of(t, token);
    jwt_t *jwt = NULL;
    if (key && !jwt_decode(&jwt, token, (const unsigned char *)key->verify, (int)key->verify_bytes))
        return jwt;
    for (int i = 0; key && t->algorithm == JWT_ALG_HS256 && i < t->keys.count; i++) {
        const struct token_key *k = &t->keys.keys[i];
        if (k != key && !jwt_decode(&jwt, token, (const unsigned char *)k->verify, (int)k->verify_bytes))
            return jwt;
    }
    return NULL;
}

int vg_tokens_verify(const struct vg_tokens *t, const char *token, int64_t now_s, struct vg_claims *out)
{
    jwt_t *jwt = decode(t, token);
    if (!jwt)
        return VG_EAUTH;
    struct vg_claims c = {.expires_s = jwt_get_grant_int(jwt, "exp")};
    vg_scopes_parse(jwt_get_grant(jwt, "scope"), &c.scopes); /* a word that we do not know grants nothing */
    bool good = jwt_get_alg(jwt) == t->algorithm &&
                copy_grant(jwt, "tenant_id", c.tenant_id, sizeof c.tenant_id) &&
                copy_grant(jwt, "key_id", c.key_id, sizeof c.key_id) && c.expires_s > now_s;
    jwt_free(jwt);
    if (!good)
        return VG_EAUTH;
    *out = c;
    return 0;
}

/* --- session tokens: {"alg":"HS256"}.{"call_id":..,"tenant_id":..,"exp":..} by hand ------------------------
 */

static const char SESSION_HEADER[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"; /* {"alg":"HS256","typ":"JWT"} */

enum { SIGNATURE_CHARS = 43, PAYLOAD_BYTES_MAX = 512 };

int vg_tokens_mint_session(const struct vg_tokens *t, const char *call_id, const char *tenant_id,
                           int64_t now_s, int64_t expires_s, struct vg_buf *out)
{
    char payload[PAYLOAD_BYTES_MAX], encoded[PAYLOAD_BYTES_MAX * 2], signature[SIGNATURE_CHARS + 1];
    char now[VG_TEXT_INT_SIZE], expires[VG_TEXT_INT_SIZE];
    vg_text_int(now, now_s);
    vg_text_int(expires, expires_s);
    size_t n = vg_text_join(payload, sizeof payload,
                            (const char *[]){"{\"call_id\":\"", call_id, "\",\"tenant_id\":\"", tenant_id,
                                             "\",\"sub\":\"", call_id, "\",\"iat\":", now,
                                             ",\"exp\":", expires, "}", NULL});
    if (n == sizeof payload - 1 || vg_base64url_encode(encoded, sizeof encoded, payload, n) < 0)
        return VG_ETOOBIG;
    size_t start = out->len;
    vg_buf_puts(out, SESSION_HEADER);
    vg_buf_putc(out, '.');
    vg_buf_puts(out, encoded);
    uint8_t mac[VG_SHA256_SIZE];
    if (out->failed)
        return VG_ENOMEM;
    vg_hmac_sha256(t->session_key, sizeof t->session_key, out->data + start, out->len - start, mac);
    if (vg_base64url_encode(signature, sizeof signature, mac, sizeof mac) < 0)
        return VG_ETOOBIG;
    vg_buf_putc(out, '.');
    vg_buf_puts(out, signature);
    return out->failed ? VG_ENOMEM : 0;
}

int vg_tokens_verify_session(const struct vg_tokens *t, const char *token, int64_t now_s,
                             char call_id[VG_ID_SIZE])
{
    size_t header = sizeof SESSION_HEADER - 1;
    if (strncmp(token, SESSION_HEADER, header) != 0 || token[header] != '.')
        return VG_EAUTH;
    const char *payload = token + header + 1, *dot = strrchr(payload, '.');
    if (!dot)
        return VG_EAUTH;
    uint8_t mac[VG_SHA256_SIZE], given[VG_SHA256_SIZE];
    vg_hmac_sha256(t->session_key, sizeof t->session_key, token, (size_t)(dot - token), mac);
    if (vg_base64url_decode(given, sizeof given, dot + 1, strlen(dot + 1)) != VG_SHA256_SIZE ||
        !vg_equal_const_time(mac, sizeof mac, given, sizeof given))
        return VG_EAUTH;
    /* What follows was written by vg_tokens_mint_session(). */
    char text[PAYLOAD_BYTES_MAX];
    int bytes = vg_base64url_decode((uint8_t *)text, sizeof text - 1, payload, (size_t)(dot - payload));
    if (bytes < 0)
        return VG_EAUTH;
    text[bytes] = 0;
    const char *exp = strstr(text, "\"exp\":"), *id = text + strlen("{\"call_id\":\"");
    size_t id_bytes = strcspn(id, "\"");
    if (!exp || strtoll(exp + 6, NULL, 10) <= now_s || id_bytes >= VG_ID_SIZE)
        return VG_EAUTH;
    memcpy(call_id, id, id_bytes);
    call_id[id_bytes] = 0;
    return 0;
}
