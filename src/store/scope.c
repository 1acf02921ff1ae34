/* The list of scopes; see scope.h. */
#include "store/scope.h"

#include <string.h>

static const struct {
    const char *name;
    uint32_t bit;
} SCOPES[] = {
    {"calls", VG_SCOPE_CALLS},         {"agents", VG_SCOPE_AGENTS}, {"usage:read", VG_SCOPE_USAGE_READ},
    {"knowledge", VG_SCOPE_KNOWLEDGE}, {"desk", VG_SCOPE_DESK},     {"admin", VG_SCOPE_ADMIN}};

static uint32_t bit_of(const char *word, size_t length)
{
    for (size_t i = 0; i < VG_COUNT_OF(SCOPES); i++) {
        if (strlen(SCOPES[i].name) == length && memcmp(SCOPES[i].name, word, length) == 0)
            return SCOPES[i].bit;
    }
    return 0;
}

bool vg_scopes_parse(const char *text, uint32_t *out)
{
    uint32_t scopes = 0;
    bool known = true;
    while (text && *text) {
        size_t n = strcspn(text, " ,");
        uint32_t bit = bit_of(text, n);
        scopes |= bit;
        known = known && (bit || n == 0);
        text += n + (text[n] != 0);
    }
    *out = scopes;
    return known;
}

void vg_scopes_write(struct vg_buf *out, uint32_t scopes, const char *separator)
{
    const char *between = "";
    for (size_t i = 0; i < VG_COUNT_OF(SCOPES); i++) {
        if (scopes & SCOPES[i].bit) {
            vg_buf_printf(out, "%s%s", between, SCOPES[i].name);
            between = separator;
        }
    }
}
