/* The embedded statements; see sql.h. */
#include "store/sql.h"

static const struct {
    const char *name;
    const char *text;
} STATEMENTS[] = {
#define VG_SQL_FILE(name, text) {#name, text},
#include "store/sql_table.inc"
#undef VG_SQL_FILE
};

const char *vg_sql_text(enum vg_sql sql)
{
    return STATEMENTS[sql].text;
}

const char *vg_sql_name(enum vg_sql sql)
{
    return STATEMENTS[sql].name;
}
