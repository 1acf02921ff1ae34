/* The list of speech-to-text adapters; see list.h. */
#include "provider/stt/list.h"

#include <string.h>

#include "provider/stt/adapters.h"

const struct vg_stt_entry vg_stt_list[] = {
    {&vg_stt_pocketsphinx, &vg_stt_pocketsphinx_program},
    {&vg_stt_loopback, NULL},
};
const size_t vg_stt_list_count = VG_COUNT_OF(vg_stt_list);

const struct vg_stt_ops *vg_stt_find(const char *name)
{
    for (size_t i = 0; name && i < vg_stt_list_count; i++)
        if (strcmp(vg_stt_list[i].ops->name, name) == 0)
            return vg_stt_list[i].ops;
    return NULL;
}
