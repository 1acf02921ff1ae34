/* The engines of this build as the core asks for them; the only place that knows the lists of all three
 * kinds. */
#ifndef VG_APP_CATALOG_H
#define VG_APP_CATALOG_H

#include "call/shard.h"

extern const struct vg_engine_catalog vg_catalog;

#endif
