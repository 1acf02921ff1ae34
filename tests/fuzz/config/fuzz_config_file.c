/* Any bytes as the configuration file: it loads, or says what is wrong without repeating a value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[32];
    if (fd < 0)
        fd = memfd_create("config", 0);
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int serving = 0; serving < 2; serving++) {
        struct vg_config *c = NULL;
        struct vg_buf problems = VG_BUF_INIT, printed = VG_BUF_INIT;
        int err = vg_config_load(&c, path, serving, NULL, &problems);
        VG_ASSERT((err == 0) == (c != NULL));
        VG_ASSERT((err == 0) == (problems.len == 0));
        if (c)
            vg_config_print(c, &printed);
        vg_config_free(c);
        vg_buf_free(&problems);
        vg_buf_free(&printed);
    }
    return 0;
}
