/* `voxgate admin key ...`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "store/admin.h"

struct key_values {
    struct admin_common common;
    const char *tenant, *name, *scopes;
    int64_t expires_days;
    bool operator_key;
};

#define AT(member) .offset = offsetof(struct key_values, member)
#define TENANT_OPTION                                                                                        \
    {                                                                                                        \
        .name = "tenant", .type = CLI_TEXT, AT(tenant), .metavar = "TENANT_ID", .def = "$VOXGATE_TENANT_ID", \
        .help = "whose key"                                                                                  \
    }
#define OPERATOR_OPTION                                                                                      \
    {                                                                                                        \
        .name = "operator", .type = CLI_FLAG, AT(operator_key),                                              \
        .help = "the operator's own keys, good for all tenants"                                              \
    }

static const char *scopes_text(uint32_t scopes, char out[96])
{
    struct vg_buf b = VG_BUF_INIT;
    vg_scopes_write(&b, scopes, ",");
    snprintf(out, 96, "%s", vg_buf_str(&b));
    vg_buf_free(&b);
    return out;
}

/* Parses, finds out whose keys are meant (`*tenant` NULL: the operator's) and opens the database. */
static int begin(const struct cli_syntax *syntax, int argc, char **argv, struct key_values *v,
                 const char **operand, const char **tenant, struct vg_pg **pg)
{
    v->tenant = getenv("VOXGATE_TENANT_ID");
    int rc = cli_parse(syntax, argc, argv, v, operand);
    if (rc != CLI_GO_ON)
        return rc;
    *tenant = v->operator_key ? NULL : v->tenant;
    if (!v->operator_key && (!v->tenant || !*v->tenant))
        return cli_usage_error(syntax->command, "--tenant is needed (or --operator for the operator's own).");
    return admin_open(syntax->command, &v->common, pg);
}

static void print_created(const struct key_values *v, const char *tenant, uint32_t scopes, int64_t expires_us,
                          const struct vg_new_key *key)
{
    char names[96], time[VG_ISO8601_SIZE];
    scopes_text(scopes, names);
    if (!v->common.json) {
        printf("key      %s  %s\nscopes   %s\nexpires  %s\nAPI key  %s\n         (shown this once; keep it "
               "now)\n",
               key->id, v->name, names, expires_us ? vg_iso8601(expires_us, time) : "never", key->secret);
        return;
    }
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "key_id", key->id);
    vg_json_str(&j, "tenant_id", tenant);
    vg_json_str(&j, "name", v->name);
    vg_json_str(&j, "api_key", key->secret);
    vg_json_str(&j, "prefix", key->prefix);
    vg_json_str(&j, "scopes", names);
    vg_json_str(&j, "expires_at", expires_us ? vg_iso8601(expires_us, time) : NULL);
    vg_json_end(&j);
    puts(vg_buf_str(&b));
    vg_buf_free(&b);
}

static int create(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {TENANT_OPTION,
                                                OPERATOR_OPTION,
                                                {.name = "name",
                                                 .type = CLI_TEXT,
                                                 AT(name),
                                                 .metavar = "NAME",
                                                 .def = "key",
                                                 .help = "what it is for, shown in lists"},
                                                {.name = "scopes",
                                                 .type = CLI_TEXT,
                                                 AT(scopes),
                                                 .metavar = "LIST",
                                                 .def = "all but admin; with --operator all",
                                                 .help = "comma-separated: " VG_SCOPE_NAMES},
                                                {.name = "expires-days",
                                                 .type = CLI_NUMBER,
                                                 AT(expires_days),
                                                 .metavar = "N",
                                                 .def = "0",
                                                 .max = 36500,
                                                 .unit = "days",
                                                 .help = "life of the key; 0: it does not expire"},
                                                ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin key create",
        .summary = "Makes an API key and prints it: the only time that it is seen.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin key create --tenant \"$VOXGATE_TENANT_ID\" --name website --scopes calls"};
    struct key_values v = {.name = "key"};
    const char *tenant = NULL;
    struct vg_pg *pg = NULL;
    struct vg_new_key key;
    int rc = begin(&SYNTAX, argc, argv, &v, NULL, &tenant, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    uint32_t scopes = VG_SCOPES_TENANT | (v.operator_key ? VG_SCOPE_ADMIN : 0u);
    if (v.scopes && (!vg_scopes_parse(v.scopes, &scopes) || !scopes)) {
        vg_pg_free(pg);
        return cli_usage_error(SYNTAX.command, "--scopes is a comma-separated list of: " VG_SCOPE_NAMES ".");
    }
    int64_t expires_us = v.expires_days ? vg_utc_us() + v.expires_days * 86400 * VG_US_PER_S : 0;
    int err = vg_admin_key_create(pg, tenant, v.name, scopes, expires_us, admin_deadline_us(), &key);
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "tenant");
    else
        print_created(&v, tenant, scopes, expires_us, &key), rc = CLI_OK;
    vg_pg_free(pg);
    return rc;
}

/* --- list ------------------------------------------------------------------------------------------------
 */

static void time_member(struct vg_json *j, const char *name, int64_t utc_us)
{
    char time[VG_ISO8601_SIZE];
    vg_json_str(j, name, utc_us ? vg_iso8601(utc_us, time) : NULL);
}

static void print_json(const struct vg_key_list *list)
{
    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    char names[96];
    vg_json_array(&j, NULL);
    for (size_t i = 0; i < list->count; i++) {
        const struct vg_key_info *k = &list->items[i];
        vg_json_object(&j, NULL);
        vg_json_str(&j, "key_id", k->id);
        vg_json_str(&j, "tenant_id", *k->tenant_id ? k->tenant_id : NULL);
        vg_json_str(&j, "name", k->name);
        vg_json_str(&j, "prefix", k->prefix);
        vg_json_str(&j, "scopes", scopes_text(k->scopes, names));
        time_member(&j, "created_at", k->created_at_us);
        time_member(&j, "expires_at", k->expires_at_us);
        time_member(&j, "revoked_at", k->revoked_at_us);
        time_member(&j, "last_used_at", k->last_used_us);
        vg_json_end(&j);
    }
    vg_json_end(&j);
    puts(vg_buf_str(&b));
    vg_buf_free(&b);
}

static void print_table(const struct vg_key_list *list)
{
    struct table t = table_new((const char *const[]){"KEY", "PREFIX", "NAME", "SCOPES", "CREATED", "EXPIRES",
                                                     "LAST USED", "REVOKED", NULL});
    char names[96];
    for (size_t i = 0; i < list->count; i++) {
        const struct vg_key_info *k = &list->items[i];
        table_cell(&t, k->id);
        table_cell(&t, k->prefix);
        table_cell(&t, k->name);
        table_cell(&t, scopes_text(k->scopes, names));
        table_time(&t, k->created_at_us);
        table_time(&t, k->expires_at_us);
        table_time(&t, k->last_used_us);
        table_time(&t, k->revoked_at_us);
    }
    table_print(&t);
}

static int list(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {TENANT_OPTION, OPERATOR_OPTION, ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin key list",
        .summary = "Lists a tenant's API keys by their first characters; the keys themselves are not kept.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin key list --tenant \"$VOXGATE_TENANT_ID\""};
    struct key_values v = {0};
    const char *tenant = NULL;
    struct vg_pg *pg = NULL;
    struct vg_key_list *found = NULL;
    int rc = begin(&SYNTAX, argc, argv, &v, NULL, &tenant, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_key_list(pg, tenant, admin_deadline_us(), &found);
    rc = err ? admin_failed(SYNTAX.command, pg, err, "tenant") : CLI_OK;
    if (!err && v.common.json)
        print_json(found);
    else if (!err)
        print_table(found);
    free(found);
    vg_pg_free(pg);
    return rc;
}

/* --- revoke ----------------------------------------------------------------------------------------------
 */

static int revoke(int argc, char **argv)
{
    static const struct cli_option OPTIONS[] = {ADMIN_COMMON_OPTIONS};
    static const struct cli_syntax SYNTAX = {
        .command = "voxgate admin key revoke",
        .operands = "KEY_ID",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Revokes an API key, for good. Tokens that were made with it end with it.",
        .options = OPTIONS,
        .option_count = VG_COUNT_OF(OPTIONS),
        .notes = ADMIN_NOTES,
        .example = "voxgate admin key revoke key_019385a0c1f27d2b8b1f0e4d3c2b1a09"};
    struct key_values v = {0};
    const char *id = NULL;
    struct vg_pg *pg = NULL;
    int rc = cli_parse(&SYNTAX, argc, argv, &v, &id);
    if (rc == CLI_GO_ON)
        rc = admin_open(SYNTAX.command, &v.common, &pg);
    if (rc != CLI_GO_ON)
        return rc;
    int err = vg_admin_key_revoke(pg, NULL, id, admin_deadline_us());
    if (err)
        rc = admin_failed(SYNTAX.command, pg, err, "key");
    else
        printf(v.common.json ? "{\"key_id\":\"%s\",\"revoked\":true}\n" : "%s is revoked\n", id), rc = CLI_OK;
    vg_pg_free(pg);
    return rc;
}

int admin_key(int argc, char **argv)
{
    static const struct cli_verb VERBS[] = {{"create", "make a key and show it once", create},
                                            {"list", "list keys by their first characters", list},
                                            {"revoke", "end a key", revoke}};
    return cli_dispatch("voxgate admin key", "API keys of a tenant or of the operator.", VERBS,
                        VG_COUNT_OF(VERBS), argc, argv);
}
