/* A hash map from strings to pointers (open addressing, FNV-1a with a random seed against crafted keys).
 * Keys are copied. Not thread-safe: its owner names the thread or holds a lock. */
#ifndef VG_BASE_MAP_H
#define VG_BASE_MAP_H

#include <stddef.h>

#include "base/err.h"

struct vg_map;

struct vg_map *vg_map_new(void);
/* Frees the map and its keys, not the values; NULL is fine. Returns NULL. */
struct vg_map *vg_map_free(struct vg_map *m);
/* The value of `key`, NULL if there is none. O(1). */
void *vg_map_get(const struct vg_map *m, const char *key);
/* Sets or replaces; `value` is kept and must not be NULL. */
int vg_map_put(struct vg_map *m, const char *key, void *value) VG_MUST_CHECK;
/* Removes and returns the value, NULL if there was none. */
void *vg_map_remove(struct vg_map *m, const char *key);
size_t vg_map_count(const struct vg_map *m);
/* Walks all entries: start with *cursor = 0; NULL at the end. The map must not change meanwhile. `key` may be
 * NULL and is borrowed. */
void *vg_map_next(const struct vg_map *m, size_t *cursor, const char **key);

#endif
