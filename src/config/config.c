/* Reading and checking the configuration; see config.h. */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "config/config_file.h"
#include "config/config_rules.h"

enum setting_type { SETTING_STR, SETTING_INT, SETTING_BOOL };
enum { R = 1, S = 2 };

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset; /* in struct vg_config */
    const char *default_str, *choices;
    int64_t default_int, min, max; /* a bool's default is 0 or 1 */
    const char *unit;
    int flags;
    const char *help;
};

static const struct setting SETTINGS[] = {
#define VG_STR(field, n, def, ch, f, h)                                                                      \
    {.name = (n),                                                                                            \
     .type = SETTING_STR,                                                                                    \
     .offset = offsetof(struct vg_config, field),                                                            \
     .default_str = (def),                                                                                   \
     .choices = (ch),                                                                                        \
     .unit = "",                                                                                             \
     .flags = (f),                                                                                           \
     .help = (h)},
#define VG_INT(field, n, def, lo, hi, u, f, h)                                                               \
    {.name = (n),                                                                                            \
     .type = SETTING_INT,                                                                                    \
     .offset = offsetof(struct vg_config, field),                                                            \
     .default_int = (def),                                                                                   \
     .min = (lo),                                                                                            \
     .max = (hi),                                                                                            \
     .unit = (u),                                                                                            \
     .flags = (f),                                                                                           \
     .help = (h)},
#define VG_BOOL(field, n, def, f, h)                                                                         \
    {.name = (n),                                                                                            \
     .type = SETTING_BOOL,                                                                                   \
     .offset = offsetof(struct vg_config, field),                                                            \
     .default_int = (def),                                                                                   \
     .unit = "",                                                                                             \
     .flags = (f),                                                                                           \
     .help = (h)},
#include "config/config_table.inc"
#undef VG_STR
#undef VG_INT
#undef VG_BOOL
};

static void *member(const struct vg_config *c, const struct setting *s)
{
    return (char *)(uintptr_t)c + s->offset;
}

static int parse_int(const struct setting *s, const char *text, int64_t *out, struct vg_buf *problems)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < s->min || v > s->max) {
        vg_buf_printf(problems, "%s must be a whole number from %lld to %lld%s%s\n", s->name,
                      (long long)s->min, (long long)s->max, *s->unit ? " " : "", s->unit);
        return VG_EINVAL;
    }
    *out = v;
    return 0;
}

static int parse_bool(const struct setting *s, const char *text, bool *out, struct vg_buf *problems)
{
    static const char *const WORDS[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
    for (size_t i = 0; i < VG_COUNT_OF(WORDS); i++) {
        if (strcasecmp(text, WORDS[i]) == 0) {
            *out = i & 1;
            return 0;
        }
    }
    vg_buf_printf(problems, "%s must be true or false\n", s->name);
    return VG_EINVAL;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = choices; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
        if (strncmp(p, text, n) == 0 && (p[n] == '|' || p[n] == 0))
            return true;
    }
    return false;
}

static int set_string(const struct setting *s, const char *text, const char **out, struct vg_buf *problems)
{
    if (s->choices && !is_choice(s->choices, text)) {
        vg_buf_printf(problems, "%s must be one of %s\n", s->name, s->choices);
        return VG_EINVAL;
    }
    *out = strdup(text);
    return *out ? 0 : VG_ENOMEM;
}

static int load_setting(struct vg_config *c, const struct setting *s, const struct vg_map *file, bool serving,
                        struct vg_buf *problems)
{
    const char *text = getenv(s->name);
    if (!text)
        text = vg_map_get(file, s->name);
    if (text && !*text && (s->type != SETTING_STR || s->flags & R))
        text = NULL; /* an empty variable is an unset one */
    switch (s->type) {
    case SETTING_INT:
        *(int64_t *)member(c, s) = s->default_int;
        return text ? parse_int(s, text, member(c, s), problems) : 0;
    case SETTING_BOOL:
        *(bool *)member(c, s) = s->default_int;
        return text ? parse_bool(s, text, member(c, s), problems) : 0;
    case SETTING_STR: break;
    }
    if (!text)
        text = s->default_str;
    if (!text) {
        if (serving && s->flags & R) {
            vg_buf_printf(problems, "%s is missing: %s\n", s->name, s->help);
            return VG_EINVAL;
        }
        return 0;
    }
    return set_string(s, text, member(c, s), problems);
}

/* Appends a part of a URL, percent-encoded. */
static void put_encoded(struct vg_buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        vg_buf_printf(b, isalnum(*p) || strchr("-._~", *p) ? "%c" : "%%%02X", *p);
}

/* DB_HOST, DB_USER, ... become DATABASE_URL where that is not set. */
static int compose_database_url(struct vg_config *c)
{
    if (c->database_url || !c->db_host || !c->db_user || !c->db_name)
        return 0;
    bool ipv6 = strchr(c->db_host, ':') && c->db_host[0] != '[';
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_puts(&b, "postgresql://");
    put_encoded(&b, c->db_user);
    if (c->db_pass) {
        vg_buf_putc(&b, ':');
        put_encoded(&b, c->db_pass);
    }
    if (c->db_host[0] == '/') { /* the folder of a Unix socket */
        vg_buf_putc(&b, '@');
        put_encoded(&b, c->db_host);
        vg_buf_printf(&b, ":%d/", (int)c->db_port);
    } else {
        vg_buf_printf(&b, ipv6 ? "@[%s]:%d/" : "@%s:%d/", c->db_host, (int)c->db_port);
    }
    put_encoded(&b, c->db_name);
    c->database_url = vg_buf_take(&b);
    return c->database_url ? 0 : VG_ENOMEM;
}

static void free_values(struct vg_map *m)
{
    size_t cursor = 0;
    void *value;
    while (m && (value = vg_map_next(m, &cursor, NULL)))
        free(value);
    vg_map_free(m);
}

int vg_config_load(struct vg_config **out, const char *file, bool serving, vg_config_rules_fn more,
                   struct vg_buf *problems)
{
    struct vg_config *c = calloc(1, sizeof *c);
    struct vg_map *values = vg_map_new();
    int err = c && values ? 0 : VG_ENOMEM;
    if (!err && file)
        err = config_file_read(values, file, problems);
    if (err && err != VG_EINVAL)
        goto out;
    /* DATABASE_URL may be composed, so it is asked for after that. */
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++) {
        bool composed = SETTINGS[i].offset == offsetof(struct vg_config, database_url);
        int e = load_setting(c, &SETTINGS[i], values, serving && !composed, problems);
        err = err ? err : e;
    }
    if (compose_database_url(c)) {
        err = VG_ENOMEM;
        goto out;
    }
    if (serving && !c->database_url) {
        vg_buf_printf(problems, "DATABASE_URL is missing: %s\n", SETTINGS[0].help);
        err = VG_EINVAL;
    }
    int e = config_check_rules(c, serving, problems);
    err = err ? err : e;
    size_t before = problems->len;
    if (more)
        more(c, problems);
    if (!err && problems->len > before)
        err = VG_EINVAL;
out:
    free_values(values);
    if (err)
        vg_config_free(c);
    else
        *out = c;
    return err;
}

struct vg_config *vg_config_free(struct vg_config *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++) {
        if (SETTINGS[i].type == SETTING_STR)
            free(*(char **)member(c, &SETTINGS[i]));
    }
    free(c);
    return NULL;
}

static void print_value(const struct vg_config *c, const struct setting *s, struct vg_buf *out)
{
    switch (s->type) {
    case SETTING_INT: vg_buf_printf(out, "%lld", (long long)*(int64_t *)member(c, s)); break;
    case SETTING_BOOL: vg_buf_puts(out, *(bool *)member(c, s) ? "true" : "false"); break;
    case SETTING_STR: {
        const char *text = *(const char **)member(c, s);
        if (text)
            vg_buf_puts(out, s->flags & S ? "********" : text);
        break;
    }
    }
}

void vg_config_print(const struct vg_config *c, struct vg_buf *out)
{
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++) {
        const struct setting *s = &SETTINGS[i];
        vg_buf_printf(out, "# %s%s%s%s\n%s=", s->help, *s->unit ? " [" : "", s->unit, *s->unit ? "]" : "",
                      s->name);
        print_value(c, s, out);
        vg_buf_putc(out, '\n');
    }
}

void vg_config_print_markdown(struct vg_buf *out)
{
    vg_buf_puts(out, "| variable | default | range | unit | what it does |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < VG_COUNT_OF(SETTINGS); i++) {
        const struct setting *s = &SETTINGS[i];
        vg_buf_printf(out, "| `%s` | ", s->name);
        if (s->flags & R)
            vg_buf_puts(out, "**required**");
        else if (s->type == SETTING_INT)
            vg_buf_printf(out, "%lld", (long long)s->default_int);
        else if (s->type == SETTING_BOOL)
            vg_buf_puts(out, s->default_int ? "true" : "false");
        else if (s->default_str)
            vg_buf_printf(out, "`%s`", s->default_str);
        vg_buf_puts(out, " | ");
        if (s->type == SETTING_INT)
            vg_buf_printf(out, "%lld to %lld", (long long)s->min, (long long)s->max);
        for (const char *p = s->choices; p && *p; p++) {
            if (*p == '|')
                vg_buf_puts(out, ", ");
            else
                vg_buf_putc(out, *p);
        }
        vg_buf_printf(out, " | %s | %s%s |\n", s->unit, s->help, s->flags & S ? " (secret)" : "");
    }
}
