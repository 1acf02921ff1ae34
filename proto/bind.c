/* Reading JSON objects and filling structs from them; see bind.h. */
#include "proto/bind.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"

static void add_fault(struct vg_bind_details *details, const char *path, const char *field,
                      const char *format, va_list ap)
{
    if (details->count >= VG_BIND_DETAILS_MAX)
        return;
    struct vg_bind_detail *d = &details->list[details->count++];
    const char *dot = path && *path && *field ? "." : "";
    snprintf(d->field, sizeof d->field, "%s%s%s", path ? path : "", dot, field);
    vsnprintf(d->message, sizeof d->message, format, ap);
}

void vg_bind_fault(struct vg_bind_details *details, const char *path, const char *field, const char *format,
                   ...)
{
    va_list ap;
    va_start(ap, format);
    add_fault(details, path, field, format, ap);
    va_end(ap);
}

void vg_bind_details_write(struct vg_buf *out, const struct vg_bind_details *details)
{
    struct vg_json j = vg_json_start(out);
    vg_json_array(&j, NULL);
    for (int i = 0; i < details->count; i++) {
        vg_json_object(&j, NULL);
        vg_json_str(&j, "field", details->list[i].field);
        vg_json_str(&j, "message", details->list[i].message);
        vg_json_end(&j);
    }
    vg_json_end(&j);
}

/* jansson recurses once a level, up to 2,048; what a client sends needs far fewer. */
static bool is_too_deep(const char *text, size_t bytes)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > VG_BIND_DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

int vg_bind_parse(json_t **out, const char *text, size_t bytes, struct vg_bind_details *details)
{
    if (is_too_deep(text, bytes)) {
        vg_bind_fault(details, NULL, "", "is nested deeper than %d levels", VG_BIND_DEPTH_MAX);
        return VG_EPARSE;
    }
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return VG_ENOMEM;
        vg_bind_fault(details, NULL, "", "is not valid JSON: %.80s (line %d, column %d)", error.text,
                      error.line, error.column);
        return VG_EPARSE;
    }
    if (!json_is_object(json)) {
        json_decref(json);
        vg_bind_fault(details, NULL, "", "is not a JSON object");
        return VG_EPARSE;
    }
    *out = json;
    return 0;
}

/* --- one field ------------------------------------------------------------------------------------------ */

/* What a field is bound with: where it goes, and where its faults are told. */
struct place {
    const struct vg_bind_field *field;
    void *member;
    const char *path;
    struct vg_bind_details *details;
};

static int fault(const struct place *p, const char *format, ...) VG_PRINTF(2, 3);
static int fault(const struct place *p, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_fault(p->details, p->path, p->field->name, format, ap);
    va_end(ap);
    return VG_EINVAL;
}

static bool has_range(const struct vg_bind_field *f)
{
    return f->min != 0 || f->max != 0;
}

static int check_size(const struct place *p, size_t size, const char *unit)
{
    const struct vg_bind_field *f = p->field;
    if (!has_range(f))
        return 0;
    if (size < (size_t)f->min)
        return f->min == 1 ? fault(p, "must not be empty")
                           : fault(p, "must have at least %lld %s", (long long)f->min, unit);
    if (size > (size_t)f->max)
        return fault(p, "must have at most %lld %s", (long long)f->max, unit);
    return 0;
}

static int bind_string(const struct place *p, const json_t *value)
{
    if (!json_is_string(value))
        return fault(p, "must be a string");
    int rc = check_size(p, json_string_length(value), "bytes");
    if (rc == 0)
        *(const char **)p->member = json_string_value(value);
    return rc;
}

static int bind_int(const struct place *p, const json_t *value)
{
    const struct vg_bind_field *f = p->field;
    int64_t n = 0;
    double real = json_number_value(value);
    if (json_is_integer(value))
        n = json_integer_value(value);
    else if (json_is_real(value) && fabs(real) < 9e15 && floor(real) >= real)
        n = (int64_t)real; /* JSON Schema, too, calls 3.0 an integer */
    else
        return fault(p, "must be a whole number");
    if (has_range(f) && (n < f->min || n > f->max))
        return fault(p, "must be from %lld to %lld", (long long)f->min, (long long)f->max);
    *(int64_t *)p->member = n;
    return 0;
}

static int bind_number(const struct place *p, const json_t *value)
{
    const struct vg_bind_field *f = p->field;
    if (!json_is_number(value))
        return fault(p, "must be a number");
    double x = json_number_value(value);
    if (has_range(f) && (x < (double)f->min || x > (double)f->max))
        return fault(p, "must be from %lld to %lld", (long long)f->min, (long long)f->max);
    *(double *)p->member = x;
    return 0;
}

static int bind_bool(const struct place *p, const json_t *value)
{
    if (!json_is_boolean(value))
        return fault(p, "must be true or false");
    *(bool *)p->member = json_is_true(value);
    return 0;
}

static int bind_container(const struct place *p, json_t *value)
{
    bool object = p->field->kind == VG_BIND_OBJECT;
    if (object ? !json_is_object(value) : !json_is_array(value))
        return fault(p, "must be an %s", object ? "object" : "array");
    int rc = object ? check_size(p, json_object_size(value), "members")
                    : check_size(p, json_array_size(value), "elements");
    if (rc == 0)
        *(json_t **)p->member = value;
    return rc;
}

static int fault_choice(const struct place *p)
{
    char list[120] = "";
    for (size_t i = 0; p->field->values[i]; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", p->field->values[i]);
    }
    bool many = p->field->kind == VG_BIND_ENUM_ARRAY;
    return fault(p, "must be %s: %s", many ? "an array of" : "one of", list);
}

/* Index of the value among those allowed, -1 if it is none of them. */
static int choice(const struct vg_bind_field *f, const json_t *value)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && f->values[i]; i++) {
        if (strcmp(text, f->values[i]) == 0)
            return i;
    }
    return -1;
}

static int bind_enum(const struct place *p, const json_t *value)
{
    int i = choice(p->field, value);
    if (i < 0)
        return fault_choice(p);
    *(int *)p->member = i;
    return 0;
}

static int bind_enum_array(const struct place *p, const json_t *value)
{
    if (!json_is_array(value))
        return fault_choice(p);
    unsigned set = 0;
    size_t k;
    json_t *element;
    json_array_foreach(value, k, element)
    {
        int i = choice(p->field, element);
        if (i < 0)
            return fault_choice(p);
        set |= 1u << i;
    }
    *(unsigned *)p->member = set;
    return 0;
}

static int bind_field(const struct place *p, json_t *value)
{
    switch (p->field->kind) {
    case VG_BIND_STRING: return bind_string(p, value);
    case VG_BIND_INT: return bind_int(p, value);
    case VG_BIND_NUMBER: return bind_number(p, value);
    case VG_BIND_BOOL: return bind_bool(p, value);
    case VG_BIND_OBJECT:
    case VG_BIND_ARRAY: return bind_container(p, value);
    case VG_BIND_ENUM: return bind_enum(p, value);
    case VG_BIND_ENUM_ARRAY: return bind_enum_array(p, value);
    }
    return VG_EINVAL;
}

int vg_bind(void *target, const json_t *object, const struct vg_bind_field *fields, size_t count,
            const char *path, struct vg_bind_details *details)
{
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        struct place p = {&fields[i], (char *)target + fields[i].offset, path, details};
        json_t *value = json_object_get(object, fields[i].name);
        if (value && !json_is_null(value)) {
            if (bind_field(&p, value))
                rc = VG_EINVAL;
        } else if (fields[i].required) {
            rc = fault(&p, "is required");
        }
    }
    return rc;
}
