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

/* The PEM public key that belongs to a PEM private key; NULL if `pem` has none. */
static char *public_pem(const char *pem, size_t bytes, size_t *out_bytes)
{
    BIO *in = BIO_new_mem_buf(pem, (int)bytes), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    char *text = NULL;
    if (key && out && PEM_write_bio_PUBKEY(out, key) == 1) {
        char *data;
        long n = BIO_get_mem_data(out, &data);
        text = strndup(data, (size_t)n);
        *out_bytes = (size_t)n;
    }
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
    return text;
}

static int add_pem(struct token_key *k, char *pem, size_t bytes)
{
    k->verify = public_pem(pem, bytes, &k->verify_bytes);
    if (k->verify) {
        k->sign = pem;
        k->sign_bytes = bytes;
        return 0;
    }
    k->verify = pem; /* a public key: it verifies only */
    k->verify_bytes = bytes;
    return strstr(pem, "PUBLIC KEY") ? 0 : VG_EINVAL;
}

static int add_secret(struct token_key *k, const char *secret, size_t bytes)
{
    k->sign = strndup(secret, bytes);
    k->verify = strndup(secret, bytes);
    k->sign_bytes = k->verify_bytes = bytes;
    return k->sign && k->verify ? 0 : VG_ENOMEM;
}

/* One `kid=path` of JWT_KEY_FILES. */
static int add_file(struct token_keys *keys, const char *item, size_t length, bool hmac,
                    struct vg_buf *problem)
{
    char spec[1024];
    const char *eq = memchr(item, '=', length);
    if (!eq || length >= sizeof spec || (size_t)(eq - item) >= sizeof keys->keys[0].kid ||
        keys->count == TOKEN_KEYS_MAX) {
        vg_buf_printf(problem, "JWT_KEY_FILES takes at most %d entries kid=path, comma-separated\n",
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
        vg_buf_printf(problem, "JWT_KEY_FILES: %s: %s\n", path, strerror(errno));
        return VG_EINVAL;
    }
    if (hmac) {
        while (bytes > 0 && (data[bytes - 1] == '\n' || data[bytes - 1] == '\r'))
            bytes--;
        int err = add_secret(k, data, bytes);
        free(data);
        return err;
    }
    if (add_pem(k, data, bytes)) {
        vg_buf_printf(problem, "JWT_KEY_FILES: %s holds no PEM key\n", path);
        return VG_EINVAL;
    }
    return 0;
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
        err = add_file(out, p, n, hmac, problem);
        p += n + (p[n] == ',');
    }
    if (!err && (out->count == 0 || !out->keys[0].sign)) {
        vg_buf_puts(problem, "JWT_KEY_FILES: the first key must be a private one, it signs\n");
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
