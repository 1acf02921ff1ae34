/* The keys behind struct vg_tokens. src/api alone. */
#ifndef VG_API_TOKEN_KEYS_H
#define VG_API_TOKEN_KEYS_H

#include "base/crypto.h"
#include "config/config.h"

enum { TOKEN_KEYS_MAX = 8 };

struct token_key {
    char kid[64];
    char *sign, *verify; /* secret, or PEM; `sign` NULL: this key only verifies */
    size_t sign_bytes, verify_bytes;
};

struct token_keys {
    struct token_key keys[TOKEN_KEYS_MAX]; /* the first that can signs */
    int count;
};

/* Reads JWT_SECRET and JWT_KEY_FILES as JWT_ALGORITHM asks. */
int token_keys_load(struct token_keys *out, const struct vg_config *config,
                    struct vg_buf *problem) VG_MUST_CHECK;
void token_keys_clear(struct token_keys *keys);
/* NULL if there is none; a token without kid fits the first key. */
const struct token_key *token_keys_find(const struct token_keys *keys, const char *kid);

#endif
