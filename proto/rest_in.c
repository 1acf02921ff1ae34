/* The tables of the REST bodies and their readers; see rest_in.h. */
#include "proto/rest_in.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"

enum { ID_BYTES_MAX = 128, NAME_BYTES_MAX = 256, REASON_BYTES_MAX = 500, MEMBERS_MAX = 64 };

static const char *const LANGUAGES[] = {"auto", "ar", "en", NULL};
static const char *const PUBLISHED[] = {"audio", NULL};
static const char *const CONTENTS[] = {"text/plain", "text/markdown", "text/html", NULL};

const char *vg_rest_language_name(enum vg_rest_language language)
{
    return LANGUAGES[language];
}

const char *vg_rest_content_name(enum vg_rest_content content)
{
    return CONTENTS[content];
}

void vg_rest_free(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

/* Parses and binds; `target` begins with its json_t pointer and holds the defaults. */
static int read_body(json_t **json, void *target, const struct vg_bind_field *fields, size_t count,
                     const char *text, size_t bytes, struct vg_bind_details *details)
{
    int rc = vg_bind_parse(json, text, bytes, details);
    if (rc)
        return rc;
    rc = vg_bind(target, *json, fields, count, NULL, details);
    if (rc)
        vg_rest_free(json);
    return rc;
}

/* One line of a table. Lengths are bytes of UTF-8. */
#define STRING(type, member, need, least, most, text)                                                        \
    {                                                                                                        \
        .name = #member, .kind = VG_BIND_STRING, .offset = offsetof(struct type, member),                    \
        .required = (need), .min = (least), .max = (most), .help = (text)                                    \
    }
#define OTHER(type, member, what, ...)                                                                       \
    {                                                                                                        \
        .name = #member, .kind = (what), .offset = offsetof(struct type, member), __VA_ARGS__                \
    }

int vg_rest_read_token(struct vg_rest_token *out, const char *text, size_t bytes,
                       struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_token, tenant_id, true, 1, ID_BYTES_MAX, "id of the tenant"),
        STRING(vg_rest_token, api_key, true, 1, NAME_BYTES_MAX, "an API key of the tenant"),
    };
    *out = (struct vg_rest_token){0};
    return read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
}

int vg_rest_read_call_start(struct vg_rest_call_start *out, const char *text, size_t bytes,
                            struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_call_start, tenant_id, true, 1, ID_BYTES_MAX, "id of the tenant"),
        STRING(vg_rest_call_start, user_id, false, 0, NAME_BYTES_MAX, "who calls, in the client's terms"),
        OTHER(vg_rest_call_start, language, VG_BIND_ENUM, .values = LANGUAGES, .help = "language preference"),
        STRING(vg_rest_call_start, voice_id, false, 1, ID_BYTES_MAX, "voice preset, see GET /v1/voices"),
        OTHER(vg_rest_call_start, metadata, VG_BIND_OBJECT, .max = MEMBERS_MAX,
              .help = "fills the {{variables}} of the prompt"),
        STRING(vg_rest_call_start, agent_id, false, 1, ID_BYTES_MAX, "id of the agent"),
        OTHER(vg_rest_call_start, publish, VG_BIND_ENUM_ARRAY, .values = PUBLISHED,
              .help = "what is published on Redis for this call"),
        OTHER(vg_rest_call_start, record, VG_BIND_BOOL, .help = "keep the audio of the call"),
    };
    *out = (struct vg_rest_call_start){0};
    return read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
}

int vg_rest_read_reason(struct vg_rest_reason *out, const char *text, size_t bytes,
                        struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_reason, reason, false, 0, REASON_BYTES_MAX, "why, in the client's words"),
    };
    *out = (struct vg_rest_reason){0};
    if (bytes == 0)
        return 0;
    return read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
}

int vg_rest_read_handoff(struct vg_rest_handoff *out, const char *text, size_t bytes,
                         struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_handoff, call_id, true, 1, ID_BYTES_MAX, "id of the call"),
        STRING(vg_rest_handoff, reason, false, 1, REASON_BYTES_MAX, "why a person is wanted"),
        STRING(vg_rest_handoff, agent_queue, false, 1, ID_BYTES_MAX, "the queue of human agents"),
    };
    *out = (struct vg_rest_handoff){.reason = "customer_request", .agent_queue = "general"};
    return read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
}

int vg_rest_read_ingest(struct vg_rest_ingest *out, const char *text, size_t bytes,
                        struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_ingest, tenant_id, true, 1, ID_BYTES_MAX, "id of the tenant"),
        STRING(vg_rest_ingest, source, true, 1, NAME_BYTES_MAX,
               "where it is from; a new version replaces the old"),
        STRING(vg_rest_ingest, title, false, 1, NAME_BYTES_MAX, "title of the document"),
        STRING(vg_rest_ingest, text, false, 1, VG_REST_INGEST_BYTES_MAX, "the document as text"),
        STRING(vg_rest_ingest, content_base64, false, 1, VG_REST_INGEST_BYTES_MAX, "the document as base64"),
        OTHER(vg_rest_ingest, content_type, VG_BIND_ENUM, .values = CONTENTS, .help = "what the document is"),
        OTHER(vg_rest_ingest, metadata, VG_BIND_OBJECT, .max = MEMBERS_MAX, .help = "kept with each passage"),
    };
    *out = (struct vg_rest_ingest){.content_type = VG_REST_TEXT_PLAIN};
    int rc = read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
    if (rc == 0 && !out->text == !out->content_base64) {
        vg_bind_fault(details, NULL, "text", "exactly one of text and content_base64 is required");
        vg_rest_free(&out->json);
        return VG_EINVAL;
    }
    return rc;
}

/* True if `text` is what JSON lets into a string: jansson checks its UTF-8 and refuses a NUL. */
static bool is_text(const char *text, size_t bytes)
{
    json_t *check = memchr(text, 0, bytes) ? NULL : json_stringn(text, bytes);
    json_decref(check);
    return check != NULL;
}

int vg_rest_ingest_content(const struct vg_rest_ingest *body, char **content, size_t *bytes,
                           struct vg_bind_details *details)
{
    const char *from = body->text ? body->text : body->content_base64;
    size_t length = strlen(from);
    char *out = malloc(length + 33); /* the decoder's slack, and a NUL */
    if (!out)
        return VG_ENOMEM;
    int n = 0;
    if (body->text)
        memcpy(out, from, length);
    else
        n = vg_base64_decode((uint8_t *)out, from, length);
    if (n < 0 || (!body->text && !is_text(out, (size_t)n))) {
        free(out);
        vg_bind_fault(details, NULL, "content_base64", n < 0 ? "is not base64" : "does not hold UTF-8 text");
        return VG_EINVAL;
    }
    *bytes = body->text ? length : (size_t)n;
    out[*bytes] = 0;
    *content = out;
    return 0;
}

int vg_rest_read_rag_query(struct vg_rest_rag_query *out, const char *text, size_t bytes,
                           struct vg_bind_details *details)
{
    static const struct vg_bind_field FIELDS[] = {
        STRING(vg_rest_rag_query, query, true, 1, 2000, "what to look for"),
        STRING(vg_rest_rag_query, tenant_id, true, 1, ID_BYTES_MAX, "id of the tenant"),
        OTHER(vg_rest_rag_query, top_k, VG_BIND_INT, .min = 1, .max = 20, .help = "passages wanted"),
        OTHER(vg_rest_rag_query, filters, VG_BIND_OBJECT, .max = 16,
              .help = "metadata that passages must have"),
    };
    *out = (struct vg_rest_rag_query){.top_k = 3};
    int rc = read_body(&out->json, out, FIELDS, VG_COUNT_OF(FIELDS), text, bytes, details);
    for (void *i = rc ? NULL : json_object_iter(out->filters); i;
         i = json_object_iter_next(out->filters, i)) {
        const json_t *value = json_object_iter_value(i);
        if (json_is_string(value) || json_is_number(value) || json_is_boolean(value))
            continue;
        vg_bind_fault(details, "filters", json_object_iter_key(i), "must be a string, a number or a boolean");
        rc = VG_EINVAL;
    }
    if (rc && out->json)
        vg_rest_free(&out->json);
    return rc;
}
