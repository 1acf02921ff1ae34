/* Dispatch of the subcommands; see cli.h. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/commands.h"

static int command_version(int argc, char **argv)
{
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        puts("usage: voxgate version\n\nPrints the version of this program.\n\nexample:\n  voxgate version");
        return CLI_OK;
    }
    if (argc > 0)
        return cli_usage_error("voxgate version", "it takes no arguments.");
    printf("voxgate %s\n", VG_VERSION);
    return CLI_OK;
}

static const struct cli_verb COMMANDS[] = {
    {"serve", "run the gateway", command_serve},
    {"migrate", "bring the database's schema up to date, or check it", command_migrate},
    {"call", "make a call with a recording or the microphone", command_call},
    {"admin", "tenants, API keys, agents, knowledge", command_admin},
    {"bench", "load a running gateway and measure it", command_bench},
    {"config", "print the settings in force", command_config},
    {"version", "print the version", command_version},
};

static void print_verbs(FILE *to, const char *command, const char *what, const struct cli_verb *verbs,
                        size_t count)
{
    fprintf(to, "usage: %s COMMAND [arguments]\n\n%s\n\ncommands:\n", command, what);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(to, "\n`%s COMMAND --help` says what a command takes, with an example.\n", command);
}

int cli_dispatch(const char *command, const char *what, const struct cli_verb *verbs, size_t count, int argc,
                 char **argv)
{
    if (argc < 1) {
        print_verbs(stderr, command, what, verbs, count);
        return CLI_USAGE;
    }
    bool help = strcmp(argv[0], "help") == 0;
    if (help && argc > 1) { /* `voxgate help call` */
        static char help_option[] = "--help";
        argv[0] = argv[1];
        argv[1] = help_option;
    } else if (help || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_verbs(stdout, command, what, verbs, count);
        return CLI_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(argv[0], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    char names[256] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", verbs[i].name);
    return cli_usage_error(command, "there is no command \"%s\"; choose one of %s.", argv[0], names);
}

int vg_cli_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return command_version(0, NULL);
    return cli_dispatch("voxgate",
                        "Voxgate takes live voice calls over WebSocket, understands them and answers in "
                        "speech.",
                        COMMANDS, VG_COUNT_OF(COMMANDS), argc - 1, argv + 1);
}
