/* Inside the store: a libpq result as rows. */
#ifndef VG_STORE_PG_RESULT_H
#define VG_STORE_PG_RESULT_H

#include <libpq-fe.h>

#include "store/pg.h"

/* Takes `r`. */
struct vg_rows *pg_rows_of(PGresult *r);

#endif
