/* UUIDv7 identifiers; see id.h. The 12 bits after the version hold a counter so that ids of one thread
 * increase even within a millisecond. */
#include "base/id.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"

static const char HEX[] = "0123456789abcdef";

void vg_id_new(char out[VG_ID_SIZE], const char *prefix)
{
    static _Thread_local int64_t last_ms;
    static _Thread_local uint32_t counter;
    uint8_t b[16];
    vg_random_bytes(b, sizeof b);
    int64_t now_ms = vg_utc_us() / 1000;
    if (now_ms > last_ms) {
        last_ms = now_ms;
        counter = (uint32_t)(b[6] & 0x07) << 8 | b[7];
    } else if (++counter > 0xfff) {
        counter = 0;
        last_ms++;
    }
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(last_ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | counter >> 8);
    b[7] = (uint8_t)counter;
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);

    size_t n = strlen(prefix);
    VG_ASSERT(n <= 8);
    memcpy(out, prefix, n);
    for (int i = 0; i < 16; i++) {
        out[n++] = HEX[b[i] >> 4];
        out[n++] = HEX[b[i] & 15];
    }
    out[n] = 0;
}

bool vg_id_valid(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(id, prefix, n) != 0 || strlen(id) != n + 32)
        return false;
    return strspn(id + n, HEX) == 32;
}

int vg_id_to_uuid(char out[VG_UUID_SIZE], const char *id, const char *prefix)
{
    size_t n = prefix ? strlen(prefix) : 0;
    if (n && strncmp(id, prefix, n) == 0)
        id += n;
    size_t len = strlen(id);
    if (len != 32 && len != 36)
        return VG_EPARSE;
    char uuid[VG_UUID_SIZE];
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash) {
            uuid[i] = '-';
            if (len == 36 && *id++ != '-')
                return VG_EPARSE;
            continue;
        }
        if (!isxdigit((unsigned char)*id))
            return VG_EPARSE;
        uuid[i] = (char)tolower((unsigned char)*id++);
    }
    uuid[36] = 0;
    memcpy(out, uuid, sizeof uuid);
    return 0;
}

int vg_id_from_uuid(char out[VG_ID_SIZE], const char *prefix, const char *uuid)
{
    char dashed[VG_UUID_SIZE];
    int err = vg_id_to_uuid(dashed, uuid, NULL);
    if (err)
        return err;
    size_t n = strlen(prefix);
    VG_ASSERT(n <= 8);
    memcpy(out, prefix, n);
    for (size_t i = 0; i < 36; i++) {
        if (dashed[i] != '-')
            out[n++] = dashed[i];
    }
    out[n] = 0;
    return 0;
}
