/* Reading the keys of access tokens; see token_keys.h. */
#include "api/token_keys.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

enum { KEY_FILE_BYTES_MAX = 65536 };

static int read_file(const char *path, char **out, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return VG_EIO;
    char *data = malloc(KEY_FILE_BYTES_MAX);
    size_t n = data ? fread(data, 1, KEY_FILE_BYTES_MAX - 1, f) : 0;
    fclose(f);
    if (n == 0) {
        free(data);
        return VG_EIO;
    }
    data[n] = 0;
    *out = data;
    *bytes = n;
    return 0;
}

/* True for a key of the kind and strength that `algorithm` needs (RFC 7518, sections 3.3 and 3.4). */
static bool fits_algorithm(const EVP_PKEY *key, const char *algorithm)
{
    if (strcmp(algorithm, "RS256") == 0)
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256;
}

/* The public half of `key` as PEM. */
static char *public_pem(EVP_PKEY *key, size_t *bytes)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL, *data;
    if (out && PEM_write_bio_PUBKEY(out, key) == 1) {
        *bytes = (size_t)BIO_get_mem_data(out, &data);
        text = strndup(data, *bytes);
    }
    BIO_free(out);
    return text;
}

static EVP_PKEY *read_pem(const char *pem, size_t bytes, bool private)
{
    BIO *in = BIO_new_mem_buf(pem, (int)bytes);
    EVP_PKEY *key = NULL;
    static char no_passphrase[] = ""; /* else OpenSSL would ask for one on the terminal */
    if (in)
        key = private ? PEM_read_bio_PrivateKey(in, NULL, NULL, no_passphrase)
                      : PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    BIO_free(in);
    return key;
}

/* Takes `pem`: a private key signs and verifies, a public one verifies only. */
static int add_pem(struct token_key *k, char *pem, size_t bytes, const char *algorithm)
{
    EVP_PKEY *private = read_pem(pem, bytes, true), *key = private ? private : read_pem(pem, bytes, false);
    int err = key && fits_algorithm(key, algorithm) ? 0 : VG_EINVAL;
    if (private) {
        k->sign = pem;
        k->sign_bytes = bytes;
        k->verify = public_pem(private, &k->verify_bytes);
        err = err ? err : k->verify ? 0 : VG_ENOMEM;
    } else {
        k->verify = pem;
        k->verify_bytes = bytes;
    }
    EVP_PKEY_free(key);
    return err;
}

static int add_secret(struct token_key *k, const char *secret, size_t bytes)
{
    k->sign = strndup(secret, bytes);
    k->verify = strndup(secret, bytes);
    k->sign_bytes = k->verify_bytes = bytes;
    return k->sign && k->verify ? 0 : VG_ENOMEM;
}

/* One `kid=path` of JWT_KEY_FILES. */
static int add_file(struct token_keys *keys, const char *item, size_t length, const char *algorithm,
                    struct vg_buf *problem)
{
    char spec[1024];
    const char *eq = memchr(item, '=', length);
    if (!eq || length >= sizeof spec || (size_t)(eq - item) >= sizeof keys->keys[0].kid ||
        keys->count == TOKEN_KEYS_MAX) {
        vg_buf_printf(problem, "JWT_KEY_FILES takes at most %d entries kid=path, comma-separated",
                      TOKEN_KEYS_MAX);
        return VG_EINVAL;
    }
    memcpy(spec, item, length);
    spec[length] = 0;
    struct token_key *k = &keys->keys[keys->count++];
    snprintf(k->kid, sizeof k->kid, "%.*s", (int)(eq - item), item);
    char *data;
    size_t bytes;
    const char *path = spec + (eq - item) + 1;
    if (read_file(path, &data, &bytes)) {
        vg_buf_printf(problem, "JWT_KEY_FILES: %s: %s", path, strerror(errno));
        return VG_EINVAL;
    }
    if (strcmp(algorithm, "HS256") == 0) {
        while (bytes > 0 && (data[bytes - 1] == '\n' || data[bytes - 1] == '\r'))
            bytes--;
        int err = add_secret(k, data, bytes);
        free(data);
        return err;
    }
    int err = add_pem(k, data, bytes, algorithm);
    if (err == VG_EINVAL)
        vg_buf_printf(problem, "JWT_KEY_FILES: %s holds no PEM key that %s can use", path, algorithm);
    return err;
}

int token_keys_load(struct token_keys *out, const struct vg_config *config, struct vg_buf *problem)
{
    bool hmac = strcmp(config->jwt_algorithm, "HS256") == 0;
    int err = 0;
    *out = (struct token_keys){0};
    if (hmac) {
        struct token_key *k = &out->keys[out->count++];
        snprintf(k->kid, sizeof k->kid, "default");
        err = add_secret(k, config->jwt_secret, strlen(config->jwt_secret));
    }
    for (const char *p = config->jwt_key_files; p && *p && !err;) {
        size_t n = strcspn(p, ",");
        err = add_file(out, p, n, config->jwt_algorithm, problem);
        p += n + (p[n] == ',');
    }
    if (!err && (out->count == 0 || !out->keys[0].sign)) {
        vg_buf_puts(problem, "JWT_KEY_FILES: the first key must be a private one, it signs");
        err = VG_EINVAL;
    }
    if (err)
        token_keys_clear(out);
    return err;
}

void token_keys_clear(struct token_keys *keys)
{
    for (int i = 0; i < keys->count; i++) {
        free(keys->keys[i].sign);
        free(keys->keys[i].verify);
    }
    *keys = (struct token_keys){0};
}

const struct token_key *token_keys_find(const struct token_keys *keys, const char *kid)
{
    if (!kid)
        return &keys->keys[0];
    for (int i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].kid, kid) == 0)
            return &keys->keys[i];
    }
    return NULL;
}
