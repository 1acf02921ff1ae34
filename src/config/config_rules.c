/* Rules of the settings; see config_rules.h. */
#include "config/config_rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "config/secret.h"

enum { JWT_SECRET_BYTES_MIN = 32, ADMIN_KEY_BYTES_MIN = 16 };

#define MAKE_ONE "make one by `openssl rand -hex 32`\n"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* http(s)://host..., without blanks. */
static bool is_http_url(const char *text)
{
    const char *rest = begins(text, "http://") ? text + 7 : begins(text, "https://") ? text + 8 : NULL;
    return rest && *rest && *rest != '/' && !strpbrk(text, " \t\r\n\"<>\\");
}

/* Calls `good` for each trimmed item of a comma-separated list; false if one is not. */
static bool each_item(const char *list, bool (*good)(const char *item))
{
    char item[512];
    for (const char *p = list; p && *p;) {
        size_t n = strcspn(p, ","), from = 0, to = n;
        while (from < to && isspace((unsigned char)p[from]))
            from++;
        while (to > from && isspace((unsigned char)p[to - 1]))
            to--;
        if (to - from >= sizeof item)
            return false;
        memcpy(item, p + from, to - from);
        item[to - from] = 0;
        if (*item && !good(item))
            return false;
        p += n + (p[n] == ',');
    }
    return true;
}

/* As browsers send it: scheme://host[:port]. */
static bool is_origin(const char *item)
{
    const char *host = strstr(item, "://");
    return strcmp(item, "*") == 0 || strcmp(item, "null") == 0 ||
           (host && host > item && host[3] && !strpbrk(host + 3, "/ \t"));
}

static bool is_cidr(const char *item)
{
    char address[INET6_ADDRSTRLEN + 8];
    unsigned char bytes[16];
    size_t n = strcspn(item, "/");
    if (n >= sizeof address)
        return false;
    memcpy(address, item, n);
    address[n] = 0;
    bool v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    char *end = NULL;
    long bits = item[n] ? strtol(item + n + 1, &end, 10) : 0;
    return !item[n] || (isdigit((unsigned char)item[n + 1]) && !*end && bits <= (v4 ? 32 : 128));
}

static bool is_database_url(const char *text)
{
    size_t n = begins(text, "postgresql") ? 10 : begins(text, "postgres") ? 8 : 0;
    return n && (text[n] == ':' || text[n] == '+') && strstr(text, "://");
}

static void check_file(const char *name, const char *path, struct vg_buf *problems)
{
    if (path && *path && access(path, R_OK))
        vg_buf_printf(problems, "%s: the file cannot be read: %s\n", name, strerror(errno));
}

static void check_stores(const struct vg_config *c, struct vg_buf *problems)
{
    if (c->database_url && (begins(c->database_url, "file:") || begins(c->database_url, "sqlite")))
        vg_buf_puts(problems, "DATABASE_URL names a file: Voxgate keeps its record in PostgreSQL, give it a "
                              "postgresql:// URL\n");
    else if (c->database_url && !is_database_url(c->database_url))
        vg_buf_puts(problems, "DATABASE_URL must begin with postgresql:// (a +driver suffix is ignored)\n");
    if (c->database_url_direct && *c->database_url_direct && !is_database_url(c->database_url_direct))
        vg_buf_puts(problems, "DATABASE_URL_DIRECT must begin with postgresql://\n");
    if (c->redis_url && begins(c->redis_url, "rediss:"))
        vg_buf_puts(problems,
                    "REDIS_URL: rediss:// (TLS) is not supported; use redis:// over a private network "
                    "or unix:///path\n");
    else if (c->redis_url && !begins(c->redis_url, "redis://") && !begins(c->redis_url, "unix://"))
        vg_buf_puts(problems, "REDIS_URL must be redis://[user:password@]host[:port][/db] or unix:///path\n");
}

static void check_network(const struct vg_config *c, struct vg_buf *problems)
{
    if (!c->tls_cert_file != !c->tls_key_file)
        vg_buf_puts(problems, "TLS_CERT_FILE and TLS_KEY_FILE go together\n");
    else {
        check_file("TLS_CERT_FILE", c->tls_cert_file, problems);
        check_file("TLS_KEY_FILE", c->tls_key_file, problems);
    }
    if (c->public_base_url && *c->public_base_url && !is_http_url(c->public_base_url))
        vg_buf_puts(problems, "PUBLIC_BASE_URL must be http://host... or https://host...\n");
    if (c->otel_endpoint && *c->otel_endpoint && !is_http_url(c->otel_endpoint))
        vg_buf_puts(problems, "OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port or https://host:port\n");
    if (!each_item(c->cors_origins, is_origin))
        vg_buf_puts(problems, "CORS_ORIGINS must be * or origins scheme://host[:port], comma-separated\n");
    if (!each_item(c->trusted_proxies, is_cidr))
        vg_buf_puts(problems, "TRUSTED_PROXIES must be addresses or blocks address/bits, comma-separated\n");
}

static void check_tokens(const struct vg_config *c, bool serving, struct vg_buf *problems)
{
    bool keys = c->jwt_key_files && *c->jwt_key_files;
    if (c->jwt_algorithm && strcmp(c->jwt_algorithm, "HS256") != 0 && serving && !keys)
        vg_buf_puts(problems, "JWT_KEY_FILES is missing: RS256 and ES256 need key files\n");
}

/* In production a secret must be one; each message says what to do. */
static void check_secrets(const struct vg_config *c, struct vg_buf *problems)
{
    const char *jwt = c->jwt_secret, *admin = c->admin_key;
    if (!c->app_env || strcmp(c->app_env, "production") != 0)
        return;
    if (jwt && strcmp(jwt, VG_JWT_SECRET_EXAMPLE) == 0)
        vg_buf_puts(problems,
                    "JWT_SECRET is the example of the documentation; production refuses it: " MAKE_ONE);
    else if (jwt && strlen(jwt) < JWT_SECRET_BYTES_MIN)
        vg_buf_printf(problems, "JWT_SECRET is shorter than %d bytes; production refuses it: " MAKE_ONE,
                      JWT_SECRET_BYTES_MIN);
    else if (jwt && secret_is_trivial(jwt))
        vg_buf_puts(problems,
                    "JWT_SECRET is easy to guess (few different characters, a piece that repeats, or "
                    "characters that count); production refuses it: " MAKE_ONE);
    if (admin && *admin && strlen(admin) < ADMIN_KEY_BYTES_MIN)
        vg_buf_printf(
            problems,
            "VOXGATE_ADMIN_KEY is shorter than %d bytes; production refuses it: leave it unset, or " MAKE_ONE,
            ADMIN_KEY_BYTES_MIN);
    else if (admin && *admin && secret_is_trivial(admin))
        vg_buf_puts(
            problems,
            "VOXGATE_ADMIN_KEY is easy to guess; production refuses it: leave it unset, or " MAKE_ONE);
}

int config_check_rules(const struct vg_config *c, bool serving, struct vg_buf *problems)
{
    size_t before = problems->len;
    enum vg_log_level level;
    check_stores(c, problems);
    check_network(c, problems);
    check_tokens(c, serving, problems);
    check_secrets(c, problems);
    if (vg_log_parse_level(c->log_level, &level))
        vg_buf_puts(problems, "LOG_LEVEL must be debug, info, warn or error\n");
    return problems->len > before ? VG_EINVAL : 0;
}
