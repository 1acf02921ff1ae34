/* `voxgate admin tenant ...` and `voxgate admin demo`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "store/admin.h"

struct tenant_values {
    struct admin_common common;
    const char *name, *plan, *status, *after;
    int64_t rate_limit, rate_window_s, concurrent_calls, limit;
    bool no_agent;
};
#define TENANT_VALUES_INIT                                                                                   \
    ((struct tenant_values){.rate_limit = -1, .rate_window_s = -1, .concurrent_calls = -1, .limit = 100})

#define AT(member) .offset = offsetof(struct tenant_values, member)

#define NAME_OPTION                                                                                          \
    {                                                                                                        \
        .name = "name", .type = CLI_TEXT, AT(name), .metavar = "NAME", .help = "what the business is called" \
    }
#define PLAN_OPTION                                                                                          \
    {                                                                                                        \
        .name = "plan", .type = CLI_TEXT, AT(plan), .metavar = "PLAN", .choices = "starter|growth|custom",   \
        .def = "starter for a new one", .help = "plan"                                                       \
    }
#define LIMIT_OPTIONS                                                                                        \
    {.name = "rate-limit",                                                                                   \
     .type = CLI_NUMBER,                                                                                     \
     AT(rate_limit),                                                                                         \
     .metavar = "N",                                                                                         \
     .max = 10000000,                                                                                        \
     .unit = "requests",                                                                                     \
     .help = "REST requests in a window; 0: RATE_LIMIT_REQUESTS"},                                           \
        {.name = "rate-window",                                                                              \
         .type = CLI_NUMBER,                                                                                 \
         AT(rate_window_s),                                                                                  \
         .metavar = "SECONDS",                                                                               \
         .min = 1,                                                                                           \
         .max = 3600,                                                                                        \
         .unit = "s",                                                                                        \
         .help = "length of that window"},                                                                   \
    {                                                                                                        \
        .name = "concurrent-calls", .type = CLI_NUMBER, AT(concurrent_calls), .metavar = "N",                \
        .max = 1000000, .unit = "calls", .help = "live calls at a time; 0: VOXGATE_CONCURRENT_CALLS"         \
    }

static const char *status_name(enum vg_tenant_status status)
{
    return status == VG_TENANT_ACTIVE ? "active" : status == VG_TENANT_SUSPENDED ? "suspended" : "deleted";
}

static void write_tenant(struct vg_json *j, const struct vg_tenant *t)
{
    char time[VG_ISO8601_SIZE];
    vg_json_str(j, "tenant_id", t->id);
    vg_json_str(j, "name", t->name);
    vg_json_str(j, "status", status_name(t->status));
    vg_json_str(j, "plan", t->plan);
    vg_json_int(j, "rate_limit_requests", t->rate_limit_requests);
    vg_json_int(j, "rate_limit_window_seconds", t->rate_limit_window_s);
    vg_json_int(j, "concurrent_calls_max", t->concurrent_calls_max);
    vg_json_str(j, "default_agent_id", *t->default_agent_id ? t->default_agent_id : NULL);
    vg_json_str(j, "created_at", vg_iso8601(t->created_at_us, time));
}

static void print_json(struct vg_buf *b)
{
    puts(vg_buf_str(b));
    vg_buf_free(b);
}

/* One tenant, with its new key and agent where they were just made. */
static void print_made(const struct tenant_values *v, const struct vg_tenant *t, const struct vg_new_key *key,
                       const char *agent_id, const struct vg_new_key *admin_key)
{
    if (v->common.json) {
        struct vg_buf b = VG_BUF_INIT;
        struct vg_json j = vg_json_start(&b);
        vg_json_object(&j, NULL);
        write_tenant(&j, t);
        if (agent_id && *agent_id)
            vg_json_str(&j, "agent_id", agent_id);
        if (key) {
            vg_json_str(&j, "key_id", key->id);
            vg_json_str(&j, "api_key", key->secret);
        }
        if (admin_key) {
            vg_json_str(&j, "admin_key_id", admin_key->id);
            vg_json_str(&j, "admin_key", admin_key->secret);
        }
        vg_json_end(&j);
        print_json(&b);
        return;
    }
    printf("tenant            %s  %s\nstatus            %s, plan %s\n", t->id, t->name,
           status_name(t->status), t->plan);
    printf("rate limit        ");
    if (t->rate_limit_requests)
        printf("%u requests in %u s\n", t->rate_limit_requests, t->rate_limit_window_s);
    else
        puts("as the gateway is configured");
    printf("concurrent calls  ");
    if (t->concurrent_calls_max)
        printf("%u\n", t->concurrent_calls_max);
    else
        puts("as the gateway is configured");
    const char *agent = agent_id && *agent_id ? agent_id : t->default_agent_id;
    printf("default agent     %s\n", *agent ? agent : "-");
    if (key)
        printf("API key           %s\n                  (shown this once; keep it now)\n", key->secret);
    if (admin_key)
        printf("operator's key    %s\n", admin_key->secret);
}

/* --- create ----------------------------------------------------------------------------------------------
 */

static int make_agent(struct vg_pg *pg, const char *tenant_id, char agent_id[VG_ID_SIZE])
{
    struct vg_agent_profile profile = VG_AGENT_PROFILE_INIT;
    const struct vg_agent *agent = NULL;
    profile.name = "Assistant";
    profile.role = "receptionist";
    profile.system_prompt =
        "You are a friendly receptionist on the phone. Answer briefly, from the knowledge "
        "articles. If you do not know, offer to connect the caller to a person.";
    int err = vg_admin_agent_create(pg, tenant_id, &profile, admin_deadline_us(), &agent);
    if (!err)
        memcpy(agent_id, agent->id, VG_ID_SIZE);
    vg_agent_put(agent);
    return err;
}

static struct vg_tenant_change change_of(const struct tenant_values *v)
{
    return (struct vg_tenant_change){.name = v->name,
                                     .status = v->status,
                                     .plan = v->plan,
                                     .rate_limit_requests = v->rate_limit,
                                     .rate_limit_window_s = v->rate_window_s,
                                     .concurrent_calls_max = v->concurrent_calls};
}

static int create(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {
        NAME_OPTION,
        PLAN_OPTION,
        LIMIT_OPTIONS,
        {.name = "no-agent", .type = CLI_FLAG, AT(no_agent), .help = "make no default agent"},
        ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin tenant create",
        .summary = "Makes an active tenant with its first API key and a default agent.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin tenant create --name \"Example Ltd\" --concurrent-calls 20 --json"};
    struct tenant_values v = TENANT_VALUES_INIT;
    struct vg_pg *pg = NULL;
    struct vg_tenant tenant;
    struct vg_new_key key;
    char agent_id[VG_ID_SIZE] = "";
    int rc = cli_parse(&SYNTAX, argc, argv, &v, NULL);
    if (rc == CLI_GO_ON && (!v.name || !*v.name))
        rc = cli_usage_error(SYNTAX.command, "--name is needed: what is the business called?");
    if (rc == CLI_GO_ON)
        rc = admin_open(SYNTAX.command, &v.common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_tenant_create(pg, v.name, v.plan, admin_deadline_us(), &tenant, &key);
    if (!err && (v.rate_limit >= 0 || v.rate_window_s >= 0 || v.concurrent_calls >= 0)) {
        struct vg_tenant_change change = change_of(&v);
        err = vg_admin_tenant_update(pg, tenant.id, &change, admin_deadline_us(), &tenant);
    }
    if (!err && !v.no_agent) {
        err = make_agent(pg, tenant.id, agent_id);
        memcpy(tenant.default_agent_id, agent_id, sizeof agent_id);
    }
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "tenant");
    else
        print_made(&v, &tenant, &key, agent_id, NULL), rc = CLI_OK;
    vg_pg_free(pg);
    return rc;
}

/* --- list ------------------------------------------------------------------------------------------------
 */

static void print_list(const struct tenant_values *v, const struct vg_tenant_list *list)
{
    if (v->common.json) {
        struct vg_buf b = VG_BUF_INIT;
        struct vg_json j = vg_json_start(&b);
        vg_json_array(&j, NULL);
        for (size_t i = 0; i < list->count; i++) {
            vg_json_object(&j, NULL);
            write_tenant(&j, &list->items[i]);
            vg_json_end(&j);
        }
        vg_json_end(&j);
        print_json(&b);
        return;
    }
    struct table t = table_new(
        (const char *const[]){"TENANT", "NAME", "STATUS", "PLAN", "RATE LIMIT", "CALLS", "CREATED", NULL});
    for (size_t i = 0; i < list->count; i++) {
        const struct vg_tenant *tenant = &list->items[i];
        char limit[40] = "default";
        if (tenant->rate_limit_requests)
            snprintf(limit, sizeof limit, "%u in %u s", tenant->rate_limit_requests,
                     tenant->rate_limit_window_s);
        table_cell(&t, tenant->id);
        table_cell(&t, tenant->name);
        table_cell(&t, status_name(tenant->status));
        table_cell(&t, tenant->plan);
        table_cell(&t, limit);
        if (tenant->concurrent_calls_max)
            table_number(&t, tenant->concurrent_calls_max);
        else
            table_cell(&t, "default");
        table_time(&t, tenant->created_at_us);
    }
    table_print(&t);
}

static int list(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {
        {.name = "limit",
         .type = CLI_NUMBER,
         AT(limit),
         .metavar = "N",
         .def = "100",
         .min = 1,
         .max = 10000,
         .unit = "tenants",
         .help = "most to show"},
        {.name = "after", .type = CLI_TEXT, AT(after), .metavar = "ID", .help = "go on behind this tenant"},
        ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {.command = "voxgate admin tenant list",
                                             .summary = "Lists tenants in the order in which they were made.",
                                             .options = OPTIONS,
                                             .option_count = VG_COUNT_OF(OPTIONS),
                                             .notes = ADMIN_NOTES,
                                             .example = "voxgate admin tenant list"};
    struct tenant_values v = TENANT_VALUES_INIT;
    struct vg_pg *pg = NULL;
    struct vg_tenant_list *found = NULL;
    int rc = cli_parse(&SYNTAX, argc, argv, &v, NULL);
    if (rc == CLI_GO_ON)
        rc = admin_open(SYNTAX.command, &v.common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_tenant_list(pg, v.after, (unsigned)v.limit, admin_deadline_us(), &found);
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "tenant");
    else
        print_list(&v, found), rc = CLI_OK;
    free(found);
    vg_pg_free(pg);
    return rc;
}

/* --- show, update ----------------------------------------------------------------------------------------
 */

static int one(const struct cli_syntax *syntax, int argc, char **argv, bool change)
{
    struct tenant_values v = TENANT_VALUES_INIT;
    const char *id = NULL;
    struct vg_pg *pg = NULL;
    struct vg_tenant tenant;
    int rc = cli_parse(syntax, argc, argv, &v, &id);
    if (rc == CLI_GO_ON)
        rc = admin_open(syntax->command, &v.common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    struct vg_tenant_change what = change_of(&v);
    int err = change ? vg_admin_tenant_update(pg, id, &what, admin_deadline_us(), &tenant)
                     : vg_admin_tenant_load(pg, id, admin_deadline_us(), &tenant);
    if (err)
        rc = admin_failed(syntax->command, pg, err, "tenant");
    else
        print_made(&v, &tenant, NULL, NULL, NULL), rc = CLI_OK;
    vg_pg_free(pg);
    return rc;
}

static int show(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {.command = "voxgate admin tenant show",
                                             .operands = "TENANT_ID",
                                             .operands_min = 1,
                                             .operands_max = 1,
                                             .summary = "Shows one tenant.",
                                             .options = OPTIONS,
                                             .option_count = VG_COUNT_OF(OPTIONS),
                                             .notes = ADMIN_NOTES,
                                             .example = "voxgate admin tenant show \"$VOXGATE_TENANT_ID\""};
    return one(&SYNTAX, argc, argv, false);
}

static int update(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {NAME_OPTION,
                                                PLAN_OPTION,
                                                {.name = "status",
                                                 .type = CLI_TEXT,
                                                 AT(status),
                                                 .metavar = "STATUS",
                                                 .choices = "active|suspended|deleted",
                                                 .help = "status; a suspended tenant is refused"},
                                                LIMIT_OPTIONS,
                                                ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin tenant update",
        .operands = "TENANT_ID",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Changes what is named; all else stays.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin tenant update \"$VOXGATE_TENANT_ID\" --status suspended"};
    return one(&SYNTAX, argc, argv, true);
}

int admin_tenant(int argc, char **argv)
{
    static const struct cli_verb VERBS[] = {{"create", "make a tenant, its first API key and an agent",
                                             create},
                                            {"list", "list tenants", list},
                                            {"show", "show one tenant", show},
                                            {"update", "rename, suspend, limit", update}};
    return cli_dispatch("voxgate admin tenant", "Businesses that use this gateway.", VERBS,
                        VG_COUNT_OF(VERBS), argc, argv);
}

/* --- demo ------------------------------------------------------------------------------------------------
 */

int admin_demo(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {{.name = "name",
                                                 .type = CLI_TEXT,
                                                 AT(name),
                                                 .metavar = "NAME",
                                                 .def = "Voxgate demo",
                                                 .help = "what the demo tenant is called"},
                                                ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin demo",
        .summary = "Makes a new tenant with an agent, a few knowledge articles in English and Arabic, an API "
                   "key of its\nown and one of the operator's.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin demo --json"};
    struct tenant_values v = TENANT_VALUES_INIT;
    struct vg_pg *pg = NULL;
    struct vg_demo demo;
    v.name = "Voxgate demo";
    int rc = cli_parse(&SYNTAX, argc, argv, &v, NULL);
    if (rc == CLI_GO_ON)
        rc = admin_open(SYNTAX.command, &v.common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_demo(pg, v.name, admin_deadline_us(), &demo);
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "tenant");
    else
        print_made(&v, &demo.tenant, &demo.tenant_key, demo.agent_id, &demo.admin_key), rc = CLI_OK;
    vg_pg_free(pg);
    return rc;
}
