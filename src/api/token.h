/* Access tokens: JWT with one pinned algorithm and overlapping keys (`kid`), made and verified with libjwt;
 * and the session token of one call, an HS256 JWT under a derived key that is cheap enough to make for every
 * call. Any thread: the keys are immutable. */
#ifndef VG_API_TOKEN_H
#define VG_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "config/config.h"

struct vg_tokens;

struct vg_claims {
    char tenant_id[VG_ID_SIZE];
    char key_id[VG_ID_SIZE]; /* of the API key that it was minted from */
    uint32_t scopes;         /* enum vg_scope */
    int64_t expires_s;       /* Unix seconds */
};

/* Reads the keys that the configuration names. `problem` says in words what is wrong with them (VG_EINVAL).
 */
int vg_tokens_new(struct vg_tokens **out, const struct vg_config *config,
                  struct vg_buf *problem) VG_MUST_CHECK;
struct vg_tokens *vg_tokens_free(struct vg_tokens *t);

/* Signs an access token with the first key. */
int vg_tokens_mint(const struct vg_tokens *t, const struct vg_claims *claims, int64_t now_s,
                   struct vg_buf *out) VG_MUST_CHECK;
/* VG_EAUTH: not one of ours, tampered with, another algorithm, expired. Costs 10 us for HS256, 0.3 ms for
 * RS256 and ES256. */
int vg_tokens_verify(const struct vg_tokens *t, const char *token, int64_t now_s,
                     struct vg_claims *out) VG_MUST_CHECK;
/* True if verifying belongs on a worker thread. */
bool vg_tokens_slow(const struct vg_tokens *t);

/* The token that lets its bearer connect to `call_id`, and to nothing else, until `expires_s`. */
int vg_tokens_mint_session(const struct vg_tokens *t, const char *call_id, const char *tenant_id,
                           int64_t now_s, int64_t expires_s, struct vg_buf *out) VG_MUST_CHECK;
/* Writes the call that the token is for. VG_EAUTH as above, or it is no session token. */
int vg_tokens_verify_session(const struct vg_tokens *t, const char *token, int64_t now_s,
                             char call_id[VG_ID_SIZE]) VG_MUST_CHECK;

#endif
