/* Verified tokens; see exchange.h. Bounded: when it is full it forgets all, which costs each token
 * one more verification. */
#include <pthread.h>

#include "api/exchange.h"
#include "base/map.h"

enum { TOKENS_MAX = 20000 };

struct token_cache {
    pthread_mutex_t lock;
    struct vg_map *claims; /* sha256 hex -> struct vg_claims, owned */
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *c = calloc(1, sizeof *c);
    if (c && !(c->claims = vg_map_new())) {
        free(c);
        return NULL;
    }
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void forget_all(struct token_cache *c)
{
    size_t cursor = 0;
    void *claims;
    while ((claims = vg_map_next(c->claims, &cursor, NULL)))
        free(claims);
    vg_map_free(c->claims);
    c->claims = NULL;
}

struct token_cache *token_cache_free(struct token_cache *c)
{
    if (!c)
        return NULL;
    if (c->claims)
        forget_all(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

bool token_cache_get(struct token_cache *c, const char *sha256_hex, int64_t now_s, struct vg_claims *out)
{
    pthread_mutex_lock(&c->lock);
    const struct vg_claims *claims = c->claims ? vg_map_get(c->claims, sha256_hex) : NULL;
    bool found = claims && claims->expires_s > now_s;
    if (found)
        *out = *claims;
    pthread_mutex_unlock(&c->lock);
    return found;
}

void token_cache_put(struct token_cache *c, const char *sha256_hex, const struct vg_claims *claims)
{
    struct vg_claims *copy = malloc(sizeof *copy);
    if (!copy)
        return;
    *copy = *claims;
    pthread_mutex_lock(&c->lock);
    if (c->claims && vg_map_count(c->claims) >= TOKENS_MAX)
        forget_all(c);
    if (!c->claims)
        c->claims = vg_map_new();
    free(c->claims ? vg_map_remove(c->claims, sha256_hex) : NULL);
    if (!c->claims || vg_map_put(c->claims, sha256_hex, copy))
        free(copy);
    pthread_mutex_unlock(&c->lock);
}
