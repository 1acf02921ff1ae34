/* OTLP/HTTP in JSON: ids in hex, 64-bit numbers as decimal strings, enums as integers.
 * Source: opentelemetry-proto, docs/specification.md and examples/trace.json. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "obs/trace_internal.h"

enum { OTLP_STATUS_ERROR = 2 };

static void hex_member(struct vg_json *j, const char *key, const uint8_t *bytes, size_t n)
{
    char text[33];
    for (size_t i = 0; i < n && i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    vg_json_str(j, key, text);
}

/* Nanoseconds do not fit a double: a decimal string, as int64 is in proto3 JSON. */
static void nanos_member(struct vg_json *j, const char *key, int64_t utc_us)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 "000", utc_us);
    vg_json_str(j, key, text);
}

static void attr_member(struct vg_json *j, const char *key, const char *text, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    vg_json_object(j, NULL);
    vg_json_str(j, "key", key);
    vg_json_object(j, "value");
    vg_json_str(j, text ? "stringValue" : "intValue", text ? text : digits);
    vg_json_end(j);
    vg_json_end(j);
}

static void resource_member(struct vg_json *j, const char *service_name)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    vg_json_object(j, "resource");
    vg_json_array(j, "attributes");
    attr_member(j, "service.name", service_name, 0);
    attr_member(j, "service.version", VG_VERSION, 0);
    attr_member(j, "host.name", host, 0);
    attr_member(j, "process.pid", NULL, getpid());
    vg_json_end(j);
    vg_json_end(j);
}

static void span_member(struct vg_json *j, const struct vg_span *s)
{
    static const uint8_t none[8];
    vg_json_object(j, NULL);
    hex_member(j, "traceId", s->ctx.trace_id, sizeof s->ctx.trace_id);
    hex_member(j, "spanId", s->ctx.span_id, sizeof s->ctx.span_id);
    if (memcmp(s->parent, none, sizeof none) != 0)
        hex_member(j, "parentSpanId", s->parent, sizeof s->parent);
    vg_json_str(j, "name", s->name);
    vg_json_int(j, "kind", s->kind);
    nanos_member(j, "startTimeUnixNano", s->start_utc_us);
    nanos_member(j, "endTimeUnixNano", s->end_utc_us);
    vg_json_array(j, "attributes");
    for (unsigned i = 0; i < s->attrs; i++)
        attr_member(j, s->attr[i].key, s->attr[i].text, s->attr[i].number);
    vg_json_end(j);
    vg_json_object(j, "status");
    if (s->failed) {
        if (s->message)
            vg_json_str(j, "message", s->message);
        vg_json_int(j, "code", OTLP_STATUS_ERROR);
    }
    vg_json_end(j);
    vg_json_end(j);
}

void trace_json(struct vg_buf *out, const char *service_name, struct vg_span *const *spans, unsigned n)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_json_array(&j, "resourceSpans");
    vg_json_object(&j, NULL);
    resource_member(&j, service_name);
    vg_json_array(&j, "scopeSpans");
    vg_json_object(&j, NULL);
    vg_json_object(&j, "scope");
    vg_json_str(&j, "name", "voxgate");
    vg_json_str(&j, "version", VG_VERSION);
    vg_json_end(&j);
    vg_json_array(&j, "spans");
    for (unsigned i = 0; i < n; i++)
        span_member(&j, spans[i]);
    while (j.depth > 0)
        vg_json_end(&j);
}
