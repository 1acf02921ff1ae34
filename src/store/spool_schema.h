/* Inside the store: the spool's SQLite file. Format 1:
 *   events  what PostgreSQL has not acknowledged; `id` never comes back (AUTOINCREMENT), so it serves as a
 * cursor live    calls that began and have not ended poison  events that PostgreSQL refused, with the reason
 */
#ifndef VG_STORE_SPOOL_SCHEMA_H
#define VG_STORE_SPOOL_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"

/* Opens or creates the file for the appender; `depth` gets the number of events in it. Errors: VG_EIO,
 * VG_ENOTSUP (a later format). */
int spool_schema_open(sqlite3 **db, const char *path, int64_t *depth) VG_MUST_CHECK;
/* The first column of the first row of `sql`, 0 if there is none. */
int64_t spool_schema_number(sqlite3 *db, const char *sql);

#endif
