/* The edge of one shard; see api.h. */
#include "api/api.h"

#include "api/exchange.h"

static size_t body_limit(void *arg, const char *method, const char *path)
{
    (void)arg;
    return route_body_limit(method, path);
}

int vg_api_shared_init(struct vg_api_shared *shared)
{
    shared->token_cache = token_cache_new();
    return shared->token_cache ? 0 : VG_ENOMEM;
}

void vg_api_shared_clear(struct vg_api_shared *shared)
{
    shared->token_cache = token_cache_free(shared->token_cache);
}

struct vg_api *vg_api_new(struct vg_shard *shard, struct vg_api_shared *shared)
{
    struct vg_api *api = calloc(1, sizeof *api);
    if (api)
        *api = (struct vg_api){.shard = shard, .shared = shared};
    return api;
}

struct vg_api *vg_api_free(struct vg_api *api)
{
    free(api);
    return NULL;
}

struct vg_server_handlers vg_api_handlers(struct vg_api *api)
{
    return (struct vg_server_handlers){
        .request = exchange_begin, .upgrade = api_upgrade, .body_limit = body_limit, .arg = api};
}
