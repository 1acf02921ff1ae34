/* Any bytes as a traceparent header: what is taken is written back as a header that says the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "obs/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct vg_span_context ctx, again;
    if (vg_traceparent_parse(text, &ctx) == VG_OK) {
        char out[VG_TRACEPARENT_SIZE];
        vg_traceparent_write(&ctx, out);
        VG_ASSERT(strlen(out) == VG_TRACEPARENT_SIZE - 1);
        VG_ASSERT(memcmp(out + 3, text + 3, 49) == 0);
        VG_ASSERT(vg_traceparent_parse(out, &again) == VG_OK && again.sampled == ctx.sampled);
    }
    free(text);
    return 0;
}
