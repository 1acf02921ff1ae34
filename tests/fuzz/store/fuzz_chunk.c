/* Documents come from tenants: whatever the bytes, passages are bounded, valid UTF-8 and never empty. */
#include <stdint.h>
#include <string.h>

#include "store/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *arg, const char *heading, const char *body)
{
    const int *utf8 = arg;
    VG_ASSERT(*body && strlen(body) <= 800);
    VG_ASSERT(!*utf8 || (chunk_is_utf8(body, strlen(body)) && chunk_is_utf8(heading, strlen(heading))));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    int utf8 = chunk_is_utf8(text, strlen(text));
    int err = chunk_document((enum chunk_format)(data[0] % 3), text, check, &utf8);
    VG_ASSERT(err == 0);
    free(text);
    return 0;
}
