/* `voxgate serve`, `voxgate migrate`, `voxgate config`. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "cli/commands.h"
#include "store/migrate.h"

struct settings_values {
    const char *config_file;
    bool check, markdown;
};

#define CONFIG_OPTION                                                                                        \
    {                                                                                                        \
        .name = "config", .type = CLI_TEXT, .offset = offsetof(struct settings_values, config_file),         \
        .metavar = "FILE", .help = "settings file (NAME=value lines); the environment wins"                  \
    }

struct vg_config *command_settings(const char *command, const char *file, bool serving)
{
    struct vg_config *config = NULL;
    struct vg_buf problems = VG_BUF_INIT;
    int err = vg_config_load(&config, file, serving, serving ? vg_app_check_settings : NULL, &problems);
    if (err) {
        fprintf(stderr, "%s: these settings are missing or wrong (`voxgate config --help` tells more):\n%s",
                command, problems.len ? vg_buf_str(&problems) : "out of memory\n");
        config = NULL;
    }
    vg_buf_free(&problems);
    return config;
}

/* --- serve -----------------------------------------------------------------------------------------------
 */

static const struct cli_option SERVE_OPTIONS[] = {CONFIG_OPTION};

static const struct cli_syntax SERVE = {
    .command = "voxgate serve",
    .summary = "Runs the gateway until SIGTERM or SIGINT, which let live calls end first (a second one stops "
               "at once).\n"
               "The log goes to standard error, one JSON line an event; \"serve.ready\" names the port.",
    .options = SERVE_OPTIONS,
    .option_count = VG_COUNT_OF(SERVE_OPTIONS),
    .notes =
        "Settings come from the environment; `voxgate config` prints all of them. Required: DATABASE_URL, "
        "REDIS_URL,\n"
        "JWT_SECRET, APP_ENV. Exit status: 0 stopped in order, 1 could not start, 2 settings are wrong.",
    .example = "APP_ENV=development JWT_SECRET=$(openssl rand -hex 32) REDIS_URL=redis://localhost:6379 \\\n"
               "    DATABASE_URL=postgresql://voxgate@localhost/voxgate voxgate serve",
};

int command_serve(int argc, char **argv)
{
    struct settings_values values = {0};
    int rc = cli_parse(&SERVE, argc, argv, &values, NULL);
    if (rc != CLI_GO_ON)
        return rc;
    struct vg_config *config = command_settings(SERVE.command, values.config_file, true);
    if (!config)
        return CLI_USAGE;
    rc = vg_app_serve(config);
    vg_config_free(config);
    return rc;
}

/* --- migrate ---------------------------------------------------------------------------------------------
 */

static const struct cli_option MIGRATE_OPTIONS[] = {
    {.name = "check",
     .type = CLI_FLAG,
     .offset = offsetof(struct settings_values, check),
     .help = "change nothing; exit 0 if this program works with the schema as it is"},
    CONFIG_OPTION,
};

static const struct cli_syntax MIGRATE = {
    .command = "voxgate migrate",
    .summary = "Applies the migrations that the database lacks, one transaction each; several may run at "
               "once.",
    .options = MIGRATE_OPTIONS,
    .option_count = VG_COUNT_OF(MIGRATE_OPTIONS),
    .notes = "DATABASE_URL_DIRECT, else DATABASE_URL, names the database; not one behind PgBouncer.\n"
             "Exit status: 0 done, 1 failed, 2 usage or settings.",
    .example = "DATABASE_URL=postgresql://voxgate@localhost/voxgate voxgate migrate",
};

static void print_step(void *arg, const char *line)
{
    (void)arg;
    puts(line);
    fflush(stdout);
}

int command_migrate(int argc, char **argv)
{
    struct settings_values values = {0};
    int rc = cli_parse(&MIGRATE, argc, argv, &values, NULL);
    if (rc != CLI_GO_ON)
        return rc;
    struct vg_config *config = command_settings(MIGRATE.command, values.config_file, false);
    if (!config)
        return CLI_USAGE;
    const char *url = config->database_url_direct ? config->database_url_direct : config->database_url;
    char problem[VG_PG_PROBLEM_SIZE] = "";
    if (!url) {
        rc = cli_usage_error(MIGRATE.command, "DATABASE_URL is not set.");
    } else {
        int err = values.check ? vg_schema_check(url, problem) : vg_migrate(url, print_step, NULL, problem);
        if (err)
            fprintf(stderr, "%s: %s\n", MIGRATE.command, *problem ? problem : vg_strerror(err));
        else
            puts(values.check ? "The schema is as this program needs it." : "The schema is up to date.");
        rc = err ? CLI_FAILED : CLI_OK;
    }
    vg_config_free(config);
    return rc;
}

/* --- config ----------------------------------------------------------------------------------------------
 */

static const struct cli_option CONFIG_OPTIONS[] = {
    {.name = "check",
     .type = CLI_FLAG,
     .offset = offsetof(struct settings_values, check),
     .help = "print nothing but problems, as `serve` would find them"},
    {.name = "markdown",
     .type = CLI_FLAG,
     .offset = offsetof(struct settings_values, markdown),
     .help = "print all settings with their defaults and ranges as a Markdown table"},
    CONFIG_OPTION,
};

static const struct cli_syntax CONFIG = {
    .command = "voxgate config",
    .summary = "Prints every setting with its value in force and what it does; secrets are masked.",
    .options = CONFIG_OPTIONS,
    .option_count = VG_COUNT_OF(CONFIG_OPTIONS),
    .notes = "Exit status: 0 fine, 2 a setting is missing or wrong.",
    .example = "RATE_LIMIT_REQUESTS=500 voxgate config --config /etc/voxgate.env",
};

int command_config(int argc, char **argv)
{
    struct settings_values values = {0};
    struct vg_buf out = VG_BUF_INIT;
    int rc = cli_parse(&CONFIG, argc, argv, &values, NULL);
    if (rc != CLI_GO_ON)
        return rc;
    if (values.markdown) {
        vg_config_print_markdown(&out);
    } else {
        struct vg_config *config = command_settings(CONFIG.command, values.config_file, values.check);
        if (!config)
            return CLI_USAGE;
        if (!values.check)
            vg_config_print(config, &out);
        vg_config_free(config);
    }
    fputs(vg_buf_str(&out), stdout);
    vg_buf_free(&out);
    return CLI_OK;
}
