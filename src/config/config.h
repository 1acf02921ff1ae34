/* The configuration: one immutable snapshot, read at start from the environment and an optional file.
 *
 * config_table.inc names every setting. Loading checks all of them and reports every bad or missing one at
 * once, by name, never by value. */
#ifndef VG_CONFIG_CONFIG_H
#define VG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct vg_config {
#define VG_STR(field, name, def, choices, flags, help)        const char *field;
#define VG_INT(field, name, def, min, max, unit, flags, help) int64_t field;
#define VG_BOOL(field, name, def, flags, help)                bool field;
#include "config/config_table.inc"
#undef VG_STR
#undef VG_INT
#undef VG_BOOL
};

/* Rules that only rooms above this one know: adds a line to `problems` for each that is broken. `c` is what
 * could be read; a string that could not is NULL. */
typedef void (*vg_config_rules_fn)(const struct vg_config *c, struct vg_buf *problems);

/* Loads all settings: the environment wins over `file` (lines NAME=value, # comments; NULL: none), the file
 * over defaults. `serving`: settings that serve requires must be there. `more` may be NULL. `problems`
 * receives one line a bad, missing or unknown setting. Returns VG_EINVAL if there is any. On success `*out`
 * is given to the caller. */
int vg_config_load(struct vg_config **out, const char *file, bool serving, vg_config_rules_fn more,
                   struct vg_buf *problems) VG_MUST_CHECK;
struct vg_config *vg_config_free(struct vg_config *c);

/* What is in force, "NAME=value  # help (source)" a line; secrets are masked. */
void vg_config_print(const struct vg_config *c, struct vg_buf *out);
/* The table as Markdown, for docs/configuration.md. */
void vg_config_print_markdown(struct vg_buf *out);

/* The secret that examples carry; production refuses it and anything as short. */
#define VG_JWT_SECRET_EXAMPLE "your-secret-key-change-in-production"

#endif
