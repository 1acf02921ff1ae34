/* Names of settings; see config_names.h. */
#include "config/config_names.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

enum { NAME_CHARS_MAX = 48, ERRORS_MAX = 3, CHARS_PER_ERROR = 4 };

static const char *const NAMES[] = {
#define VG_STR(field, name, def, choices, flags, help)        name,
#define VG_INT(field, name, def, min, max, unit, flags, help) name,
#define VG_BOOL(field, name, def, flags, help)                name,
#include "config/config_table.inc"
#undef VG_STR
#undef VG_INT
#undef VG_BOOL
};

bool config_name_known(const char *name)
{
    for (size_t i = 0; i < VG_COUNT_OF(NAMES); i++) {
        if (strcmp(NAMES[i], name) == 0)
            return true;
    }
    return false;
}

static int upper(char c)
{
    return toupper((unsigned char)c);
}

/* What of a name people forget or mistake: all but the prefix. */
static const char *tail(const char *name)
{
    static const char PREFIX[] = "VOXGATE_";
    return strncasecmp(name, PREFIX, sizeof PREFIX - 1) == 0 ? name + sizeof PREFIX - 1 : name;
}

static int least(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Characters to insert, remove, replace or exchange with their neighbour; upper and lower case are alike.
 * Both names are at most NAME_CHARS_MAX long. */
static int typing_errors(const char *a, const char *b)
{
    int cost[NAME_CHARS_MAX + 1][NAME_CHARS_MAX + 1];
    int rows = (int)strlen(a), columns = (int)strlen(b);
    for (int i = 0; i <= rows; i++) {
        for (int j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            bool same = upper(a[i - 1]) == upper(b[j - 1]);
            cost[i][j] = least(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + !same);
            if (i > 1 && j > 1 && upper(a[i - 1]) == upper(b[j - 2]) && upper(a[i - 2]) == upper(b[j - 1]))
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1, cost[i][j]);
        }
    }
    return cost[rows][columns];
}

const char *config_name_meant(const char *name)
{
    size_t chars = strlen(tail(name));
    if (chars == 0 || chars > NAME_CHARS_MAX)
        return NULL;
    int allowed = (int)chars / CHARS_PER_ERROR;
    int best_errors = (allowed < 1 ? 1 : allowed > ERRORS_MAX ? ERRORS_MAX : allowed) + 1;
    const char *best = NULL;
    for (size_t i = 0; i < VG_COUNT_OF(NAMES); i++) {
        if (strlen(tail(NAMES[i])) > NAME_CHARS_MAX)
            continue;
        int errors = typing_errors(tail(name), tail(NAMES[i]));
        if (errors < best_errors) {
            best = NAMES[i];
            best_errors = errors;
        }
    }
    return best;
}
