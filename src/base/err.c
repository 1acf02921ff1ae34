/* Error phrases and the assertion handler; see err.h. */
#include "base/err.h"

const char *vg_strerror(int err)
{
    switch (err) {
    case VG_OK: return "ok";
    case VG_ENOMEM: return "out of memory";
    case VG_EINVAL: return "invalid value";
    case VG_EPARSE: return "malformed input";
    case VG_ENOENT: return "not found";
    case VG_EEXIST: return "already exists";
    case VG_EFULL: return "queue full";
    case VG_EAGAIN: return "try again";
    case VG_ETIMEOUT: return "timed out";
    case VG_ECLOSED: return "closed";
    case VG_EIO: return "input/output error";
    case VG_ESTATE: return "not allowed in this state";
    case VG_EAUTH: return "not authenticated";
    case VG_EFORBIDDEN: return "not allowed";
    case VG_ETOOBIG: return "too big";
    case VG_EUNAVAIL: return "unavailable";
    case VG_ECAPACITY: return "no capacity";
    case VG_ELIMIT: return "limit reached";
    case VG_ENOTSUP: return "not supported";
    case VG_ECANCELED: return "cancelled";
    default: return "unknown error";
    }
}

void vg_assert_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "voxgate: assertion failed: %s at %s:%d\n", expr, file, line);
    abort();
}
