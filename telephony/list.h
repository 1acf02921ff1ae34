/* The telephony adapters of this build: one line each in list.c. */
#ifndef VG_TELEPHONY_LIST_H
#define VG_TELEPHONY_LIST_H

#include <stddef.h>

#include "voxgate/telephony.h"

extern const struct vg_telephony_ops *const vg_telephony_list[];
extern const size_t vg_telephony_list_count;

#endif
