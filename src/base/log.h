/* The logger: one JSON line an event, written by one thread of its own.
 *
 *     vg_log_info("call.started", "call_id=%s tenant_id=%s setup_ms=%d", id, tenant, ms);
 *     -> {"ts":"2024-01-01T00:00:00.000Z","level":"info","event":"call.started","call_id":"call_..",...}
 *
 * The format is a list of `key=%conversion` pairs separated by blanks; %s values become JSON strings, numeric
 * ones numbers. Any thread, never blocks: lines go through a bounded ring, a full ring drops and counts, and
 * an event that repeats more than 20 times in a second is counted and summed up instead. Never log secrets or
 * audio; transcript text only at debug. */
#ifndef VG_BASE_LOG_H
#define VG_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

enum vg_log_level { VG_LOG_DEBUG, VG_LOG_INFO, VG_LOG_WARN, VG_LOG_ERROR };

/* Starts the writer thread on descriptor `fd` (borrowed). Before this and after vg_log_stop(), lines go to
 * standard error synchronously. */
int vg_log_start(int fd, enum vg_log_level level) VG_MUST_CHECK;
/* Writes what is queued and ends the thread. */
void vg_log_stop(void);
void vg_log_set_level(enum vg_log_level level);
/* Parses "debug", "info", "warn"/"warning", "error" in any case; VG_EINVAL otherwise. */
int vg_log_parse_level(const char *text, enum vg_log_level *out) VG_MUST_CHECK;
/* Lines dropped since start because the ring was full. */
uint64_t vg_log_dropped(void);

void vg_log(enum vg_log_level level, const char *event, const char *fmt, ...) VG_PRINTF(3, 4);

#define vg_log_debug(event, ...) vg_log(VG_LOG_DEBUG, event, __VA_ARGS__)
#define vg_log_info(event, ...)  vg_log(VG_LOG_INFO, event, __VA_ARGS__)
#define vg_log_warn(event, ...)  vg_log(VG_LOG_WARN, event, __VA_ARGS__)
#define vg_log_error(event, ...) vg_log(VG_LOG_ERROR, event, __VA_ARGS__)

#endif
