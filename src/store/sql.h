/* The SQL statements of src/store/sql, one a file, embedded at build time: VG_SQL_<file name>. A test
 * prepares every one against the migrated schema. */
#ifndef VG_STORE_SQL_H
#define VG_STORE_SQL_H

enum vg_sql {
#define VG_SQL_FILE(name, text) VG_SQL_##name,
#include "store/sql_table.inc"
#undef VG_SQL_FILE
    VG_SQL_COUNT
};

/* The text of a statement, and its file's name without the suffix. Any thread. */
const char *vg_sql_text(enum vg_sql sql);
const char *vg_sql_name(enum vg_sql sql);

#endif
