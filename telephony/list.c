#include "telephony/list.h"

#include "telephony/fake.h"

const struct vg_telephony_ops *const vg_telephony_list[] = {
    &vg_telephony_fake,
};
const size_t vg_telephony_list_count = VG_COUNT_OF(vg_telephony_list);
