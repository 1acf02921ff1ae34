/* The table of error codes and the error body; see error.h. */
#include "proto/error.h"

#include <string.h>

#include "base/json.h"

static const struct vg_error_info ERRORS[] = {
#define VG_ERROR(id, code, http_status, close_code, fatal, help) {code, http_status, close_code, fatal, help},
#include "proto/errors.inc"
#undef VG_ERROR
};

const struct vg_error_info *vg_error_info(enum vg_error_id id)
{
    VG_ASSERT(id < VG_ERROR_COUNT);
    return &ERRORS[id];
}

int vg_error_find(const char *code, enum vg_error_id *out)
{
    for (size_t i = 0; i < VG_COUNT_OF(ERRORS); i++) {
        if (strcmp(ERRORS[i].code, code) == 0) {
            *out = (enum vg_error_id)i;
            return 0;
        }
    }
    return VG_ENOENT;
}

enum vg_error_id vg_error_from_err(int err)
{
    switch (err) {
    case VG_EINVAL:
    case VG_EPARSE:
    case VG_ENOTSUP: return VG_ERROR_VALIDATION;
    case VG_ENOENT: return VG_ERROR_NOT_FOUND;
    case VG_EEXIST:
    case VG_ESTATE: return VG_ERROR_CONFLICT;
    case VG_EAUTH: return VG_ERROR_UNAUTHORIZED;
    case VG_EFORBIDDEN: return VG_ERROR_FORBIDDEN;
    case VG_ETOOBIG: return VG_ERROR_PAYLOAD_TOO_LARGE;
    case VG_ELIMIT: return VG_ERROR_RATE_LIMITED;
    case VG_ECAPACITY:
    case VG_EFULL: return VG_ERROR_CAPACITY;
    case VG_EUNAVAIL:
    case VG_ECLOSED:
    case VG_EAGAIN: return VG_ERROR_UNAVAILABLE;
    case VG_ETIMEOUT: return VG_ERROR_TIMEOUT;
    default: return VG_ERROR_INTERNAL;
    }
}

void vg_error_write(struct vg_buf *out, enum vg_error_id id, const char *message, const char *details_json,
                    const char *request_id)
{
    const struct vg_error_info *info = vg_error_info(id);
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_json_object(&j, "error");
    vg_json_str(&j, "code", info->code);
    vg_json_str(&j, "message", message ? message : info->help);
    vg_json_raw(&j, "details", details_json ? details_json : "null");
    vg_json_str(&j, "requestId", request_id);
    vg_json_end(&j);
    vg_json_end(&j);
}
