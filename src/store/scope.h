/* What a key, and a token made from it, may do: bits inside, words outside. The one list of both. Pure. */
#ifndef VG_STORE_SCOPE_H
#define VG_STORE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum vg_scope {
    VG_SCOPE_CALLS = 1,
    VG_SCOPE_AGENTS = 2,
    VG_SCOPE_USAGE_READ = 4,
    VG_SCOPE_KNOWLEDGE = 8,
    VG_SCOPE_DESK = 16,  /* accept and complete handoffs */
    VG_SCOPE_ADMIN = 32, /* the platform's operator: all tenants */
};

/* All of them in words, for help texts; held to the list by its test. */
#define VG_SCOPE_NAMES "calls, agents, usage:read, knowledge, desk, admin"

/* Scopes of a tenant's first key: everything but VG_SCOPE_ADMIN. */
#define VG_SCOPES_TENANT                                                                                     \
    (VG_SCOPE_CALLS | VG_SCOPE_AGENTS | VG_SCOPE_USAGE_READ | VG_SCOPE_KNOWLEDGE | VG_SCOPE_DESK)

/* "calls agents usage:read", or with commas, to bits; NULL is no scope. False if there is a word that is
 * none of ours: `*out` has the others. */
bool vg_scopes_parse(const char *text, uint32_t *out);
/* Bits to words with `separator` between them. */
void vg_scopes_write(struct vg_buf *out, uint32_t scopes, const char *separator);

#endif
