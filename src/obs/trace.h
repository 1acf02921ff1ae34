/* Traces: spans exported as OTLP/HTTP JSON by one thread, batched and bounded; off unless an endpoint is
 * configured. W3C traceparent is taken and passed on. Never on the media thread. */
#ifndef VG_OBS_TRACE_H
#define VG_OBS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { VG_TRACEPARENT_SIZE = 56 };

/* Identity of a span; plain data, copied freely. All zero: none. */
struct vg_span_context {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    bool sampled;
};

struct vg_span; /* an open span; NULL where tracing is off: every function takes NULL */

/* Values are OTLP's. */
enum vg_span_kind {
    VG_SPAN_INTERNAL = 1, /* as begun */
    VG_SPAN_SERVER = 2,
    VG_SPAN_CLIENT = 3,
    VG_SPAN_PRODUCER = 4,
    VG_SPAN_CONSUMER = 5,
};

/* Starts the exporter towards `<otlp_endpoint>/v1/traces`; NULL or "": tracing stays off and costs nothing. Port
 * 4317 is taken as 4318 of that host, with a warning. VG_EINVAL: no http(s) URL. Main thread, once. */
int vg_trace_start(const char *otlp_endpoint, const char *service_name) VG_MUST_CHECK;
/* Exports what is left (at most 2 s) and ends the thread. */
void vg_trace_stop(void);
bool vg_trace_enabled(void);

/* Opens a span under `parent` (NULL or all zero: a new trace). `name` has static life. */
struct vg_span *vg_span_begin(const char *name, const struct vg_span_context *parent);
/* As begun at `mono_us` in the past. */
struct vg_span *vg_span_begin_at(const char *name, const struct vg_span_context *parent, int64_t mono_us);
void vg_span_str(struct vg_span *s, const char *key, const char *value); /* key: static life */
void vg_span_int(struct vg_span *s, const char *key, int64_t value);
void vg_span_kind(struct vg_span *s, enum vg_span_kind kind);
/* The first error of a span stays. `message` is copied and may be NULL. */
void vg_span_error(struct vg_span *s, const char *message);
/* Ends and queues it for export; a full queue drops and counts. Returns NULL. */
struct vg_span *vg_span_end(struct vg_span *s);
/* Zero for NULL. */
struct vg_span_context vg_span_context_of(const struct vg_span *s);

/* Parses a traceparent header; VG_EPARSE: ignore it and start a new trace. */
int vg_traceparent_parse(const char *text, struct vg_span_context *out) VG_MUST_CHECK;
void vg_traceparent_write(const struct vg_span_context *ctx, char out[VG_TRACEPARENT_SIZE]);

#endif
