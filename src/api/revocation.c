/* What a revoked key takes with it: the calls that were started with it, within about a second. Each shard
 * ends its own; nothing is looked at until the directory has changed. */
#include <string.h>

#include "api/exchange.h"
#include "base/map.h"
#include "bus/bus.h"
#include "call/call.h"

/* One look at a key. */
struct look {
    struct vg_api *api;
    char key_id[VG_ID_SIZE];
};

static bool is_mine(const struct vg_api *api, const struct vg_call_entry *e)
{
    return e->home == api->shard && *e->spec->key_id;
}

static void end_calls_of(struct vg_api *api, const char *key_id, const char *reason)
{
    struct vg_call_entry **live;
    size_t n = vg_calls_all_live(api->shared->calls, &live);
    for (size_t i = 0; i < n; i++) {
        if (is_mine(api, live[i]) && strcmp(live[i]->spec->key_id, key_id) == 0)
            vg_call_end(api->shard, live[i], reason, NULL, NULL);
        vg_call_entry_put(live[i]);
    }
    free(live);
}

/* A key that cannot be looked up at the moment is taken for good, as the directory does. */
static void on_key(void *arg, int err, const struct vg_key_record *key, const struct vg_tenant *tenant)
{
    struct look *look = arg;
    if (err == VG_ENOENT || (!err && key->revoked))
        end_calls_of(look->api, look->key_id, VG_CALL_TOKEN_REVOKED);
    else if (!err && tenant && tenant->status != VG_TENANT_ACTIVE)
        end_calls_of(look->api, look->key_id, VG_CALL_TENANT_SUSPENDED);
    free(look);
}

static void look_at(struct vg_api *api, const char *key_id)
{
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return;
    look->api = api;
    memcpy(look->key_id, key_id, sizeof look->key_id);
    vg_directory_key_by_id(api->shared->directory, api->shard->loop, look->key_id, on_key, look);
}

void vg_api_sweep(struct vg_api *api)
{
    unsigned changes = vg_directory_changes(api->shared->directory);
    if (changes == api->changes_seen)
        return;
    api->changes_seen = changes;
    struct vg_map *seen = vg_map_new();
    struct vg_call_entry **live;
    size_t n = vg_calls_all_live(api->shared->calls, &live);
    for (size_t i = 0; i < n; i++) {
        const char *key_id = live[i]->spec->key_id;
        if (seen && is_mine(api, live[i]) && !vg_map_get(seen, key_id) && !vg_map_put(seen, key_id, api))
            look_at(api, key_id);
        vg_call_entry_put(live[i]);
    }
    free(live);
    vg_map_free(seen);
}
