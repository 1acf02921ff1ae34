/* Access tokens and session tokens (src/api/token.c, token_keys.c): what is ours passes, everything else does
 * not, and the known ways of fooling a JWT library in particular. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/exchange.h"
#include "api/token.h"
#include "base/crypto.h"
#include "store/scope.h"

#define SECRET "a-secret-of-at-least-thirty-two-bytes"
enum { NOW = 1700000000 };

static char dir[] = "/tmp/voxgate-token-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][96];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* Writes NAME.pem (private) and NAME.pub. */
static void make_key(const char *name, EVP_PKEY *key)
{
    char file[32];
    snprintf(file, sizeof file, "%s.pem", name);
    FILE *f = fopen(path_of(file), "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(file, sizeof file, "%s.pub", name);
    f = fopen(path_of(file), "w");
    assert_int_equal(PEM_write_PUBKEY(f, key), 1);
    fclose(f);
    EVP_PKEY_free(key);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static size_t read_file(const char *name, char *out, size_t cap)
{
    FILE *f = fopen(path_of(name), "r");
    assert_non_null(f);
    size_t n = fread(out, 1, cap - 1, f);
    fclose(f);
    out[n] = 0;
    return n;
}

static int make_keys(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    make_key("rsa1", EVP_RSA_gen(2048));
    make_key("rsa2", EVP_RSA_gen(2048));
    make_key("ec1", EVP_EC_gen("P-256"));
    make_key("ec2", EVP_EC_gen("P-256"));
    write_file("old.secret", "an-older-secret-of-thirty-two-bytes-and-more\n");
    write_file("garbage", "this is no key\n");
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    static const char *const FILES[] = {"rsa1.pem", "rsa1.pub", "rsa2.pem", "rsa2.pub",   "ec1.pem",
                                        "ec1.pub",  "ec2.pem",  "ec2.pub",  "old.secret", "garbage"};
    for (size_t i = 0; i < VG_COUNT_OF(FILES); i++)
        unlink(path_of(FILES[i]));
    return rmdir(dir);
}

/* `files` is NULL or a list like "k1=rsa1.pem,k2=rsa2.pub" of files in the test's folder. */
static int try_open(struct vg_tokens **out, const char *algorithm, const char *secret, const char *files,
                    struct vg_buf *problem)
{
    struct vg_buf list = VG_BUF_INIT;
    for (const char *p = files; p && *p;) {
        size_t kid = strcspn(p, "="), n = strcspn(p, ",");
        vg_buf_printf(&list, "%s%.*s=%s/%.*s", list.len ? "," : "", (int)kid, p, dir, (int)(n - kid - 1),
                      p + kid + 1);
        p += n + (p[n] == ',');
    }
    struct vg_config config = {.jwt_algorithm = algorithm,
                               .jwt_secret = secret,
                               .jwt_key_files = files ? vg_buf_str(&list) : NULL,
                               .jwt_expires_seconds = 3600};
    int err = vg_tokens_new(out, &config, problem);
    vg_buf_free(&list);
    return err;
}

static struct vg_tokens *open_tokens(const char *algorithm, const char *secret, const char *files)
{
    struct vg_tokens *t = NULL;
    struct vg_buf problem = VG_BUF_INIT;
    if (try_open(&t, algorithm, secret, files, &problem))
        print_error("%s\n", vg_buf_str(&problem));
    assert_non_null(t);
    vg_buf_free(&problem);
    return t;
}

static const char *mint(const struct vg_tokens *t)
{
    static char text[4096];
    struct vg_claims claims = {.tenant_id = "tnt_1",
                               .key_id = "key_1",
                               .scopes = VG_SCOPE_CALLS | VG_SCOPE_DESK};
    struct vg_buf b = VG_BUF_INIT;
    assert_int_equal(vg_tokens_mint(t, &claims, NOW, &b), 0);
    snprintf(text, sizeof text, "%s", vg_buf_str(&b));
    vg_buf_free(&b);
    return text;
}

static int verify(const struct vg_tokens *t, const char *token)
{
    struct vg_claims claims;
    return vg_tokens_verify(t, token, NOW, &claims);
}

/* header.payload signed by HMAC with `key`, or with an empty signature where `key` is NULL. */
static const char *forge(const char *header, const char *payload, const char *key, size_t key_bytes)
{
    static char token[4096];
    char h[512], p[2048], s[64] = "";
    uint8_t mac[VG_SHA256_SIZE];
    assert_true(vg_base64url_encode(h, sizeof h, header, strlen(header)) > 0);
    assert_true(vg_base64url_encode(p, sizeof p, payload, strlen(payload)) > 0);
    snprintf(token, sizeof token, "%s.%s", h, p);
    if (key) {
        vg_hmac_sha256(key, key_bytes, token, strlen(token), mac);
        assert_true(vg_base64url_encode(s, sizeof s, mac, sizeof mac) > 0);
    }
    snprintf(token + strlen(token), sizeof token - strlen(token), ".%s", s);
    return token;
}

#define CLAIMS "{\"tenant_id\":\"tnt_1\",\"key_id\":\"key_1\",\"scope\":\"calls admin\",\"exp\":1700003600}"

static void each_algorithm_verifies_what_it_signed(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *files;
        bool slow;
    } CASES[] = {{"HS256", NULL, false}, {"RS256", "k1=rsa1.pem", true}, {"ES256", "k1=ec1.pem", true}};
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        struct vg_tokens *t = open_tokens(CASES[i].algorithm, SECRET, CASES[i].files);
        struct vg_claims claims;
        assert_int_equal(vg_tokens_verify(t, mint(t), NOW, &claims), 0);
        assert_string_equal(claims.tenant_id, "tnt_1");
        assert_string_equal(claims.key_id, "key_1");
        assert_int_equal(claims.scopes, VG_SCOPE_CALLS | VG_SCOPE_DESK);
        assert_int_equal(claims.expires_s, NOW + 3600);
        assert_int_equal(vg_tokens_slow(t), CASES[i].slow);
        vg_tokens_free(t);
    }
}

static void a_token_ends_with_its_time(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL);
    struct vg_claims claims;
    const char *token = mint(t);
    assert_int_equal(vg_tokens_verify(t, token, NOW + 3599, &claims), 0);
    assert_int_equal(vg_tokens_verify(t, token, NOW + 3600, &claims), VG_EAUTH);
    static const char *const NO_END[] = {"{\"tenant_id\":\"t\",\"key_id\":\"k\"}",
                                         "{\"tenant_id\":\"t\",\"key_id\":\"k\",\"exp\":\"1900000000\"}",
                                         "{\"tenant_id\":\"t\",\"exp\":1900000000}",
                                         "{\"key_id\":\"k\",\"exp\":1900000000}"};
    for (size_t i = 0; i < VG_COUNT_OF(NO_END); i++)
        assert_int_equal(verify(t, forge("{\"alg\":\"HS256\"}", NO_END[i], SECRET, strlen(SECRET))),
                         VG_EAUTH);
    vg_tokens_free(t);
}

static void the_algorithm_none_is_refused(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {"{\"alg\":\"none\"}", "{\"alg\":\"None\"}", "{\"alg\":\"\"}", "{}",
                                          "{\"alg\":\"none\",\"kid\":\"default\"}"};
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL),
                     *rs = open_tokens("RS256", SECRET, "k1=rsa1.pem");
    for (size_t i = 0; i < VG_COUNT_OF(HEADERS); i++) {
        assert_int_equal(verify(t, forge(HEADERS[i], CLAIMS, NULL, 0)), VG_EAUTH);
        assert_int_equal(verify(rs, forge(HEADERS[i], CLAIMS, NULL, 0)), VG_EAUTH);
        assert_int_equal(verify(t, forge(HEADERS[i], CLAIMS, SECRET, strlen(SECRET))), VG_EAUTH);
    }
    vg_tokens_free(t);
    vg_tokens_free(rs);
}

/* The classic: the public key is public, so anyone can sign with its text if it is taken for a secret. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *files, *pub;
    } CASES[] = {{"RS256", "k1=rsa1.pem", "rsa1.pub"}, {"ES256", "k1=ec1.pem", "ec1.pub"}};
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        char pem[4096];
        size_t n = read_file(CASES[i].pub, pem, sizeof pem);
        struct vg_tokens *t = open_tokens(CASES[i].algorithm, SECRET, CASES[i].files);
        assert_int_equal(verify(t, forge("{\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS, pem, n)), VG_EAUTH);
        assert_int_equal(verify(t, forge("{\"alg\":\"HS256\"}", CLAIMS, pem, n)), VG_EAUTH);
        assert_int_equal(verify(t, forge("{\"alg\":\"RS256\",\"kid\":\"k1\"}", CLAIMS, pem, n)), VG_EAUTH);
        vg_tokens_free(t);
    }
}

static void another_key_or_algorithm_is_refused(void **state)
{
    (void)state;
    struct vg_tokens *hs = open_tokens("HS256", SECRET, NULL),
                     *other = open_tokens("HS256", "x" SECRET, NULL),
                     *rs1 = open_tokens("RS256", SECRET, "k1=rsa1.pem"),
                     *rs2 = open_tokens("RS256", SECRET, "k1=rsa2.pem"),
                     *es = open_tokens("ES256", SECRET, "k1=ec1.pem");
    assert_int_equal(verify(other, mint(hs)), VG_EAUTH);
    assert_int_equal(verify(rs2, mint(rs1)), VG_EAUTH);
    assert_int_equal(verify(es, mint(rs1)), VG_EAUTH);
    assert_int_equal(verify(rs1, mint(hs)), VG_EAUTH);
    assert_int_equal(verify(hs, mint(rs1)), VG_EAUTH);
    assert_int_equal(verify(hs, forge("{\"alg\":\"HS384\"}", CLAIMS, SECRET, strlen(SECRET))), VG_EAUTH);
    vg_tokens_free(hs);
    vg_tokens_free(other);
    vg_tokens_free(rs1);
    vg_tokens_free(rs2);
    vg_tokens_free(es);
}

static void an_unknown_kid_is_refused_and_a_missing_one_means_the_first(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL);
    assert_int_equal(verify(t, forge("{\"alg\":\"HS256\",\"kid\":\"x\"}", CLAIMS, SECRET, strlen(SECRET))),
                     VG_EAUTH);
    assert_int_equal(verify(t, forge("{\"alg\":\"HS256\"}", CLAIMS, SECRET, strlen(SECRET))), 0);
    vg_tokens_free(t);
}

static void keys_overlap_while_they_are_exchanged(void **state)
{
    (void)state;
    struct vg_tokens *before = open_tokens("RS256", SECRET, "k1=rsa1.pem"),
                     *during = open_tokens("RS256", SECRET, "k2=rsa2.pem,k1=rsa1.pub"),
                     *after = open_tokens("RS256", SECRET, "k2=rsa2.pem");
    char old_token[4096];
    snprintf(old_token, sizeof old_token, "%s", mint(before));
    assert_int_equal(verify(during, old_token), 0);
    assert_int_equal(verify(after, old_token), VG_EAUTH);
    const char *new_token = mint(during);
    assert_int_equal(verify(during, new_token), 0);
    assert_int_equal(verify(after, new_token), 0);
    assert_int_equal(verify(before, new_token), VG_EAUTH);
    vg_tokens_free(before);
    vg_tokens_free(during);
    vg_tokens_free(after);
    struct vg_tokens *older = open_tokens("HS256", "an-older-secret-of-thirty-two-bytes-and-more", NULL),
                     *newer = open_tokens("HS256", SECRET, "old=old.secret");
    const char *token = forge("{\"alg\":\"HS256\",\"kid\":\"old\"}", CLAIMS,
                              "an-older-secret-of-thirty-two-bytes-and-more", 44);
    assert_int_equal(verify(newer, token), 0); /* the file's last newline is not part of the secret */
    assert_int_equal(verify(newer, mint(newer)), 0);
    assert_int_equal(verify(newer, mint(older)), 0); /* named by its old place, found at its new one */
    assert_int_equal(verify(older, mint(newer)), VG_EAUTH);
    vg_tokens_free(older);
    vg_tokens_free(newer);
}

static void a_changed_token_is_refused(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL);
    char token[4096];
    snprintf(token, sizeof token, "%s", mint(t));
    size_t n = strlen(token);
    /* Not the last character of a part: some of its bits may stand for nothing. */
    for (size_t i = 0; i < n - 1; i++) {
        char was = token[i];
        if (was == '.' || token[i + 1] == '.')
            continue;
        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(verify(t, token), VG_EAUTH);
        token[i] = was;
    }
    assert_int_equal(verify(t, token), 0);
    static const char *const BAD[] = {"", ".", "..", "...", "a.b.c", "eyJhbGciOiJIUzI1NiJ9..", "e30.e30.e30"};
    for (size_t i = 0; i < VG_COUNT_OF(BAD); i++)
        assert_int_equal(verify(t, BAD[i]), VG_EAUTH);
    vg_tokens_free(t);
}

static void bad_keys_are_named_at_start(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *files;
    } CASES[] = {{"RS256", NULL},
                 {"RS256", "k1=rsa1.pub"},
                 {"RS256", "k1=garbage"},
                 {"RS256", "k1=missing"},
                 {"ES256", "k1=rsa1.pem"},
                 {"RS256", "k1=ec1.pem"},
                 {"RS256", "k1=rsa1.pem,k2=ec2.pub"}};
    for (size_t i = 0; i < VG_COUNT_OF(CASES); i++) {
        struct vg_tokens *t = NULL;
        struct vg_buf problem = VG_BUF_INIT;
        assert_int_equal(try_open(&t, CASES[i].algorithm, SECRET, CASES[i].files, &problem), VG_EINVAL);
        assert_null(t);
        assert_non_null(strstr(vg_buf_str(&problem), "JWT_KEY_FILES"));
        vg_buf_free(&problem);
    }
}

/* --- session tokens --------------------------------------------------------------------------------------
 */

static const char *mint_session(const struct vg_tokens *t)
{
    static char text[1024];
    struct vg_buf b = VG_BUF_INIT;
    assert_int_equal(vg_tokens_mint_session(t, "call_1", "tnt_1", NOW, NOW + 60, &b), 0);
    snprintf(text, sizeof text, "%s", vg_buf_str(&b));
    vg_buf_free(&b);
    return text;
}

static void a_session_token_names_its_call_until_its_time(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL);
    char call_id[VG_ID_SIZE];
    const char *token = mint_session(t);
    assert_int_equal(vg_tokens_verify_session(t, token, NOW + 59, call_id), 0);
    assert_string_equal(call_id, "call_1");
    assert_int_equal(vg_tokens_verify_session(t, token, NOW + 60, call_id), VG_EAUTH);
    vg_tokens_free(t);
}

static void session_tokens_need_no_private_key(void **state)
{
    (void)state;
    struct vg_tokens *hs = open_tokens("HS256", SECRET, NULL),
                     *rs = open_tokens("RS256", SECRET, "k1=rsa1.pem");
    char call_id[VG_ID_SIZE];
    assert_int_equal(vg_tokens_verify_session(rs, mint_session(hs), NOW, call_id), 0);
    vg_tokens_free(hs);
    vg_tokens_free(rs);
}

static void neither_kind_of_token_passes_as_the_other(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL);
    char call_id[VG_ID_SIZE];
    assert_int_equal(vg_tokens_verify_session(t, mint(t), NOW, call_id), VG_EAUTH);
    assert_int_equal(verify(t, mint_session(t)), VG_EAUTH);
    /* An access token that claims to be a session, signed with the secret itself. */
    const char *fake = forge("{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
                             "{\"call_id\":\"call_1\",\"exp\":1900000000}", SECRET, strlen(SECRET));
    assert_int_equal(vg_tokens_verify_session(t, fake, NOW, call_id), VG_EAUTH);
    vg_tokens_free(t);
}

static void a_session_token_of_another_secret_or_changed_is_refused(void **state)
{
    (void)state;
    struct vg_tokens *t = open_tokens("HS256", SECRET, NULL), *other = open_tokens("HS256", "x" SECRET, NULL);
    char token[1024], call_id[VG_ID_SIZE];
    snprintf(token, sizeof token, "%s", mint_session(t));
    assert_int_equal(vg_tokens_verify_session(other, token, NOW, call_id), VG_EAUTH);
    for (size_t i = 0; token[i]; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(vg_tokens_verify_session(t, token, NOW, call_id), VG_EAUTH);
        token[i] = 0; /* and cut short */
        assert_int_equal(vg_tokens_verify_session(t, token, NOW, call_id), VG_EAUTH);
        token[i] = was;
    }
    strcat(token, "A");
    assert_int_equal(vg_tokens_verify_session(t, token, NOW, call_id), VG_EAUTH);
    vg_tokens_free(t);
    vg_tokens_free(other);
}

/* --- the cache of verified tokens ------------------------------------------------------------------------
 */

static void a_verified_token_is_remembered_until_it_expires(void **state)
{
    (void)state;
    struct token_cache *cache = token_cache_new();
    struct vg_claims claims = {.tenant_id = "tnt_1", .expires_s = NOW + 10}, got;
    assert_false(token_cache_get(cache, "sha", NOW, &got));
    token_cache_put(cache, "sha", &claims);
    assert_true(token_cache_get(cache, "sha", NOW + 9, &got));
    assert_string_equal(got.tenant_id, "tnt_1");
    assert_false(token_cache_get(cache, "sha", NOW + 10, &got));
    assert_false(token_cache_get(cache, "other", NOW, &got));
    for (int i = 0; i < 45000; i++) { /* its size is bounded */
        char sha[16];
        snprintf(sha, sizeof sha, "%d", i);
        token_cache_put(cache, sha, &claims);
    }
    assert_true(token_cache_get(cache, "44999", NOW, &got));
    assert_false(token_cache_get(cache, "0", NOW, &got));
    assert_null(token_cache_free(cache));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_verifies_what_it_signed),
        cmocka_unit_test(a_token_ends_with_its_time),
        cmocka_unit_test(the_algorithm_none_is_refused),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(another_key_or_algorithm_is_refused),
        cmocka_unit_test(an_unknown_kid_is_refused_and_a_missing_one_means_the_first),
        cmocka_unit_test(keys_overlap_while_they_are_exchanged),
        cmocka_unit_test(a_changed_token_is_refused),
        cmocka_unit_test(bad_keys_are_named_at_start),
        cmocka_unit_test(a_session_token_names_its_call_until_its_time),
        cmocka_unit_test(session_tokens_need_no_private_key),
        cmocka_unit_test(neither_kind_of_token_passes_as_the_other),
        cmocka_unit_test(a_session_token_of_another_secret_or_changed_is_refused),
        cmocka_unit_test(a_verified_token_is_remembered_until_it_expires),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
