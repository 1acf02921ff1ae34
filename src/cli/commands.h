/* The subcommands, a file each. All take the arguments behind their name and give an exit status. src/cli
 * alone. */
#ifndef VG_CLI_COMMANDS_H
#define VG_CLI_COMMANDS_H

#include "cli/options.h"
#include "config/config.h"

struct vg_pg;

int command_serve(int argc, char **argv);
int command_migrate(int argc, char **argv);
int command_config(int argc, char **argv);
int command_call(int argc, char **argv);
int command_admin(int argc, char **argv);
int command_bench(int argc, char **argv);

/* Loads the settings; on failure prints each problem as a line on standard error and gives NULL. */
struct vg_config *command_settings(const char *command, const char *file, bool serving);

/* --- `voxgate admin ...` ---------------------------------------------------------------------------------
 */
/* The members that all admin commands have; the first one of their structs of values. */
struct admin_common {
    const char *config_file;
    bool json;
};

#define ADMIN_COMMON_OPTIONS                                                                                 \
    {.name = "json",                                                                                         \
     .type = CLI_FLAG,                                                                                       \
     .offset = offsetof(struct admin_common, json),                                                          \
     .help = "print JSON instead of a table"},                                                               \
    {                                                                                                        \
        .name = "config", .type = CLI_TEXT, .offset = offsetof(struct admin_common, config_file),            \
        .metavar = "FILE", .help = "settings file (NAME=value lines); the environment wins"                  \
    }
#define ADMIN_NOTES                                                                                          \
    "DATABASE_URL (or DB_HOST, DB_USER, DB_PASS, DB_NAME) names the database. Running gateways see the "     \
    "change\n"                                                                                               \
    "within a second. Exit status: 0 done, 1 failed, 2 usage or settings."

int admin_tenant(int argc, char **argv);
int admin_key(int argc, char **argv);
int admin_agent(int argc, char **argv);
int admin_ingest(int argc, char **argv);
int admin_demo(int argc, char **argv);

/* One of several verbs below a command: "create" in `voxgate admin tenant create`. */
struct cli_verb {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};
/* Runs the verb that argv[0] names. Without one or with an unknown one: usage. */
int cli_dispatch(const char *command, const char *what, const struct cli_verb *verbs, size_t count, int argc,
                 char **argv);

/* Opens the database that the settings name; `*pg` is given. CLI_GO_ON or an exit status. */
int admin_open(const char *command, const struct admin_common *common, struct vg_pg **pg);
/* Says in words why a store function failed and gives CLI_FAILED. `what` names the thing for VG_ENOENT. */
int admin_failed(const char *command, struct vg_pg *pg, int err, const char *what);
int64_t admin_deadline_us(void);

#endif
