/* Error codes and the two macros of failing: what every fallible function of Voxgate returns.
 *
 * A fallible function returns 0 or a negative VG_E*; it carries VG_MUST_CHECK. VG_ASSERT is for our own bugs
 * only: bytes from a peer, a file or a database never assert, they return an error and count. */
#ifndef VG_BASE_ERR_H
#define VG_BASE_ERR_H

#include <stdio.h>
#include <stdlib.h>

enum vg_err {
    VG_OK = 0,
    VG_ENOMEM = -1,      /* out of memory, or a bounded pool is empty */
    VG_EINVAL = -2,      /* an argument or a peer's value is out of range or of the wrong type */
    VG_EPARSE = -3,      /* bytes that do not follow the grammar */
    VG_ENOENT = -4,      /* no such thing, or it belongs to another tenant */
    VG_EEXIST = -5,      /* already there */
    VG_EFULL = -6,       /* a bounded queue is full; nothing was taken */
    VG_EAGAIN = -7,      /* not now; try again after the event that the function names */
    VG_ETIMEOUT = -8,    /* a deadline passed */
    VG_ECLOSED = -9,     /* the other side is gone */
    VG_EIO = -10,        /* the operating system or a library failed; errno or the log says how */
    VG_ESTATE = -11,     /* not allowed in the present state */
    VG_EAUTH = -12,      /* credentials are missing, wrong or expired */
    VG_EFORBIDDEN = -13, /* credentials are good but not for this */
    VG_ETOOBIG = -14,    /* over a configured bound */
    VG_EUNAVAIL = -15,   /* a dependency (store, bus, engine) is away */
    VG_ECAPACITY = -16,  /* a limit of this instance is reached */
    VG_ELIMIT = -17,     /* a limit of the tenant is reached */
    VG_ENOTSUP = -18,    /* not supported by this build, engine or codec */
    VG_ECANCELED = -19,  /* cancelled by its owner */
};

/* A short English phrase for `err`; never NULL. Any thread. */
const char *vg_strerror(int err);

#define VG_MUST_CHECK               __attribute__((warn_unused_result))
#define VG_PRINTF(fmt_index, first) __attribute__((format(printf, fmt_index, first)))
#define VG_COUNT_OF(array)          (sizeof(array) / sizeof((array)[0]))

/* Ends the process with file and line. For broken invariants of our own only. */
_Noreturn void vg_assert_failed(const char *expr, const char *file, int line);
#define VG_ASSERT(expr) ((expr) ? (void)0 : vg_assert_failed(#expr, __FILE__, __LINE__))

#endif
