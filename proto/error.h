/* Error codes of the API and the one error shape: {"error":{"code","message","details","requestId"}}.
 *
 * The codes are listed in proto/errors.inc alone. Any thread. */
#ifndef VG_PROTO_ERROR_H
#define VG_PROTO_ERROR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum vg_error_id {
#define VG_ERROR(id, code, http_status, close_code, fatal, help) VG_ERROR_##id,
#include "proto/errors.inc"
#undef VG_ERROR
    VG_ERROR_COUNT
};

struct vg_error_info {
    const char *code; /* "VALIDATION_ERROR" */
    int http_status;  /* 0: never an HTTP answer */
    int close_code;   /* of the WebSocket; 0: the connection goes on */
    bool fatal;       /* the WebSocket is closed after it */
    const char *help; /* one English sentence, the default message */
};

/* Never NULL; static. */
const struct vg_error_info *vg_error_info(enum vg_error_id id);
/* Finds a code by name; VG_ENOENT. */
int vg_error_find(const char *code, enum vg_error_id *out) VG_MUST_CHECK;
/* The REST error that a failed function (enum vg_err) becomes where nothing better is known. */
enum vg_error_id vg_error_from_err(int err);

/* Appends the error body. `message` NULL: the code's help. `details_json` is valid JSON or NULL, which writes
 * null; `request_id` likewise. */
void vg_error_write(struct vg_buf *out, enum vg_error_id id, const char *message, const char *details_json,
                    const char *request_id);

#endif
