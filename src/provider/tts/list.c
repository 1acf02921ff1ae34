/* The list of speech synthesis adapters. */
#include "provider/tts/list.h"

#include <string.h>

static const struct vg_tts_ops *const adapters[] = {
    &vg_tts_flite,
    &vg_tts_espeak,
    &vg_tts_loopback,
};

const struct vg_tts_ops *vg_tts_find(const char *name)
{
    for (size_t i = 0; i < VG_COUNT_OF(adapters); i++)
        if (strcmp(adapters[i]->name, name) == 0)
            return adapters[i];
    return NULL;
}

size_t vg_tts_list(const struct vg_tts_ops *const **out)
{
    *out = adapters;
    return VG_COUNT_OF(adapters);
}
