/* What `voxgate admin` prints for people: rows in columns that are as wide as they must be. src/cli alone. */
#ifndef VG_CLI_TABLE_H
#define VG_CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
    size_t columns, cells; /* cells: of all rows, the heading's first */
    char **text;           /* owned */
};

/* Starts a table with these headings, until a NULL. */
struct table table_new(const char *const *headings);
/* Adds one cell; NULL and "" show as "-". */
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, int64_t number);
/* A time without its fraction; 0 shows as "-". */
void table_time(struct table *t, int64_t utc_us);
/* Prints it to standard output and frees it. */
void table_print(struct table *t);

#endif
