/* DATABASE_URL in the forms that people have, to the form that libpq takes; see pg.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "store/pg.h"

static int refuse(char problem[VG_PG_PROBLEM_SIZE], const char *why)
{
    snprintf(problem, VG_PG_PROBLEM_SIZE, "DATABASE_URL %s", why);
    return VG_EINVAL;
}

/* Appends the query string with the names that other drivers use put into libpq's. */
static void add_query(struct vg_buf *out, const char *query)
{
    const char *p = query;
    while (*p) {
        size_t n = strcspn(p, "&");
        vg_buf_putc(out, p == query ? '?' : '&');
        if (strncmp(p, "ssl=", 4) == 0) {
            bool on = strncmp(p + 4, "true", 4) == 0 || p[4] == '1';
            vg_buf_puts(out, "sslmode=");
            if (on)
                vg_buf_puts(out, "require");
            else
                vg_buf_add(out, p + 4, n - 4);
        } else {
            vg_buf_add(out, p, n);
        }
        p += n;
        if (*p == '&')
            p++;
    }
}

int vg_pg_url(struct vg_buf *out, const char *url, char problem[VG_PG_PROBLEM_SIZE])
{
    if (!url || !*url)
        return refuse(problem, "is not set: it names a PostgreSQL database, "
                               "for example postgresql://voxgate@localhost:5432/voxgate");
    if (strncmp(url, "file:", 5) == 0 || strncmp(url, "sqlite", 6) == 0)
        return refuse(problem, "names a file (SQLite). Voxgate keeps its records in PostgreSQL: set "
                               "postgresql://user:password@host:5432/database");
    const char *rest = strstr(url, "://");
    size_t scheme = 0;
    while (isalpha((unsigned char)url[scheme]))
        scheme++;
    bool known = (scheme == 8 && strncmp(url, "postgres", 8) == 0) ||
                 (scheme == 10 && strncmp(url, "postgresql", 10) == 0);
    if (!rest || !known || (url[scheme] != ':' && url[scheme] != '+') || strpbrk(url, " \n\r\t"))
        return refuse(problem, "must begin with postgresql:// or postgres:// "
                               "(a driver suffix as in postgresql+asyncpg:// is fine)");
    vg_buf_puts(out, "postgresql");
    size_t body = strcspn(rest, "?");
    vg_buf_add(out, rest, body);
    if (rest[body] == '?')
        add_query(out, rest + body + 1);
    return out->failed ? VG_ENOMEM : 0;
}
