/* GET /call/{id} and POST /call/{id}/end of a call that this process does not know: as the record has it. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "proto/call_out.h"
#include "store/calls.h"

static void write_record(struct vg_buf *out, const struct vg_call_record *c)
{
    struct vg_call_out call = {.call_id = c->call_id,
                               .session_id = c->session_id,
                               .tenant_id = c->tenant_id,
                               .user_id = c->user_id,
                               .agent_id = c->agent_id,
                               .status = c->status,
                               .direction = c->direction,
                               .channel = c->channel,
                               .language = c->language,
                               .voice_id = c->voice_id,
                               .started_at_us = c->started_at_us,
                               .answered_at_us = c->answered_at_us,
                               .ended_at_us = c->ended_at_us,
                               .duration_us = c->duration_ms * VG_US_PER_MS,
                               .end_reason = c->end_reason,
                               .turns = c->turns,
                               .metadata = c->metadata};
    vg_call_out_write(out, &call);
}

void work_call_get(struct exchange *ex, struct vg_pg *pg)
{
    struct vg_call_record *c;
    const char *tenant = exchange_tenant(ex, vg_http_query(ex->request, "tenant_id"));
    if (!tenant) {
        exchange_set_error(ex, VG_ERROR_NOT_FOUND,
                           "the operator names the tenant of a past call by ?tenant_id=", NULL);
        return;
    }
    int err = vg_call_load(pg, tenant, ex->params[0], ex->job.deadline_us, &c);
    if (err) {
        exchange_set_error(ex, vg_error_from_err(err), NULL, NULL);
        return;
    }
    write_record(&ex->body, c);
    vg_call_record_free(c);
}
