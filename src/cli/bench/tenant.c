/* A tenant for a load test; see bench.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench/bench.h"
#include "cli/commands.h"
#include "store/admin.h"

enum { NO_LIMIT_REQUESTS = 10000000, NO_LIMIT_CALLS = 1000000 };

static int make_agent(struct vg_pg *pg, struct bench *b)
{
    struct vg_agent_profile profile = VG_AGENT_PROFILE_INIT;
    const struct vg_agent *agent = NULL;
    profile.name = "Echo";
    profile.role = "custom";
    profile.system_prompt = "Say back what you hear.";
    profile.language = "en";
    profile.stt_engine = profile.llm_engine = profile.tts_engine = "loopback";
    profile.is_default = 1;
    int err = vg_admin_agent_create(pg, b->tenant_id, &profile, admin_deadline_us(), &agent);
    if (!err)
        memcpy(b->agent_id, agent->id, sizeof b->agent_id);
    vg_agent_put(agent);
    return err;
}

static int make_tenant(struct bench *b, const char *command, struct vg_new_key *key)
{
    struct admin_common common = {.config_file = b->options->config_file};
    struct vg_pg *pg = NULL;
    struct vg_tenant tenant;
    struct vg_tenant_change change = {.rate_limit_requests = NO_LIMIT_REQUESTS,
                                      .rate_limit_window_s = 60,
                                      .concurrent_calls_max = NO_LIMIT_CALLS};
    int rc = admin_open(command, &common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_tenant_create(pg, "Load test", "custom", admin_deadline_us(), &tenant, key);
    if (!err)
        err = vg_admin_tenant_update(pg, tenant.id, &change, admin_deadline_us(), &tenant);
    memcpy(b->tenant_id, tenant.id, sizeof b->tenant_id);
    if (!err)
        err = make_agent(pg, b);
    if (err)
        rc = admin_failed(command, pg, err, "tenant");
    vg_pg_free(pg);
    return rc;
}

static int fetch_token(struct bench *b, const char *command, const char *api_key)
{
    struct vg_buf request = VG_BUF_INIT, answer = VG_BUF_INIT;
    char token[2048] = "";
    vg_buf_printf(&request, "{\"tenant_id\":\"%s\",\"api_key\":\"%s\"}", b->tenant_id, api_key);
    int status = request.failed
                     ? VG_ENOMEM
                     : wire_request(&b->load.url, "POST", "/auth/token", NULL, request.data, &answer);
    int err =
        status == 200 ? wire_text(answer.data, answer.len, "access_token", token, sizeof token) : VG_EAUTH;
    if (status < 0)
        fprintf(stderr, "%s: no gateway answers at %s.\n", command, b->load.url.host);
    else if (err)
        fprintf(stderr, "%s: /auth/token answered %d: %s\n", command, status, vg_buf_str(&answer));
    vg_buf_puts(&b->token, token);
    vg_buf_free(&request);
    vg_buf_free(&answer);
    return err || status < 0 ? CLI_FAILED : CLI_GO_ON;
}

int bench_tenant(struct bench *b, const char *command)
{
    const struct bench_options *o = b->options;
    struct vg_new_key key = {0};
    if (o->tenant) {
        snprintf(b->tenant_id, sizeof b->tenant_id, "%s", o->tenant);
        snprintf(b->agent_id, sizeof b->agent_id, "%s", o->agent ? o->agent : "");
    } else {
        int rc = make_tenant(b, command, &key);
        if (rc != CLI_GO_ON)
            return rc;
    }
    int rc = fetch_token(b, command, o->tenant ? o->api_key : key.secret);
    b->load.token = vg_buf_str(&b->token);
    b->load.tenant_id = b->tenant_id;
    b->load.agent_id = *b->agent_id ? b->agent_id : NULL;
    return rc;
}
