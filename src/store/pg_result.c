/* Results of PostgreSQL statements; see pg.h. A vg_rows is a PGresult under another name. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "store/pg.h"
#include "store/pg_result.h"

struct vg_rows *pg_rows_of(PGresult *r)
{
    return (struct vg_rows *)(void *)r;
}

static const PGresult *raw(const struct vg_rows *r)
{
    return (const PGresult *)(const void *)r;
}

size_t vg_rows_count(const struct vg_rows *r)
{
    return r ? (size_t)PQntuples(raw(r)) : 0;
}

int64_t vg_rows_affected(const struct vg_rows *r)
{
    return r ? strtoll(PQcmdTuples((PGresult *)(void *)(uintptr_t)r), NULL, 10) : 0;
}

bool vg_rows_null(const struct vg_rows *r, size_t row, int col)
{
    return PQgetisnull(raw(r), (int)row, col) != 0;
}

const char *vg_rows_text(const struct vg_rows *r, size_t row, int col)
{
    return PQgetvalue(raw(r), (int)row, col);
}

int64_t vg_rows_int(const struct vg_rows *r, size_t row, int col)
{
    return strtoll(vg_rows_text(r, row, col), NULL, 10);
}

double vg_rows_num(const struct vg_rows *r, size_t row, int col)
{
    return strtod(vg_rows_text(r, row, col), NULL);
}

bool vg_rows_bool(const struct vg_rows *r, size_t row, int col)
{
    return vg_rows_text(r, row, col)[0] == 't';
}

void vg_rows_id(const struct vg_rows *r, size_t row, int col, const char *prefix, char out[VG_ID_SIZE])
{
    if (vg_id_from_uuid(out, prefix, vg_rows_text(r, row, col)))
        out[0] = 0;
}

struct vg_rows *vg_rows_free(struct vg_rows *r)
{
    PQclear((PGresult *)(void *)r);
    return NULL;
}
