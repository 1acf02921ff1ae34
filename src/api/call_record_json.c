/* GET /call/{id} and POST /call/{id}/end of a call that this process does not know: as the record has it. */
#include <string.h>

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/calls.h"

static void text_or_null(struct vg_json *j, const char *key, const char *text)
{
    vg_json_str(j, key, *text ? text : NULL);
}

static void time_or_null(struct vg_json *j, const char *key, int64_t utc_us)
{
    if (utc_us)
        vg_json_seconds(j, key, utc_us);
    else
        vg_json_null(j, key);
}

static void write_record(struct vg_buf *out, const struct vg_call_record *c)
{
    struct vg_json j = vg_json_start(out);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "call_id", c->call_id);
    vg_json_str(&j, "session_id", c->session_id);
    vg_json_str(&j, "tenant_id", c->tenant_id);
    text_or_null(&j, "user_id", c->user_id);
    text_or_null(&j, "agent_id", c->agent_id);
    vg_json_str(&j, "status", c->status);
    vg_json_str(&j, "direction", c->direction);
    vg_json_str(&j, "channel", c->channel);
    vg_json_str(&j, "language", c->language);
    vg_json_str(&j, "voice_id", c->voice_id);
    vg_json_seconds(&j, "started_at", c->started_at_us);
    time_or_null(&j, "answered_at", c->answered_at_us);
    time_or_null(&j, "ended_at", c->ended_at_us);
    vg_json_seconds(&j, "duration_seconds", c->duration_ms * VG_US_PER_MS);
    text_or_null(&j, "end_reason", c->end_reason);
    vg_json_int(&j, "turns", c->turns);
    vg_json_raw(&j, "metadata", *c->metadata ? c->metadata : "{}");
    vg_json_end(&j);
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
