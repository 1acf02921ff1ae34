/* The clause splitter over any bytes, cut by the first of them: nothing is lost, no clause is too long. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "proto/clause.h"

struct seen {
    const uint8_t *data;
    size_t size, at;
};

static void check(void *arg, const char *text, size_t text_bytes, const char *speech, size_t speech_bytes)
{
    struct seen *seen = arg;
    VG_ASSERT(text_bytes > 0 && text_bytes <= VG_CLAUSE_MAX_BYTES);
    VG_ASSERT(speech_bytes <= text_bytes && strlen(speech) == speech_bytes);
    VG_ASSERT(text_bytes <= seen->size - seen->at && memcmp(seen->data + seen->at, text, text_bytes) == 0);
    seen->at += text_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t step = 1 + data[0] % 80u;
    struct seen seen = {data + 1, size - 1, 0};
    struct vg_clause c;
    vg_clause_init(&c, check, &seen);
    for (size_t i = 0; i < seen.size; i += step)
        vg_clause_feed(&c, (const char *)seen.data + i, seen.size - i < step ? seen.size - i : step);
    vg_clause_finish(&c);
    VG_ASSERT(seen.at == seen.size);
    return 0;
}
