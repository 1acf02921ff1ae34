/* The bodies of the REST requests: the first byte chooses the reader, the rest is the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rest_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every failure says why, in details that are written as valid JSON. */
static void check_details(int rc, const struct vg_bind_details *details)
{
    VG_ASSERT((rc == VG_EPARSE || rc == VG_EINVAL) && details->count > 0);
    struct vg_buf b = VG_BUF_INIT;
    vg_bind_details_write(&b, details);
    json_t *json = json_loadb(vg_buf_str(&b), b.len, 0, NULL);
    VG_ASSERT(json_array_size(json) == (size_t)details->count);
    json_decref(json);
    vg_buf_free(&b);
}

static void check_ingest(const struct vg_rest_ingest *body, struct vg_bind_details *details)
{
    char *content = NULL;
    size_t bytes = 0;
    int rc = vg_rest_ingest_content(body, &content, &bytes, details);
    if (rc)
        check_details(rc, details);
    else
        VG_ASSERT(strlen(content) == bytes);
    free(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n = size - 1;
    char *text = malloc(n + 1); /* exact, for the address sanitizer */
    VG_ASSERT(text);
    memcpy(text, data + 1, n);
    struct vg_bind_details details = {0};
    union {
        struct vg_rest_token token;
        struct vg_rest_call_start call_start;
        struct vg_rest_reason reason;
        struct vg_rest_handoff handoff;
        struct vg_rest_ingest ingest;
        struct vg_rest_rag_query rag_query;
        json_t *json; /* each begins with it */
    } body;
    int rc;
    switch (data[0] % 6) {
    case 0: rc = vg_rest_read_token(&body.token, text, n, &details); break;
    case 1: rc = vg_rest_read_call_start(&body.call_start, text, n, &details); break;
    case 2: rc = vg_rest_read_reason(&body.reason, text, n, &details); break;
    case 3: rc = vg_rest_read_handoff(&body.handoff, text, n, &details); break;
    case 4: rc = vg_rest_read_ingest(&body.ingest, text, n, &details); break;
    default: rc = vg_rest_read_rag_query(&body.rag_query, text, n, &details); break;
    }
    if (rc)
        check_details(rc, &details);
    else if (data[0] % 6 == 4)
        check_ingest(&body.ingest, &details);
    if (rc == 0)
        vg_rest_free(&body.json);
    free(text);
    return 0;
}
