/* The list of language adapters. */
#include "provider/llm/list.h"

#include <string.h>

static const struct vg_llm_ops *const adapters[] = {
    &vg_llm_builtin,
    &vg_llm_loopback,
};

const struct vg_llm_ops *vg_llm_find(const char *name)
{
    for (size_t i = 0; i < VG_COUNT_OF(adapters); i++)
        if (strcmp(adapters[i]->name, name) == 0)
            return adapters[i];
    return NULL;
}

size_t vg_llm_list(const struct vg_llm_ops *const **out)
{
    *out = adapters;
    return VG_COUNT_OF(adapters);
}
