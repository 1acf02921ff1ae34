/* The settings file: lines NAME=value, with or without `export` and quotes, # comments. src/config alone. */
#ifndef VG_CONFIG_CONFIG_FILE_H
#define VG_CONFIG_CONFIG_FILE_H

#include "base/buf.h"
#include "base/map.h"

/* Reads `path` into `values`: by name, owned by the map's owner and freed by free(); the last line of a name
 * counts. `problems` receives one line for each thing that is wrong, never a value. VG_EINVAL: a name is no
 * setting, all the rest was read; VG_EIO, VG_EPARSE, VG_ETOOBIG, VG_ENOMEM: reading stopped there. */
int config_file_read(struct vg_map *values, const char *path, struct vg_buf *problems) VG_MUST_CHECK;

#endif
