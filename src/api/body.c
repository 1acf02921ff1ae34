/* The one way from a request's body to its struct of proto/rest_in.h; see exchange.h. */
#include "api/exchange.h"
#include "proto/rest_in.h"

static int read_kind(enum body_kind kind, void *out, const char *text, size_t bytes,
                     struct vg_bind_details *details)
{
    switch (kind) {
    case BODY_TOKEN: return vg_rest_read_token(out, text, bytes, details);
    case BODY_CALL_START: return vg_rest_read_call_start(out, text, bytes, details);
    case BODY_REASON: return vg_rest_read_reason(out, text, bytes, details);
    case BODY_HANDOFF: return vg_rest_read_handoff(out, text, bytes, details);
    case BODY_INGEST: return vg_rest_read_ingest(out, text, bytes, details);
    case BODY_RAG_QUERY: return vg_rest_read_rag_query(out, text, bytes, details);
    }
    return VG_EINVAL;
}

bool exchange_read_body(struct exchange *ex, enum body_kind kind, void *out)
{
    struct vg_bind_details details = {0};
    size_t bytes;
    const char *text = vg_http_body(ex->request, &bytes);
    int err = read_kind(kind, out, text, bytes, &details);
    if (err == VG_ENOMEM)
        exchange_set_error(ex, vg_error_from_err(err), NULL, NULL);
    else if (err)
        exchange_set_invalid(ex, &details);
    return err == 0;
}

void *exchange_take_body(struct exchange *ex, enum body_kind kind, size_t state_bytes,
                         void (*state_free)(void *state))
{
    ex->state = calloc(1, state_bytes);
    ex->state_free = state_free;
    if (!ex->state)
        exchange_set_error(ex, vg_error_from_err(VG_ENOMEM), NULL, NULL);
    else if (exchange_read_body(ex, kind, ex->state))
        return ex->state;
    exchange_answer(ex);
    return NULL;
}
