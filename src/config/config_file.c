/* Reading the settings file; see config_file.h. */
#include "config/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_names.h"

/* Where reading stands. */
struct reader {
    struct vg_map *values;
    const char *path;
    int line;
    bool unknown; /* a name was no setting */
    struct vg_buf *problems;
};

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        text[--n] = 0;
    if (n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n - 1] == text[0]) {
        text[n - 1] = 0;
        text++;
    }
    return text;
}

/* Shown only if it looks like a name: the end of a secret that was broken into two lines may stand here. */
static bool may_be_shown(const char *name)
{
    return strchr(name, '_') && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name);
}

static void tell_unknown(struct reader *r, const char *name)
{
    const char *meant = config_name_meant(name);
    r->unknown = true;
    vg_buf_printf(r->problems, "%s:%d: ", r->path, r->line);
    if (meant)
        vg_buf_printf(r->problems, "%s is not a setting; did you mean %s?\n", name, meant);
    else
        vg_buf_printf(r->problems,
                      "%s is not a setting; remove the line, or see `voxgate config` for the names\n",
                      may_be_shown(name) ? name : "what stands before \"=\"");
}

/* Takes one line of the file; VG_EPARSE: it is not NAME=value. */
static int read_line(struct reader *r, char *line)
{
    char *text = trimmed(line);
    if (!*text || *text == '#')
        return 0;
    if (strncmp(text, "export ", 7) == 0)
        text += 7;
    char *eq = strchr(text, '=');
    if (!eq)
        return VG_EPARSE;
    *eq = 0;
    const char *name = trimmed(text);
    if (!*name)
        return VG_EPARSE;
    if (!config_name_known(name)) {
        tell_unknown(r, name);
        return 0;
    }
    char *value = strdup(trimmed(eq + 1));
    free(vg_map_remove(r->values, name));
    if (!value || vg_map_put(r->values, name, value)) {
        free(value);
        return VG_ENOMEM;
    }
    return 0;
}

int config_file_read(struct vg_map *values, const char *path, struct vg_buf *problems)
{
    struct reader r = {.values = values, .path = path, .problems = problems};
    FILE *f = fopen(path, "r");
    if (!f) {
        vg_buf_printf(problems, "%s: %s\n", path, strerror(errno));
        return VG_EIO;
    }
    char line[8192];
    int err = 0;
    while (!err && fgets(line, sizeof line, f)) {
        r.line++;
        if (strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n')
            err = VG_ETOOBIG;
        else
            err = read_line(&r, line);
        if (err == VG_ETOOBIG)
            vg_buf_printf(problems, "%s:%d: longer than %zu bytes\n", path, r.line, sizeof line - 2);
        else if (err == VG_EPARSE)
            vg_buf_printf(problems, "%s:%d: not NAME=value\n", path, r.line);
    }
    fclose(f);
    return err ? err : r.unknown ? VG_EINVAL : 0;
}
