/* Snapshots of tenants, keys and agents; see directory_load.h. */
#include "store/directory_load.h"

#include <string.h>

struct tenant_box {
    atomic_uint refs;
    struct vg_tenant tenant;
};

enum { AGENT_TEXTS = 10 };

struct agent_box {
    atomic_uint refs;
    struct vg_agent agent;
    char *texts[AGENT_TEXTS]; /* owned; what agent's strings point to */
    const char **vocabulary;  /* owned; points into texts */
};

#define BOX_OF(type, ptr, member) ((struct type *)(void *)((uintptr_t)(ptr)-offsetof(struct type, member)))

/* --- references --------------------------------------------------------------------------------------------
 */

/* Release on the way down pairs with acquire of the last one: the freeing thread sees all uses done. */
static bool drop(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

struct key_box *key_box_get(struct key_box *k)
{
    if (k)
        atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void key_box_put(struct key_box *k)
{
    if (k && drop(&k->refs))
        free(k);
}

const struct vg_tenant *vg_tenant_get(const struct vg_tenant *t)
{
    if (t)
        atomic_fetch_add_explicit(&BOX_OF(tenant_box, t, tenant)->refs, 1, memory_order_relaxed);
    return t;
}

void vg_tenant_put(const struct vg_tenant *t)
{
    if (t && drop(&BOX_OF(tenant_box, t, tenant)->refs))
        free(BOX_OF(tenant_box, t, tenant));
}

static void agent_box_free(struct agent_box *box)
{
    for (int i = 0; i < AGENT_TEXTS; i++)
        free(box->texts[i]);
    free(box->vocabulary);
    free(box);
}

const struct vg_agent *vg_agent_get(const struct vg_agent *a)
{
    if (a)
        atomic_fetch_add_explicit(&BOX_OF(agent_box, a, agent)->refs, 1, memory_order_relaxed);
    return a;
}

void vg_agent_put(const struct vg_agent *a)
{
    if (a && drop(&BOX_OF(agent_box, a, agent)->refs))
        agent_box_free(BOX_OF(agent_box, a, agent));
}

void directory_value_put(struct directory_value *v)
{
    key_box_put(v->key);
    vg_tenant_put(v->tenant);
    vg_agent_put(v->agent);
    *v = (struct directory_value){0};
}

struct directory_value directory_value_get(const struct directory_value *v)
{
    return (struct directory_value){.key = key_box_get(v->key),
                                    .tenant = vg_tenant_get(v->tenant),
                                    .agent = vg_agent_get(v->agent)};
}

/* --- loading -----------------------------------------------------------------------------------------------
 */

static enum vg_tenant_status status_of(const char *text)
{
    return strcmp(text, "active") == 0      ? VG_TENANT_ACTIVE
           : strcmp(text, "suspended") == 0 ? VG_TENANT_SUSPENDED
                                            : VG_TENANT_DELETED;
}

void directory_tenant_row(const struct vg_rows *rows, size_t row, struct vg_tenant *t)
{
    vg_rows_id(rows, row, 0, VG_ID_TENANT, t->id);
    snprintf(t->name, sizeof t->name, "%s", vg_rows_text(rows, row, 1));
    t->status = status_of(vg_rows_text(rows, row, 2));
    snprintf(t->plan, sizeof t->plan, "%s", vg_rows_text(rows, row, 3));
    t->rate_limit_requests = (uint32_t)vg_rows_int(rows, row, 4);
    t->rate_limit_window_s = (uint32_t)vg_rows_int(rows, row, 5);
    t->concurrent_calls_max = (uint32_t)vg_rows_int(rows, row, 6);
    vg_rows_id(rows, row, 7, VG_ID_AGENT, t->default_agent_id);
    t->created_at_us = vg_rows_int(rows, row, 8);
    t->updated_at_us = vg_rows_int(rows, row, 9);
}

int directory_load_tenant(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us,
                          struct directory_value *out)
{
    struct vg_rows *rows = NULL;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_directory_tenant, NULL, 0);
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    struct tenant_box *box = err ? NULL : calloc(1, sizeof *box);
    if (!err && !box)
        err = VG_ENOMEM;
    if (!err) {
        atomic_init(&box->refs, 1);
        directory_tenant_row(rows, 0, &box->tenant);
        out->tenant = &box->tenant;
    }
    vg_rows_free(rows);
    return err;
}

int directory_load_key(struct vg_pg *pg, const char *sha256_hex, const char *key_id, int64_t deadline_us,
                       struct directory_value *out)
{
    struct vg_rows *rows = NULL;
    char uuid[VG_UUID_SIZE];
    if (key_id && vg_id_to_uuid(uuid, key_id, VG_ID_KEY))
        return VG_ENOENT;
    int err = vg_pg_query(pg, NULL, deadline_us, &rows, VG_SQL_directory_key,
                          (const char *[]){sha256_hex, key_id ? uuid : NULL}, 2);
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    struct key_box *box = err ? NULL : calloc(1, sizeof *box);
    if (!err && !box)
        err = VG_ENOMEM;
    if (!err) {
        struct vg_key_record *k = &box->key;
        atomic_init(&box->refs, 1);
        vg_rows_id(rows, 0, 0, VG_ID_KEY, k->id);
        vg_rows_id(rows, 0, 1, VG_ID_TENANT, k->tenant_id);
        snprintf(k->sha256_hex, sizeof k->sha256_hex, "%s", vg_rows_text(rows, 0, 2));
        k->scopes = (uint32_t)vg_rows_int(rows, 0, 3);
        k->expires_us = vg_rows_int(rows, 0, 4);
        k->revoked = vg_rows_bool(rows, 0, 5);
        if (k->tenant_id[0])
            err = directory_load_tenant(pg, k->tenant_id, deadline_us, out);
        if (err)
            key_box_put(box);
        else
            out->key = box;
    }
    vg_rows_free(rows);
    return err;
}

/* Splits the words, one a line, in place. */
static int split_vocabulary(struct agent_box *box, char *words)
{
    uint32_t n = 0;
    if (!*words)
        return 0;
    for (const char *p = words; p; p = strchr(p + 1, '\n'))
        n++;
    box->vocabulary = calloc(n, sizeof *box->vocabulary);
    if (!box->vocabulary)
        return VG_ENOMEM;
    char *save = NULL;
    n = 0;
    for (char *w = strtok_r(words, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
        box->vocabulary[n++] = w;
    box->agent.vocabulary = box->vocabulary;
    box->agent.vocabulary_count = n;
    return 0;
}

static int fill_agent(struct agent_box *box, const struct vg_rows *rows, size_t row)
{
    struct vg_agent *a = &box->agent;
    for (int i = 0; i < AGENT_TEXTS; i++) {
        box->texts[i] = strdup(vg_rows_text(rows, row, 3 + i));
        if (!box->texts[i])
            return VG_ENOMEM;
    }
    vg_rows_id(rows, row, 0, VG_ID_AGENT, a->id);
    vg_rows_id(rows, row, 1, VG_ID_TENANT, a->tenant_id);
    a->version = (uint32_t)vg_rows_int(rows, row, 2);
    a->name = box->texts[0];
    a->role = box->texts[1];
    a->system_prompt = box->texts[2];
    a->greeting = box->texts[3];
    a->language = box->texts[4];
    a->voice_id = box->texts[5];
    a->stt_engine = box->texts[6];
    a->llm_engine = box->texts[7];
    a->tts_engine = box->texts[8];
    a->endpointing_ms = (uint32_t)vg_rows_int(rows, row, 13);
    a->barge_in = vg_rows_bool(rows, row, 14);
    a->is_default = vg_rows_bool(rows, row, 15);
    a->created_at_us = vg_rows_int(rows, row, 16);
    a->updated_at_us = vg_rows_int(rows, row, 17);
    return split_vocabulary(box, box->texts[9]);
}

int directory_agent_row(const struct vg_rows *rows, size_t row, const struct vg_agent **out)
{
    struct agent_box *box = calloc(1, sizeof *box);
    if (!box)
        return VG_ENOMEM;
    atomic_init(&box->refs, 1);
    int err = fill_agent(box, rows, row);
    if (err)
        agent_box_free(box);
    else
        *out = &box->agent;
    return err;
}

int directory_load_agent(struct vg_pg *pg, const char *tenant_id, const char *agent_id, int64_t deadline_us,
                         struct directory_value *out)
{
    struct vg_rows *rows = NULL;
    char uuid[VG_UUID_SIZE];
    if (*agent_id && vg_id_to_uuid(uuid, agent_id, VG_ID_AGENT))
        return VG_ENOENT;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_directory_agent,
                          (const char *[]){*agent_id ? uuid : NULL}, 1);
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    if (!err)
        err = directory_agent_row(rows, 0, &out->agent);
    vg_rows_free(rows);
    return err;
}
