/* Tenants and API keys; see admin.h. Agents are in admin_agents.c. */
#include "store/admin.h"

#include <string.h>

#include "base/crypto.h"
#include "store/directory_load.h"

/* Makes a key's secret, id and prefix, and stores its hash. In the open transaction. */
static int insert_key(struct vg_pg *pg, const char *tenant_uuid, const char *name, uint32_t scopes,
                      int64_t expires_us, struct vg_new_key *key)
{
    uint8_t random[32];
    char hash[VG_SHA256_HEX_SIZE], uuid[VG_UUID_SIZE], scopes_text[16], expires[24];
    vg_random_bytes(random, sizeof random);
    memcpy(key->secret, "vgk_", 4);
    int n = vg_base64url_encode(key->secret + 4, sizeof key->secret - 4, random, sizeof random);
    if (n < 0)
        return n;
    snprintf(key->prefix, sizeof key->prefix, "%.12s", key->secret);
    vg_sha256_hex(key->secret, strlen(key->secret), hash);
    vg_id_new(key->id, VG_ID_KEY);
    int err = vg_id_to_uuid(uuid, key->id, VG_ID_KEY);
    snprintf(scopes_text, sizeof scopes_text, "%u", scopes);
    snprintf(expires, sizeof expires, "%lld", (long long)expires_us);
    const char *params[] = {uuid, tenant_uuid, name, key->prefix, hash, scopes_text, expires};
    return err ? err : vg_pg_exec(pg, NULL, VG_SQL_admin_key_create, params, 7);
}

int vg_admin_tenant_create(struct vg_pg *pg, const char *name, const char *plan, int64_t deadline_us,
                           struct vg_tenant *out, struct vg_new_key *key)
{
    char id[VG_ID_SIZE], uuid[VG_UUID_SIZE];
    vg_id_new(id, VG_ID_TENANT);
    int err = vg_id_to_uuid(uuid, id, VG_ID_TENANT);
    if (!err)
        err = vg_pg_begin(pg, NULL, deadline_us);
    if (err)
        return err;
    err = vg_pg_exec(pg, NULL, VG_SQL_admin_tenant_create,
                     (const char *[]){uuid, name, plan ? plan : "starter"}, 3);
    if (!err)
        err = insert_key(pg, uuid, "first key", VG_SCOPES_TENANT, 0, key);
    err = vg_pg_end(pg, err);
    return err ? err : vg_admin_tenant_load(pg, id, deadline_us, out);
}

int vg_admin_tenant_load(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us, struct vg_tenant *out)
{
    struct vg_rows *rows = NULL;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_directory_tenant, NULL, 0);
    if (err == VG_EPARSE || (!err && vg_rows_count(rows) == 0))
        err = VG_ENOENT;
    if (!err)
        directory_tenant_row(rows, 0, out);
    vg_rows_free(rows);
    return err;
}

static const char *number_or_null(int64_t value, char text[24])
{
    snprintf(text, 24, "%lld", (long long)value);
    return value < 0 ? NULL : text;
}

int vg_admin_tenant_update(struct vg_pg *pg, const char *tenant_id, const struct vg_tenant_change *c,
                           int64_t deadline_us, struct vg_tenant *out)
{
    char requests[24], window[24], calls[24];
    struct vg_rows *rows = NULL;
    const char *params[] = {c->name,
                            c->status,
                            c->plan,
                            number_or_null(c->rate_limit_requests, requests),
                            number_or_null(c->rate_limit_window_s, window),
                            number_or_null(c->concurrent_calls_max, calls)};
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_tenant_update, params, 6);
    if (err == VG_EPARSE || (!err && vg_rows_affected(rows) == 0))
        err = VG_ENOENT;
    vg_rows_free(rows);
    return err ? err : vg_admin_tenant_load(pg, tenant_id, deadline_us, out);
}

int vg_admin_tenant_list(struct vg_pg *pg, const char *after, unsigned limit, int64_t deadline_us,
                         struct vg_tenant_list **out)
{
    char after_uuid[VG_UUID_SIZE], limit_text[16];
    struct vg_rows *rows = NULL;
    if (after && vg_id_to_uuid(after_uuid, after, VG_ID_TENANT))
        return VG_EINVAL;
    snprintf(limit_text, sizeof limit_text, "%u", limit);
    int err = vg_pg_query(pg, NULL, deadline_us, &rows, VG_SQL_admin_tenant_list,
                          (const char *[]){after ? after_uuid : NULL, limit_text}, 2);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_tenant_list *l = err ? NULL : calloc(1, sizeof *l + n * sizeof l->items[0]);
    if (!err && !l)
        err = VG_ENOMEM;
    if (!err) {
        l->count = n;
        for (size_t i = 0; i < n; i++)
            directory_tenant_row(rows, i, &l->items[i]);
        *out = l;
    }
    vg_rows_free(rows);
    return err;
}

int vg_admin_key_create(struct vg_pg *pg, const char *tenant_id, const char *name, uint32_t scopes,
                        int64_t expires_us, int64_t deadline_us, struct vg_new_key *out)
{
    char uuid[VG_UUID_SIZE];
    struct vg_new_key key;
    if (tenant_id && vg_id_to_uuid(uuid, tenant_id, VG_ID_TENANT))
        return VG_ENOENT;
    int err = vg_pg_begin(pg, NULL, deadline_us);
    if (err)
        return err;
    err = vg_pg_end(pg, insert_key(pg, tenant_id ? uuid : NULL, name, scopes, expires_us, &key));
    if (!err)
        *out = key;
    return err;
}

static void fill_key(struct vg_key_info *k, const struct vg_rows *rows, size_t row)
{
    vg_rows_id(rows, row, 0, VG_ID_KEY, k->id);
    vg_rows_id(rows, row, 1, VG_ID_TENANT, k->tenant_id);
    snprintf(k->name, sizeof k->name, "%s", vg_rows_text(rows, row, 2));
    snprintf(k->prefix, sizeof k->prefix, "%s", vg_rows_text(rows, row, 3));
    k->scopes = (uint32_t)vg_rows_int(rows, row, 4);
    k->created_at_us = vg_rows_int(rows, row, 5);
    k->expires_at_us = vg_rows_int(rows, row, 6);
    k->revoked_at_us = vg_rows_int(rows, row, 7);
    k->last_used_us = vg_rows_int(rows, row, 8);
}

int vg_admin_key_list(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us, struct vg_key_list **out)
{
    char uuid[VG_UUID_SIZE];
    struct vg_rows *rows = NULL;
    if (tenant_id && vg_id_to_uuid(uuid, tenant_id, VG_ID_TENANT))
        return VG_ENOENT;
    int err = vg_pg_query(pg, NULL, deadline_us, &rows, VG_SQL_admin_key_list,
                          (const char *[]){tenant_id ? uuid : NULL}, 1);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_key_list *l = err ? NULL : calloc(1, sizeof *l + n * sizeof l->items[0]);
    if (!err && !l)
        err = VG_ENOMEM;
    if (!err) {
        l->count = n;
        for (size_t i = 0; i < n; i++)
            fill_key(&l->items[i], rows, i);
        *out = l;
    }
    vg_rows_free(rows);
    return err;
}

int vg_admin_key_revoke(struct vg_pg *pg, const char *tenant_id, const char *key_id, int64_t deadline_us)
{
    char uuid[VG_UUID_SIZE];
    struct vg_rows *rows = NULL;
    if (vg_id_to_uuid(uuid, key_id, VG_ID_KEY))
        return VG_ENOENT;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows,
                          tenant_id ? VG_SQL_key_revoke : VG_SQL_admin_key_revoke, (const char *[]){uuid}, 1);
    if (!err && !(tenant_id ? vg_rows_affected(rows) > 0 : vg_rows_bool(rows, 0, 0)))
        err = VG_ENOENT;
    vg_rows_free(rows);
    return err;
}
