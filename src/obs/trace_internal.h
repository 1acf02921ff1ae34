/* What trace.c (spans) and trace_export.c (queue, thread, HTTP) share. Not for other rooms. */
#ifndef VG_OBS_TRACE_INTERNAL_H
#define VG_OBS_TRACE_INTERNAL_H

#include "base/buf.h"
#include "obs/trace.h"

enum {
    TRACE_QUEUE_MAX = 4096, /* ended spans that wait for export */
    TRACE_BATCH_MAX = 512,  /* spans of one request */
    TRACE_ATTRS_MAX = 24,   /* attributes of a span; more are dropped */
    TRACE_VALUE_MAX = 1024, /* bytes of a string attribute; longer ones are cut */
};

struct trace_attr {
    const char *key; /* static life */
    char *text;      /* owned; NULL: a number */
    int64_t number;
};

struct vg_span {
    struct vg_span_context ctx;
    uint8_t parent[8]; /* all zero: the root of its trace */
    const char *name;
    enum vg_span_kind kind;
    int64_t start_utc_us;
    int64_t start_mono_us;
    int64_t end_utc_us;
    bool failed;
    char *message; /* owned; of the failure */
    unsigned attrs;
    struct trace_attr attr[TRACE_ATTRS_MAX];
};

void trace_span_free(struct vg_span *s);
/* Takes `s`. Any thread. */
void trace_export(struct vg_span *s);

/* The body of an OTLP/HTTP JSON request with these spans. */
void trace_json(struct vg_buf *out, const char *service_name, struct vg_span *const *spans, unsigned n);
/* Where to POST for a configured endpoint: "/v1/traces" appended, port 4317 (gRPC) taken as 4318 with a
 * warning. VG_EINVAL if it is no http or https URL. Gives `*out` (free). */
int trace_url(const char *endpoint, char **out) VG_MUST_CHECK;

#endif
