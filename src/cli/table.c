/* Columns for people; see table.h. */
#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table table_new(const char *const *headings)
{
    struct table t = {0};
    while (headings[t.columns])
        t.columns++;
    for (size_t i = 0; i < t.columns; i++)
        table_cell(&t, headings[i]);
    return t;
}

void table_cell(struct table *t, const char *text)
{
    char **grown = realloc(t->text, (t->cells + 1) * sizeof *grown);
    char *copy = strdup(text && *text ? text : "-");
    if (!grown || !copy) {
        fputs("voxgate: out of memory\n", stderr);
        exit(1);
    }
    t->text = grown;
    t->text[t->cells++] = copy;
}

void table_number(struct table *t, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    table_cell(t, text);
}

void table_time(struct table *t, int64_t utc_us)
{
    char text[VG_ISO8601_SIZE];
    if (utc_us == 0) {
        table_cell(t, NULL);
        return;
    }
    vg_iso8601(utc_us, text);
    memcpy(text + 19, "Z", 2); /* seconds are fine enough */
    table_cell(t, text);
}

/* Characters of UTF-8 text; double-width ones count as one. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

void table_print(struct table *t)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < t->cells; i++) {
        size_t w = width_of(t->text[i]), column = i % t->columns;
        width[column] = w > width[column] ? w : width[column];
    }
    for (size_t i = 0; i < t->cells; i++) {
        size_t column = i % t->columns;
        bool last = column + 1 == t->columns;
        printf("%s%*s", t->text[i], last ? 0 : (int)(width[column] - width_of(t->text[i]) + 2), "");
        if (last)
            putchar('\n');
        free(t->text[i]);
    }
    free(t->text);
    *t = (struct table){0};
}
