/* REDIS_URL in pieces. Source: the IANA registrations of redis:// and of the unix:// form that redis-py uses.
 */
#include "bus/url.h"

#include <string.h>

enum { REDIS_PORT = 6379, DB_MAX = 1 << 14 };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes `n` bytes; an encoded NUL is refused. Gives `*out`. */
static int decode(const char *text, size_t n, char **out)
{
    char *copy = malloc(n + 1), *p = copy;
    if (!copy)
        return VG_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            int high = n - i > 2 ? hex(text[i + 1]) : -1;
            int low = n - i > 2 ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                free(copy);
                return VG_EPARSE;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        *p++ = c;
    }
    *p = '\0';
    *out = copy;
    return VG_OK;
}

static int number(const char *text, size_t n, int max, int *out)
{
    long value = 0;
    if (n == 0 || n > 6)
        return VG_EPARSE;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return VG_EPARSE;
        value = value * 10 + (text[i] - '0');
    }
    if (value > max)
        return VG_EPARSE;
    *out = (int)value;
    return VG_OK;
}

/* `[user][:password]`. */
static int credentials(const char *text, size_t n, struct bus_url *url)
{
    const char *colon = memchr(text, ':', n);
    size_t user = colon ? (size_t)(colon - text) : n;
    int err = user > 0 ? decode(text, user, &url->user) : VG_OK;
    if (!err && colon && n - user > 1)
        err = decode(colon + 1, n - user - 1, &url->password);
    return err;
}

/* `db=n` in a query of `&` parts; others are ignored, as other clients' options stand there. */
static int query_db(const char *query, int *db)
{
    while (query && *query) {
        size_t n = strcspn(query, "&");
        if (n > 3 && strncmp(query, "db=", 3) == 0)
            return number(query + 3, n - 3, DB_MAX, db);
        query += n + (query[n] == '&');
    }
    return VG_OK;
}

static int parse_tcp(const char *rest, size_t n, struct bus_url *url)
{
    const char *slash = memchr(rest, '/', n);
    size_t authority = slash ? (size_t)(slash - rest) : n;
    const char *host = rest, *end = rest + authority, *port = NULL;
    size_t host_bytes;
    if (authority > 0 && *host == '[') {
        const char *close = memchr(host, ']', authority);
        if (!close)
            return VG_EPARSE;
        host++;
        host_bytes = (size_t)(close - host);
        if (close + 1 < end && close[1] != ':')
            return VG_EPARSE;
        port = close + 1 < end ? close + 2 : NULL;
    } else {
        const char *colon = memchr(host, ':', authority);
        host_bytes = colon ? (size_t)(colon - host) : authority;
        port = colon ? colon + 1 : NULL;
    }
    url->port = REDIS_PORT;
    if (host_bytes == 0 || host_bytes > 253)
        return VG_EPARSE;
    if (port && (number(port, (size_t)(end - port), 65535, &url->port) || url->port == 0))
        return VG_EPARSE;
    if (slash && rest + n - slash > 1 && number(slash + 1, (size_t)(rest + n - slash - 1), DB_MAX, &url->db))
        return VG_EPARSE;
    return decode(host, host_bytes, &url->host);
}

static int parse_into(const char *text, struct bus_url *url)
{
    const char *rest = strstr(text, "://");
    if (!rest)
        return VG_EPARSE;
    size_t scheme = (size_t)(rest - text);
    int is_tcp = scheme == 5 && strncmp(text, "redis", 5) == 0;
    int is_unix = (scheme == 4 && strncmp(text, "unix", 4) == 0) ||
                  (scheme == 10 && strncmp(text, "redis+unix", 10) == 0);
    if (!is_tcp && !is_unix)
        return VG_ENOTSUP;
    rest += 3;
    size_t n = strcspn(rest, "?#");
    const char *query = rest[n] == '?' ? rest + n + 1 : NULL;
    /* The last @ before the host or path ends the credentials; one inside a password is to be encoded. */
    const char *at = memchr(rest, '@', is_unix ? strcspn(rest, "/?#") : n);
    int err = VG_OK;
    if (at) {
        err = credentials(rest, (size_t)(at - rest), url);
        n -= (size_t)(at - rest) + 1;
        rest = at + 1;
    }
    if (!err && is_tcp)
        err = parse_tcp(rest, n, url);
    if (!err && is_unix)
        err = n > 1 && *rest == '/' ? decode(rest, n, &url->path) : VG_EPARSE;
    return err ? err : query_db(query, &url->db);
}

int bus_url_parse(const char *text, struct bus_url *out)
{
    struct bus_url url = {0};
    int err = text ? parse_into(text, &url) : VG_EPARSE;
    if (err)
        bus_url_free(&url);
    else
        *out = url;
    return err;
}

void bus_url_free(struct bus_url *url)
{
    free(url->path);
    free(url->host);
    free(url->user);
    free(url->password);
    *url = (struct bus_url){0};
}
