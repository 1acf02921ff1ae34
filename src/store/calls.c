/* Reading calls, transcripts and usage; see calls.h. */
#include "store/calls.h"

#include <stdlib.h>

static const char *text_or_null(const struct vg_rows *rows, size_t row, int col)
{
    return vg_rows_null(rows, row, col) ? NULL : vg_rows_text(rows, row, col);
}

static int64_t int_or(const struct vg_rows *rows, size_t row, int col, int64_t absent)
{
    return vg_rows_null(rows, row, col) ? absent : vg_rows_int(rows, row, col);
}

static void fill_call(struct vg_call_record *c, struct vg_rows *rows)
{
    vg_rows_id(rows, 0, 0, VG_ID_CALL, c->call_id);
    vg_rows_id(rows, 0, 1, VG_ID_SESSION, c->session_id);
    vg_rows_id(rows, 0, 2, VG_ID_TENANT, c->tenant_id);
    vg_rows_id(rows, 0, 3, VG_ID_AGENT, c->agent_id);
    c->agent_version = (uint32_t)vg_rows_int(rows, 0, 4);
    c->user_id = vg_rows_text(rows, 0, 5);
    c->status = vg_rows_text(rows, 0, 6);
    c->direction = vg_rows_text(rows, 0, 7);
    c->channel = vg_rows_text(rows, 0, 8);
    c->language = vg_rows_text(rows, 0, 9);
    c->voice_id = vg_rows_text(rows, 0, 10);
    c->caller_number = vg_rows_text(rows, 0, 11);
    c->called_number = vg_rows_text(rows, 0, 12);
    c->metadata = vg_rows_text(rows, 0, 13);
    c->end_reason = vg_rows_text(rows, 0, 14);
    c->started_at_us = vg_rows_int(rows, 0, 15);
    c->answered_at_us = vg_rows_int(rows, 0, 16);
    c->ended_at_us = vg_rows_int(rows, 0, 17);
    c->duration_ms = vg_rows_int(rows, 0, 18);
    c->turns = (uint32_t)vg_rows_int(rows, 0, 19);
    c->rows = rows;
}

int vg_call_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, int64_t deadline_us,
                 struct vg_call_record **out)
{
    char uuid[VG_UUID_SIZE];
    struct vg_rows *rows = NULL;
    if (vg_id_to_uuid(uuid, call_id, VG_ID_CALL))
        return VG_ENOENT;
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_call_load, (const char *[]){uuid}, 1);
    if (!err && vg_rows_count(rows) == 0)
        err = VG_ENOENT;
    struct vg_call_record *c = err ? NULL : calloc(1, sizeof *c);
    if (!c) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    fill_call(c, rows);
    *out = c;
    return 0;
}

struct vg_call_record *vg_call_record_free(struct vg_call_record *c)
{
    if (c)
        vg_rows_free(c->rows);
    free(c);
    return NULL;
}

/* The UUIDs of a call or a session; an id that is neither is NULL and finds nothing. */
struct subject {
    char call_uuid[VG_UUID_SIZE], session_uuid[VG_UUID_SIZE];
    const char *call, *session;
};

static void subject_set(struct subject *s, const char *call_id, const char *session_id)
{
    s->call = call_id && !vg_id_to_uuid(s->call_uuid, call_id, VG_ID_CALL) ? s->call_uuid : NULL;
    s->session =
        session_id && !vg_id_to_uuid(s->session_uuid, session_id, VG_ID_SESSION) ? s->session_uuid : NULL;
}

static void fill_message(struct vg_transcript_message *m, const struct vg_rows *rows, size_t row)
{
    vg_rows_id(rows, row, 0, VG_ID_MESSAGE, m->id);
    m->role = vg_rows_text(rows, row, 1);
    m->text = vg_rows_text(rows, row, 2);
    m->heard_text = text_or_null(rows, row, 3);
    m->turn = (uint32_t)vg_rows_int(rows, row, 4);
    m->start_ms = int_or(rows, row, 5, -1);
    m->end_ms = int_or(rows, row, 6, -1);
    m->confidence = vg_rows_null(rows, row, 7) ? -1 : vg_rows_num(rows, row, 7);
    m->interrupted = vg_rows_bool(rows, row, 8);
    m->intent = vg_rows_text(rows, row, 9);
    m->has_sentiment = !vg_rows_null(rows, row, 10);
    m->sentiment = vg_rows_num(rows, row, 10);
    m->at_us = vg_rows_int(rows, row, 11);
}

int vg_transcript_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, const char *session_id,
                       const char *after, unsigned limit, int64_t deadline_us, struct vg_transcript **out)
{
    struct subject s;
    char after_uuid[VG_UUID_SIZE], limit_text[16];
    struct vg_rows *rows = NULL;
    subject_set(&s, call_id, session_id);
    if (after && vg_id_to_uuid(after_uuid, after, VG_ID_MESSAGE))
        return VG_EINVAL;
    snprintf(limit_text, sizeof limit_text, "%u", limit);
    const char *params[] = {s.call, s.session, after ? after_uuid : NULL, limit_text};
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_transcript_load, params, 4);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_transcript *t = err ? NULL : calloc(1, sizeof *t + n * sizeof t->messages[0]);
    if (!t) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    t->rows = rows;
    t->count = n;
    for (size_t i = 0; i < n; i++)
        fill_message(&t->messages[i], rows, i);
    *out = t;
    return 0;
}

struct vg_transcript *vg_transcript_free(struct vg_transcript *t)
{
    if (t)
        vg_rows_free(t->rows);
    free(t);
    return NULL;
}

int vg_usage_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, const char *session_id,
                  int64_t deadline_us, struct vg_usage_sums **out)
{
    struct subject s;
    struct vg_rows *rows = NULL;
    subject_set(&s, call_id, session_id);
    int err = vg_pg_query(pg, tenant_id, deadline_us, &rows, VG_SQL_usage_sum,
                          (const char *[]){s.call, s.session}, 2);
    size_t n = err ? 0 : vg_rows_count(rows);
    struct vg_usage_sums *u = err ? NULL : calloc(1, sizeof *u + n * sizeof u->sums[0]);
    if (!u) {
        vg_rows_free(rows);
        return err ? err : VG_ENOMEM;
    }
    u->rows = rows;
    u->count = n;
    for (size_t i = 0; i < n; i++) {
        u->sums[i] = (struct vg_usage_sum){.kind = vg_rows_text(rows, i, 0),
                                           .provider = vg_rows_text(rows, i, 1),
                                           .unit = vg_rows_text(rows, i, 2),
                                           .quantity = vg_rows_text(rows, i, 3),
                                           .cost = vg_rows_text(rows, i, 4),
                                           .events = vg_rows_int(rows, i, 5),
                                           .tokens_in = vg_rows_int(rows, i, 6),
                                           .tokens_out = vg_rows_int(rows, i, 7)};
    }
    *out = u;
    return 0;
}

struct vg_usage_sums *vg_usage_sums_free(struct vg_usage_sums *u)
{
    if (u)
        vg_rows_free(u->rows);
    free(u);
    return NULL;
}
