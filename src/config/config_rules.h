/* What a setting must be beyond its type and range, and which settings belong together. */
#ifndef VG_CONFIG_CONFIG_RULES_H
#define VG_CONFIG_CONFIG_RULES_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"

/* Adds one line to `problems` for each rule that is broken, by the setting's name, never by its value.
 * VG_EINVAL if there is any. `serving`: also what only `serve` needs. */
int config_check_rules(const struct vg_config *c, bool serving, struct vg_buf *problems) VG_MUST_CHECK;

#endif
