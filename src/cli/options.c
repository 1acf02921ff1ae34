/* Command line options by table; see options.h. */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_usage_error(const char *command, const char *format, ...)
{
    va_list ap;
    fprintf(stderr, "%s: ", command);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, "\nRun `%s --help` for what it takes.\n", command);
    return CLI_USAGE;
}

/* --- help ------------------------------------------------------------------------------------------------
 */

static void print_option(const struct cli_option *o)
{
    char head[64];
    snprintf(head, sizeof head, "--%s%s%s", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
    printf("  %-24s %s", head, o->help);
    if (o->choices)
        printf(": %s", o->choices);
    if (o->type == CLI_NUMBER)
        printf(" (%lld to %lld%s%s)", (long long)o->min, (long long)o->max, o->unit ? " " : "",
               o->unit ? o->unit : "");
    if (o->type != CLI_FLAG)
        printf(" [default: %s%s%s]", o->def ? o->def : "none", o->unit && o->def ? " " : "",
               o->unit && o->def ? o->unit : "");
    putchar('\n');
}

void cli_print_help(const struct cli_syntax *s)
{
    printf("usage: %s%s%s%s\n\n%s\n\noptions:\n", s->command, s->operands ? " " : "",
           s->operands ? s->operands : "", s->option_count ? " [options]" : "", s->summary);
    for (size_t i = 0; i < s->option_count; i++)
        print_option(&s->options[i]);
    printf("  %-24s %s\n", "--help", "this text");
    if (s->notes)
        printf("\n%s\n", s->notes);
    printf("\nexample:\n  %s\n", s->example);
}

/* --- parsing ---------------------------------------------------------------------------------------------
 */

static const struct cli_option *find(const struct cli_syntax *s, const char *name, size_t length)
{
    for (size_t i = 0; i < s->option_count; i++) {
        if (strlen(s->options[i].name) == length && strncmp(s->options[i].name, name, length) == 0)
            return &s->options[i];
    }
    return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = choices; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
        if (strncmp(p, text, n) == 0 && (p[n] == '|' || p[n] == 0))
            return true;
    }
    return false;
}

static int set_value(const struct cli_syntax *s, const struct cli_option *o, const char *text, void *values)
{
    void *member = (char *)values + o->offset;
    if (o->type == CLI_TEXT) {
        if (o->choices && !is_choice(o->choices, text))
            return cli_usage_error(s->command, "--%s takes one of %s, not \"%s\".", o->name, o->choices,
                                   text);
        *(const char **)member = text;
        return CLI_GO_ON;
    }
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < o->min || number > o->max)
        return cli_usage_error(s->command, "--%s takes a whole number from %lld to %lld%s%s, not \"%s\".",
                               o->name, (long long)o->min, (long long)o->max, o->unit ? " " : "",
                               o->unit ? o->unit : "", text);
    *(int64_t *)member = number;
    return CLI_GO_ON;
}

/* Takes the option at argv[*i], and its value where that is the next argument. */
static int take_option(const struct cli_syntax *s, int argc, char **argv, int *i, void *values)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *o = find(s, name, length);
    if (!o)
        return cli_usage_error(s->command, "there is no option --%.*s.", (int)length, name);
    if (o->type == CLI_FLAG) {
        if (equals)
            return cli_usage_error(s->command, "--%s takes no value.", o->name);
        *(bool *)((char *)values + o->offset) = true;
        return CLI_GO_ON;
    }
    if (!equals && *i + 1 >= argc)
        return cli_usage_error(s->command, "--%s needs a value: --%s %s.", o->name, o->name, o->metavar);
    return set_value(s, o, equals ? equals + 1 : argv[++*i], values);
}

int cli_parse(const struct cli_syntax *s, int argc, char **argv, void *values, const char **operands)
{
    size_t count = 0;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (options && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            cli_print_help(s);
            return CLI_OK;
        }
        if (options && strcmp(arg, "--") == 0) {
            options = false;
        } else if (options && arg[0] == '-' && arg[1] == '-') {
            int rc = take_option(s, argc, argv, &i, values);
            if (rc != CLI_GO_ON)
                return rc;
        } else if (options && arg[0] == '-' && arg[1]) {
            return cli_usage_error(s->command, "there is no option %s.", arg);
        } else if (count == s->operands_max) {
            return cli_usage_error(s->command, "\"%s\" is one argument too many.", arg);
        } else {
            operands[count++] = arg;
        }
    }
    if (count < s->operands_min)
        return cli_usage_error(s->command, "it needs %s.", s->operands);
    return CLI_GO_ON;
}
