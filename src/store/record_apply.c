/* Batches of events as JSON arrays, one statement a kind; see record_apply.h. */
#include "store/record_apply.h"

#include <string.h>

#include "base/log.h"
#include "obs/metrics.h"

static const enum vg_sql STATEMENT[VG_RECORD_KINDS] = {
    [VG_RECORD_CALL_STARTED] = VG_SQL_record_call_started, [VG_RECORD_CALL_STATE] = VG_SQL_record_call_state,
    [VG_RECORD_MESSAGE] = VG_SQL_record_message,           [VG_RECORD_USAGE] = VG_SQL_record_usage,
    [VG_RECORD_CALL_ENDED] = VG_SQL_record_call_ended,     [VG_RECORD_HANDOFF] = VG_SQL_record_handoff,
};

struct batch {
    struct vg_buf json[VG_RECORD_KINDS]; /* an array that is still open */
    int count[VG_RECORD_KINDS];
};

/* Adds {"t":tenant,"c":call,"e":epoch,"o":ordinal,"b":body}. VG_EINVAL: such an event can never be applied.
 */
static int add(struct batch *batch, const struct vg_record_event *e)
{
    char tenant[VG_UUID_SIZE], call[VG_UUID_SIZE];
    if ((unsigned)e->kind >= VG_RECORD_KINDS || vg_id_to_uuid(tenant, e->tenant_id, VG_ID_TENANT) ||
        (vg_id_to_uuid(call, e->call_id, VG_ID_CALL) && vg_id_to_uuid(call, e->call_id, VG_ID_SESSION)))
        return VG_EINVAL;
    struct vg_buf *json = &batch->json[e->kind];
    vg_buf_putc(json, batch->count[e->kind]++ ? ',' : '[');
    vg_buf_printf(json, "{\"t\":\"%s\",\"c\":\"%s\",\"e\":%u,\"o\":%u,\"b\":", tenant, call, e->owner_epoch,
                  e->ordinal);
    vg_buf_puts(json, e->body);
    vg_buf_putc(json, '}');
    return 0;
}

static void poison(struct vg_spool *spool, const struct spool_row *row, const char *why)
{
    vg_log_error("record.poison", "call_id=%s kind=%d ordinal=%u why=%s", row->event.call_id,
                 (int)row->event.kind, row->event.ordinal, why);
    vg_count1(record_events_total, "poison");
    if (spool_poison(spool, row->id, why))
        vg_log_error("record.poison_not_kept", "call_id=%s", row->event.call_id);
}

/* Runs one transaction over what was gathered and counts what it changed. */
static int run(struct vg_pg *pg, struct batch *batch, int *written)
{
    int err = vg_pg_begin_as(pg, VG_PG_WRITER, NULL, 0);
    if (err)
        return err;
    *written = 0;
    for (int kind = 0; !err && kind < VG_RECORD_KINDS; kind++) {
        if (batch->count[kind] == 0)
            continue;
        struct vg_rows *rows = NULL;
        vg_buf_putc(&batch->json[kind], ']');
        if (batch->json[kind].failed) {
            err = VG_ENOMEM;
            break;
        }
        err = vg_pg_exec(pg, &rows, STATEMENT[kind], (const char *[]){vg_buf_str(&batch->json[kind])}, 1);
        if (!err)
            *written += (int)vg_rows_int(rows, 0, 0);
        vg_rows_free(rows);
    }
    return vg_pg_end(pg, err);
}

/* Whether the data is at fault. A database that is away, busy, full or not migrated is not: that passes. */
static bool is_refusal(const struct vg_pg *pg, int err)
{
    const char *state = vg_pg_sqlstate(pg);
    return err == VG_EINVAL || err == VG_EEXIST || err == VG_ENOENT ||
           (err == VG_EIO && (strncmp(state, "21", 2) == 0 || strncmp(state, "54", 2) == 0));
}

static int apply_once(struct vg_pg *pg, const struct spool_row *rows, int n)
{
    struct batch batch = {0};
    int written = 0, err = 0;
    for (int i = 0; i < n && !err; i++)
        err = add(&batch, &rows[i].event);
    if (!err)
        err = run(pg, &batch, &written);
    if (!err) {
        int changed = written < n ? written : n;
        vg_metric_add(VG_M_record_events_total, "written", NULL, changed);
        vg_metric_add(VG_M_record_events_total, "duplicate", NULL, n - changed);
    }
    for (int kind = 0; kind < VG_RECORD_KINDS; kind++)
        vg_buf_free(&batch.json[kind]);
    return err;
}

int record_apply(struct vg_pg *pg, struct vg_spool *spool, const struct spool_row *rows, int n)
{
    int err = apply_once(pg, rows, n);
    if (!err || !is_refusal(pg, err))
        return err;
    if (n == 1) {
        poison(spool, rows, *vg_pg_problem(pg) ? vg_pg_problem(pg) : "an id or the kind is not well-formed");
        return 0;
    }
    /* The half that goes through is not applied again with the other: deletion waits for both, and a repeat
     * after a crash in between is a no-op. */
    err = record_apply(pg, spool, rows, n / 2);
    return err ? err : record_apply(pg, spool, rows + n / 2, n - n / 2);
}
