/* `voxgate admin ...`: dispatch and what its commands share. They work on the database, not through a running
 * gateway, so that the first tenant can be made before there is one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "store/migrate.h"

enum { ADMIN_DEADLINE_S = 15 };

static const struct cli_verb VERBS[] = {
    {"tenant", "create, list, show, update, suspend tenants", admin_tenant},
    {"key", "create, list, revoke API keys", admin_key},
    {"agent", "create, list, show, update agents", admin_agent},
    {"ingest", "teach a tenant's agents a text, Markdown or HTML file", admin_ingest},
    {"demo", "make a demo tenant with an agent, articles and keys", admin_demo},
    {"seed", "the same as demo", admin_demo},
};

int command_admin(int argc, char **argv)
{
    return cli_dispatch("voxgate admin",
                        "Administers tenants, API keys, agents and knowledge directly in the database that "
                        "DATABASE_URL names.",
                        VERBS, VG_COUNT_OF(VERBS), argc, argv);
}

int64_t admin_deadline_us(void)
{
    return vg_mono_us() + ADMIN_DEADLINE_S * VG_US_PER_S;
}

int admin_open(const char *command, const struct admin_common *common, struct vg_pg **pg)
{
    struct vg_config *config = command_settings(command, common->config_file, false);
    if (!config)
        return CLI_USAGE;
    int rc = CLI_GO_ON;
    char problem[VG_PG_PROBLEM_SIZE] = "";
    struct vg_buf url = VG_BUF_INIT;
    if (!config->database_url)
        rc = cli_usage_error(command, "DATABASE_URL is not set: it names the database to work on.");
    else if (vg_pg_url(&url, config->database_url, problem))
        rc = cli_usage_error(command, "DATABASE_URL cannot be used: %s", problem);
    else if (vg_schema_check(config->database_url, problem)) {
        fprintf(stderr, "%s: %s\n", command, problem);
        rc = CLI_FAILED;
    } else if (vg_pg_new(pg, config->database_url)) {
        fprintf(stderr, "%s: out of memory\n", command);
        rc = CLI_FAILED;
    }
    vg_buf_free(&url);
    vg_config_free(config);
    return rc;
}

int admin_failed(const char *command, struct vg_pg *pg, int err, const char *what)
{
    const char *said = vg_pg_problem(pg);
    if (err == VG_ENOENT)
        fprintf(stderr, "%s: there is no such %s.\n", command, what);
    else if (err == VG_EUNAVAIL)
        fprintf(stderr, "%s: the database does not answer%s%s\n", command, *said ? ": " : ".", said);
    else if (err == VG_EINVAL)
        fprintf(stderr, "%s: a value of this %s is not allowed%s%s\n", command, what, *said ? ": " : ".",
                said);
    else
        fprintf(stderr, "%s: %s%s%s\n", command, vg_strerror(err), *said ? ": " : "", said);
    return CLI_FAILED;
}
