/* The speech-to-text adapters that this build knows. A new one is a file in this folder and a line in list.c;
 * the conformance suite then runs over it by itself. */
#ifndef VG_STT_LIST_H
#define VG_STT_LIST_H

#include "net/nursery.h"
#include "voxgate/stt.h"

struct vg_stt_entry {
    const struct vg_stt_ops *ops;
    const struct vg_nursery_program *program; /* what the nursery must know for it; NULL: needs no process */
};

extern const struct vg_stt_entry vg_stt_list[];
extern const size_t vg_stt_list_count;

/* The adapter called `name`; NULL if there is none. Any thread. */
const struct vg_stt_ops *vg_stt_find(const char *name);

#endif
