/* Command line options by table: one line an option gives parsing, checking and `--help`. src/cli alone.
 *
 *     struct values { const char *out; int64_t rate_hz; bool json; };
 *     static const struct cli_option OPTIONS[] = {
 *         {.name = "out", .type = CLI_TEXT, .metavar = "FILE", .def = "reply.wav", .help = "where it goes",
 *          .offset = offsetof(struct values, out)},
 *     };
 *
 * Options may stand anywhere among the operands, as "--name value" or "--name=value"; "--" ends them. */
#ifndef VG_CLI_OPTIONS_H
#define VG_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_type {
    CLI_FLAG,   /* bool */
    CLI_TEXT,   /* const char *, borrowed from argv */
    CLI_NUMBER, /* int64_t */
};

struct cli_option {
    const char *name; /* without the dashes */
    enum cli_type type;
    size_t offset;       /* of the member in the struct of values, which holds the default at first */
    const char *metavar; /* what stands for the value in the help */
    const char *def;     /* the default, in words; NULL: none */
    const char *unit;    /* of a number, NULL: none */
    const char *choices; /* of a text, "a|b|c"; NULL: anything */
    int64_t min, max;    /* of a number */
    const char *help;
};

struct cli_syntax {
    const char *command;  /* "voxgate call" */
    const char *operands; /* as in the synopsis: "FILE.wav|-", NULL: takes none */
    size_t operands_min, operands_max;
    const char *summary; /* what it does, whole sentences, lines of at most 100 characters */
    const struct cli_option *options;
    size_t option_count;
    const char *notes; /* environment, exit status; NULL: none */
    const char *example;
};

enum { CLI_GO_ON = -1, CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Fills `values` and `operands` (room for operands_max). Gives CLI_GO_ON, or the exit status: 0 after --help,
 * 2 after a sentence on standard error that says what is wrong. `argv` starts with the first argument. */
int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, void *values, const char **operands);
/* The help of a command, as `--help` prints it. */
void cli_print_help(const struct cli_syntax *syntax);
/* Prints "voxgate call: <message>" and where help is; gives CLI_USAGE. */
int cli_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
