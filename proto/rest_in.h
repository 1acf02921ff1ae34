/* Bodies of the REST requests: one struct and one reader a body, bound by table (proto/bind.h).
 *
 * A reader returns 0, VG_EPARSE (not a JSON object) or VG_EINVAL (fields are wrong), the last two with
 * `details` to be shown, or VG_ENOMEM. On success the strings and objects live in `json`: free it by
 * vg_rest_free(&body.json). On failure there is nothing to free. Pure; any thread.
 *
 *     struct vg_rest_handoff body;
 *     struct vg_bind_details details = {0};
 *     int rc = vg_rest_read_handoff(&body, text, bytes, &details); */
#ifndef VG_PROTO_REST_IN_H
#define VG_PROTO_REST_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/bind.h"

enum {
    VG_REST_BODY_BYTES_MAX = 65536,     /* every route but the next */
    VG_REST_INGEST_BYTES_MAX = 8388608, /* POST /ingest */
};

/* The voice preset of a call that names none and whose agent has none. */
#define VG_REST_DEFAULT_VOICE "arabic_gulf_male"

enum vg_rest_language { VG_REST_AUTO, VG_REST_AR, VG_REST_EN };
/* "auto", "ar", "en" */
const char *vg_rest_language_name(enum vg_rest_language language);

/* POST /auth/token */
struct vg_rest_token {
    json_t *json;
    const char *tenant_id;
    const char *api_key;
};
int vg_rest_read_token(struct vg_rest_token *out, const char *text, size_t bytes,
                       struct vg_bind_details *details) VG_MUST_CHECK;

/* Bits of vg_rest_call_start.publish. */
enum { VG_REST_PUBLISH_AUDIO = 1 << 0 };

/* POST /call/start */
struct vg_rest_call_start {
    json_t *json;
    const char *tenant_id;
    const char *user_id;  /* or NULL */
    int language;         /* enum vg_rest_language; auto */
    const char *voice_id; /* a preset's name, not checked here; NULL: not said */
    json_t *metadata;     /* object, or NULL */
    const char *agent_id; /* NULL: the tenant's default agent */
    unsigned publish;     /* VG_REST_PUBLISH_* */
    bool record;
};
int vg_rest_read_call_start(struct vg_rest_call_start *out, const char *text, size_t bytes,
                            struct vg_bind_details *details) VG_MUST_CHECK;

/* POST /call/{id}/end and POST /handoffs/{id}/decline; an empty body counts as {}. */
struct vg_rest_reason {
    json_t *json;
    const char *reason; /* or NULL */
};
int vg_rest_read_reason(struct vg_rest_reason *out, const char *text, size_t bytes,
                        struct vg_bind_details *details) VG_MUST_CHECK;

/* POST /handoff */
struct vg_rest_handoff {
    json_t *json;
    const char *call_id;
    const char *reason;      /* "customer_request" */
    const char *agent_queue; /* "general" */
};
int vg_rest_read_handoff(struct vg_rest_handoff *out, const char *text, size_t bytes,
                         struct vg_bind_details *details) VG_MUST_CHECK;

/* POST /ingest; exactly one of `text` and `content_base64` is there. */
struct vg_rest_ingest {
    json_t *json;
    const char *tenant_id;
    const char *source;
    const char *title; /* or NULL */
    const char *text, *content_base64;
    int content_type; /* enum vg_rest_content; text/plain */
    json_t *metadata; /* object, or NULL */
};
enum vg_rest_content { VG_REST_TEXT_PLAIN, VG_REST_TEXT_MARKDOWN, VG_REST_TEXT_HTML };
const char *vg_rest_content_name(enum vg_rest_content content);
int vg_rest_read_ingest(struct vg_rest_ingest *out, const char *text, size_t bytes,
                        struct vg_bind_details *details) VG_MUST_CHECK;
/* Gives the document itself, decoded where it came as base64, valid UTF-8 and NUL-terminated; freed by
 * free(). VG_EINVAL with details if it is neither, VG_ENOMEM. */
int vg_rest_ingest_content(const struct vg_rest_ingest *body, char **content, size_t *bytes,
                           struct vg_bind_details *details) VG_MUST_CHECK;

/* POST /rag/query */
struct vg_rest_rag_query {
    json_t *json;
    const char *query;
    const char *tenant_id;
    int64_t top_k;   /* 1..20; 3 */
    json_t *filters; /* object of strings, numbers and booleans, or NULL */
};
int vg_rest_read_rag_query(struct vg_rest_rag_query *out, const char *text, size_t bytes,
                           struct vg_bind_details *details) VG_MUST_CHECK;

/* Frees what a reader filled and sets it to NULL. */
void vg_rest_free(json_t **json);

#endif
