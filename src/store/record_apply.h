/* Inside the store: one batch of spool events into PostgreSQL. */
#ifndef VG_STORE_RECORD_APPLY_H
#define VG_STORE_RECORD_APPLY_H

#include "store/pg.h"
#include "store/spool_read.h"

/* Applies all rows in one transaction; where one of them is refused, finds it by halving, sets it aside in
 * the spool and applies the others. Errors mean "later": VG_EUNAVAIL, VG_EAGAIN, VG_ETIMEOUT, VG_EIO,
 * VG_ENOMEM. */
int record_apply(struct vg_pg *pg, struct vg_spool *spool, const struct spool_row *rows, int n) VG_MUST_CHECK;

#endif
