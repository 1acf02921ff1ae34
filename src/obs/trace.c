/* Spans: identity, time, attributes. Where they go is trace_export.c; what they look like on the wire is
 * trace_json.c. A span belongs to one thread at a time; with tracing off none exists and nothing is done. */
#include "obs/trace.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "obs/trace_internal.h"

static bool all_zero(const uint8_t *bytes, size_t n)
{
    unsigned any = 0;
    for (size_t i = 0; i < n; i++)
        any |= bytes[i];
    return any == 0;
}

struct vg_span *vg_span_begin_at(const char *name, const struct vg_span_context *parent, int64_t mono_us)
{
    struct vg_span *s = vg_trace_enabled() ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->name = name;
    s->kind = VG_SPAN_INTERNAL;
    s->start_mono_us = mono_us;
    s->start_utc_us = vg_utc_us() - (vg_mono_us() - mono_us);
    s->ctx.sampled = true;
    if (parent && !all_zero(parent->trace_id, sizeof parent->trace_id)) {
        memcpy(s->ctx.trace_id, parent->trace_id, sizeof s->ctx.trace_id);
        memcpy(s->parent, parent->span_id, sizeof s->parent);
        s->ctx.sampled = parent->sampled;
    } else {
        vg_random_bytes(s->ctx.trace_id, sizeof s->ctx.trace_id);
    }
    vg_random_bytes(s->ctx.span_id, sizeof s->ctx.span_id);
    return s;
}

struct vg_span *vg_span_begin(const char *name, const struct vg_span_context *parent)
{
    return vg_trace_enabled() ? vg_span_begin_at(name, parent, vg_mono_us()) : NULL;
}

static struct trace_attr *attr_next(struct vg_span *s, const char *key)
{
    if (!s || !s->ctx.sampled || s->attrs == TRACE_ATTRS_MAX)
        return NULL;
    struct trace_attr *a = &s->attr[s->attrs++];
    a->key = key;
    return a;
}

void vg_span_str(struct vg_span *s, const char *key, const char *value)
{
    struct trace_attr *a = value ? attr_next(s, key) : NULL;
    if (a && !(a->text = strndup(value, TRACE_VALUE_MAX)))
        s->attrs--;
}

void vg_span_int(struct vg_span *s, const char *key, int64_t value)
{
    struct trace_attr *a = attr_next(s, key);
    if (a)
        a->number = value;
}

void vg_span_kind(struct vg_span *s, enum vg_span_kind kind)
{
    if (s)
        s->kind = kind;
}

void vg_span_error(struct vg_span *s, const char *message)
{
    if (!s || s->failed)
        return;
    s->failed = true;
    s->message = message ? strndup(message, TRACE_VALUE_MAX) : NULL;
}

struct vg_span *vg_span_end(struct vg_span *s)
{
    if (!s)
        return NULL;
    s->end_utc_us = s->start_utc_us + (vg_mono_us() - s->start_mono_us);
    if (s->ctx.sampled)
        trace_export(s);
    else
        trace_span_free(s);
    return NULL;
}

struct vg_span_context vg_span_context_of(const struct vg_span *s)
{
    return s ? s->ctx : (struct vg_span_context){0};
}

void trace_span_free(struct vg_span *s)
{
    for (unsigned i = 0; i < s->attrs; i++)
        free(s->attr[i].text);
    free(s->message);
    free(s);
}
