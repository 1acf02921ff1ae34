/* Identifiers: a prefix that names the kind and a UUIDv7 in 32 hex digits ("call_0192...").
 *
 * Ids sort by creation time and never encode a shard or an instance. Rows store the UUID; surfaces show the
 * prefixed form. Source: RFC 9562, section 5.7. */
#ifndef VG_BASE_ID_H
#define VG_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    VG_ID_SIZE = 48,   /* room for any id with its NUL */
    VG_UUID_SIZE = 37, /* "8-4-4-4-12" with its NUL */
};

#define VG_ID_TENANT   "tnt_"
#define VG_ID_AGENT    "agt_"
#define VG_ID_SESSION  "ses_"
#define VG_ID_MESSAGE  "msg_"
#define VG_ID_CALL     "call_"
#define VG_ID_NUMBER   "num_"
#define VG_ID_HANDOFF  "hnd_"
#define VG_ID_REQUEST  "req_"
#define VG_ID_EVENT    "evt_"
#define VG_ID_KEY      "key_"
#define VG_ID_DOCUMENT "doc_"
#define VG_ID_TURN     "turn_"

/* Makes a new id: `prefix` (at most 8 characters), then a UUIDv7 of the present time. Ids made by one thread
 * are strictly increasing. Any thread. */
void vg_id_new(char out[VG_ID_SIZE], const char *prefix);

/* True if `id` is `prefix` followed by exactly 32 lower-case hex digits. */
bool vg_id_valid(const char *id, const char *prefix);

/* Writes the dashed UUID of a prefixed id, of 32 hex digits or of a dashed UUID; letters come out lower case.
 * Returns VG_EPARSE for anything else. `prefix` may be NULL for ids without one. */
int vg_id_to_uuid(char out[VG_UUID_SIZE], const char *id, const char *prefix) VG_MUST_CHECK;

/* The reverse: prefix + 32 hex digits from a dashed UUID. Returns VG_EPARSE if `uuid` is not one. */
int vg_id_from_uuid(char out[VG_ID_SIZE], const char *prefix, const char *uuid) VG_MUST_CHECK;

#endif
