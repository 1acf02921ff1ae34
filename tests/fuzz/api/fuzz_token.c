/* Any text as an access token and as a session token: nothing but what was signed passes. The first byte says
 * where a token of ours is put together with the input, so that the part behind the signature is reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1700000000 };

static struct vg_tokens *make_tokens(void)
{
    struct vg_tokens *t = NULL;
    struct vg_buf problem = VG_BUF_INIT;
    struct vg_config config = {.jwt_algorithm = "HS256",
                               .jwt_secret = "fuzzing-needs-a-secret-of-its-own",
                               .jwt_expires_seconds = 3600};
    VG_ASSERT(vg_tokens_new(&t, &config, &problem) == 0);
    return t;
}

/* Ours with the input in place of its part number `part`. */
static char *splice(const char *ours, int part, const uint8_t *data, size_t size)
{
    const char *from = ours;
    for (int i = 0; i < part; i++)
        from = strchr(from, '.') + 1;
    size_t head = (size_t)(from - ours), skip = strcspn(from, ".");
    const char *tail = from + skip;
    char *text = calloc(1, head + size + strlen(tail) + 1);
    VG_ASSERT(text);
    memcpy(text, ours, head);
    memcpy(text + head, data, size);
    memcpy(text + head + size, tail, strlen(tail));
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vg_tokens *tokens;
    static struct vg_buf access_token, session_token;
    struct vg_claims claims = {.tenant_id = "tnt_1", .key_id = "key_1", .scopes = 1};
    char call_id[VG_ID_SIZE];
    if (!tokens) {
        tokens = make_tokens();
        VG_ASSERT(vg_tokens_mint(tokens, &claims, NOW, &access_token) == 0);
        VG_ASSERT(vg_tokens_mint_session(tokens, "call_1", "tnt_1", NOW, NOW + 60, &session_token) == 0);
    }
    if (size == 0)
        return 0;
    int mode = data[0] % 7;
    const char *ours = mode < 4 ? access_token.data : session_token.data;
    char *text = mode == 0 ? calloc(1, size) : splice(ours, (mode - 1) % 3, data + 1, size - 1);
    VG_ASSERT(text);
    if (mode == 0)
        memcpy(text, data + 1, size - 1);
    if (vg_tokens_verify(tokens, text, NOW, &claims) == 0)
        VG_ASSERT(strncmp(text, access_token.data, strlen(text) - 1) == 0); /* its last bits may differ */
    if (vg_tokens_verify_session(tokens, text, NOW, call_id) == 0)
        VG_ASSERT(strcmp(text, session_token.data) == 0);
    free(text);
    return 0;
}
