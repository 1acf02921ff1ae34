/* The handoff queue; see handoffs.h. */
#include "store/handoffs.h"

#include <math.h>

/* Which handoffs to read; NULL is any. */
struct filter {
    const char *id, *open_of_call, *queue, *status, *after; /* ids as UUIDs */
    unsigned limit;
};

static void fill(struct vg_handoff *h, const struct vg_rows *rows, size_t row)
{
    vg_rows_id(rows, row, 0, VG_ID_HANDOFF, h->id);
    vg_rows_id(rows, row, 1, VG_ID_CALL, h->call_id);
    h->queue = vg_rows_text(rows, row, 2);
    h->reason = vg_rows_text(rows, row, 3);
    h->status = vg_rows_text(rows, row, 4);
    h->context = vg_rows_text(rows, row, 5);
    h->accepted_by = vg_rows_text(rows, row, 6);
    h->note = vg_rows_text(rows, row, 7);
    h->created_at_us = vg_rows_int(rows, row, 8);
    h->accepted_at_us = vg_rows_int(rows, row, 9);
    h->closed_at_us = vg_rows_int(rows, row, 10);
    h->queued_ahead = (uint32_t)vg_rows_int(rows, row, 11);
    h->estimated_wait_s = (uint32_t)lround(h->queued_ahead * vg_rows_num(rows, row, 12));
}

/* In the open transaction. */
static int select_into(struct vg_pg *pg, const struct filter *f, struct vg_handoffs **out)
{
    char limit[16];
    struct vg_rows *rows = NULL;
    snprintf(limit, sizeof limit, "%u", f->limit);
    const char *params[] = {f->id, f->open_of_call, f->queue, f->status, f->after, limit};
    int err = vg_pg_exec(pg, &rows, VG_SQL_handoff_select, params, 6);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_handoffs *h = err ? NULL : calloc(1, sizeof *h + n * sizeof h->items[0]);
    if (!h) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    h->rows = rows;
    h->count = n;
    for (size_t i = 0; i < n; i++)
        fill(&h->items[i], rows, i);
    *out = h;
    return 0;
}

struct vg_handoffs *vg_handoffs_free(struct vg_handoffs *h)
{
    if (h)
        vg_rows_free(h->rows);
    free(h);
    return NULL;
}

/* Ends the transaction; what was read is given only if that went well. */
static int finish(struct vg_pg *pg, int err, struct vg_handoffs *found, struct vg_handoffs **out)
{
    err = vg_pg_end(pg, err);
    if (err)
        vg_handoffs_free(found);
    else
        *out = found;
    return err;
}

int vg_handoff_create(struct vg_pg *pg, const char *tenant_id, const char *id, const char *call_id,
                      const char *queue, const char *reason, const char *context, int64_t deadline_us,
                      struct vg_handoffs **out)
{
    char made[VG_ID_SIZE], uuid[VG_UUID_SIZE], call_uuid[VG_UUID_SIZE];
    struct vg_handoffs *found = NULL;
    if (!*id) {
        vg_id_new(made, VG_ID_HANDOFF);
        id = made;
    }
    if (vg_id_to_uuid(uuid, id, VG_ID_HANDOFF))
        return VG_EINVAL;
    if (vg_id_to_uuid(call_uuid, call_id, VG_ID_CALL))
        return VG_ENOENT;
    const char *params[] = {uuid, call_uuid, queue, reason, context ? context : "{}"};
    int err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (err)
        return err;
    err = vg_pg_exec(pg, NULL, VG_SQL_handoff_create, params, 5);
    if (!err)
        err = select_into(pg, &(struct filter){.open_of_call = call_uuid, .limit = 1}, &found);
    if (!err && found->count == 0)
        err = VG_ESTATE;
    if (err)
        found = vg_handoffs_free(found);
    return finish(pg, err, found, out);
}

int vg_handoff_list(struct vg_pg *pg, const char *tenant_id, const char *queue, const char *status,
                    const char *after, unsigned limit, int64_t deadline_us, struct vg_handoffs **out)
{
    char after_uuid[VG_UUID_SIZE];
    struct vg_handoffs *found = NULL;
    if (after && vg_id_to_uuid(after_uuid, after, VG_ID_HANDOFF))
        return VG_EINVAL;
    const struct filter f = {
        .queue = queue, .status = status, .after = after ? after_uuid : NULL, .limit = limit};
    int err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (err)
        return err;
    err = select_into(pg, &f, &found);
    return finish(pg, err, found, out);
}

/* Moves handoff `id` from state `from` to `to` (NULL: only reads it). */
static int move(struct vg_pg *pg, const char *tenant_id, const char *id, const char *from, const char *to,
                const char *by, const char *note, int64_t deadline_us, struct vg_handoffs **out)
{
    char uuid[VG_UUID_SIZE];
    struct vg_handoffs *found = NULL;
    struct vg_rows *rows = NULL;
    if (vg_id_to_uuid(uuid, id, VG_ID_HANDOFF))
        return VG_ENOENT;
    int err = vg_pg_begin(pg, tenant_id, deadline_us);
    if (err)
        return err;
    int64_t moved = 1;
    if (to) {
        err = vg_pg_exec(pg, &rows, VG_SQL_handoff_move, (const char *[]){uuid, from, to, by, note}, 5);
        moved = err ? 0 : vg_rows_affected(rows);
        vg_rows_free(rows);
    }
    if (!err)
        err = select_into(pg, &(struct filter){.id = uuid, .limit = 1}, &found);
    if (!err && (found->count == 0 || !moved))
        err = found->count == 0 ? VG_ENOENT : VG_ESTATE;
    if (err)
        found = vg_handoffs_free(found);
    return finish(pg, err, found, out);
}

int vg_handoff_load(struct vg_pg *pg, const char *tenant_id, const char *id, int64_t deadline_us,
                    struct vg_handoffs **out)
{
    return move(pg, tenant_id, id, NULL, NULL, NULL, NULL, deadline_us, out);
}

int vg_handoff_accept(struct vg_pg *pg, const char *tenant_id, const char *id, const char *by,
                      int64_t deadline_us, struct vg_handoffs **out)
{
    return move(pg, tenant_id, id, "queued", "accepted", by, NULL, deadline_us, out);
}

int vg_handoff_decline(struct vg_pg *pg, const char *tenant_id, const char *id, const char *by,
                       const char *note, int64_t deadline_us, struct vg_handoffs **out)
{
    return move(pg, tenant_id, id, "queued", "declined", by, note, deadline_us, out);
}

int vg_handoff_complete(struct vg_pg *pg, const char *tenant_id, const char *id, const char *note,
                        int64_t deadline_us, struct vg_handoffs **out)
{
    return move(pg, tenant_id, id, "accepted", "completed", NULL, note, deadline_us, out);
}
