/* Any text as REDIS_URL: it is taken with a place to go to, or refused without leaking. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct bus_url url;
    if (bus_url_parse(text, &url) == VG_OK) {
        VG_ASSERT((url.host == NULL) != (url.path == NULL));
        VG_ASSERT(!url.host || (url.port > 0 && url.port < 65536));
        VG_ASSERT(url.db >= 0);
        bus_url_free(&url);
    }
    free(text);
    return 0;
}
