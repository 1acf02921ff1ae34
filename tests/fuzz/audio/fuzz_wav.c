/* WAV files from anywhere: no crash, no leak, no more memory than the file is worth. */
#include <stdlib.h>

#include "audio/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!f)
        return 0;
    struct vg_wav w = {0};
    if (vg_wav_read_file(f, &w) == VG_OK) {
        if (w.samples > size || w.rate_hz <= 0 || (w.samples > 0 && !w.pcm))
            abort();
        vg_wav_free(&w);
    } else if (w.pcm) {
        abort();
    }
    fclose(f);
    return 0;
}
