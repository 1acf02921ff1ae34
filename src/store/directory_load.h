/* Inside the store: the directory's snapshots and how they are read from PostgreSQL. */
#ifndef VG_STORE_DIRECTORY_LOAD_H
#define VG_STORE_DIRECTORY_LOAD_H

#include <stdatomic.h>

#include "store/directory.h"
#include "store/pg.h"

struct key_box {
    atomic_uint refs;
    struct vg_key_record key;
};

struct key_box *key_box_get(struct key_box *k);
void key_box_put(struct key_box *k); /* NULL is fine */

/* One entry's value; each member holds a reference or is NULL. */
struct directory_value {
    struct key_box *key;
    const struct vg_tenant *tenant;
    const struct vg_agent *agent;
};

void directory_value_put(struct directory_value *v);
struct directory_value directory_value_get(const struct directory_value *v);

/* Loaders, on a worker: 0 with references given, VG_ENOENT, VG_EUNAVAIL and the other errors of vg_pg. */
int directory_load_tenant(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us,
                          struct directory_value *out) VG_MUST_CHECK;
/* By hash or by id, the other NULL; with the key's tenant. */
int directory_load_key(struct vg_pg *pg, const char *sha256_hex, const char *key_id, int64_t deadline_us,
                       struct directory_value *out) VG_MUST_CHECK;
/* `agent_id` "" for the default agent. */
int directory_load_agent(struct vg_pg *pg, const char *tenant_id, const char *agent_id, int64_t deadline_us,
                         struct directory_value *out) VG_MUST_CHECK;

/* A row of directory_tenant or admin_tenant_list. */
void directory_tenant_row(const struct vg_rows *rows, size_t row, struct vg_tenant *out);
/* A row of directory_agent or agent_list; gives a reference. */
int directory_agent_row(const struct vg_rows *rows, size_t row, const struct vg_agent **out) VG_MUST_CHECK;

#endif
