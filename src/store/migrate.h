/* Migrations: numbered SQL files embedded into the program, forward only. A first line `-- oldest-program: N`
 * says which programs still work with the schema after it: those whose newest migration is at least N. */
#ifndef VG_STORE_MIGRATE_H
#define VG_STORE_MIGRATE_H

#include "base/err.h"
#include "store/pg.h"

/* Applies what is missing, one transaction a file, under an advisory lock: several may run at once.
 * `progress` (may be NULL) gets one line a step. Blocking; not on a loop thread. Errors: VG_EINVAL (URL),
 * VG_EUNAVAIL, VG_ESTATE (a file that was applied has changed, or the database is newer), VG_EFORBIDDEN,
 * VG_EIO; `problem` says it in a sentence. DATABASE_URL_DIRECT, where there is one, belongs here. */
int vg_migrate(const char *database_url, void (*progress)(void *arg, const char *line), void *arg,
               char problem[VG_PG_PROBLEM_SIZE]) VG_MUST_CHECK;

/* 0 if this program works with the schema. VG_ESTATE: it does not, and `problem` says what to run;
 * VG_EUNAVAIL: the database does not answer. Blocking. */
int vg_schema_check(const char *database_url, char problem[VG_PG_PROBLEM_SIZE]) VG_MUST_CHECK;

#endif
