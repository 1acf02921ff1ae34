/* Instance identity and the lock of the data folder; see instance.h. */
#include "app/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folder(const char *path)
{
    char part[4096];
    if (strlen(path) >= sizeof part)
        return VG_EIO;
    for (size_t i = 1; path[i - 1]; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) && errno != EEXIST)
            return VG_EIO;
    }
    return 0;
}

int instance_load(const char *data_dir, char out[VG_ID_SIZE])
{
    char path[4352], text[VG_ID_SIZE] = "";
    if (make_folder(data_dir))
        return VG_EIO;
    snprintf(path, sizeof path, "%s/instance", data_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* stays open: it carries the lock */
    if (fd < 0)
        return VG_EIO;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return VG_EEXIST;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n > 0)
        text[strcspn(text, "\n")] = 0;
    if (!vg_id_valid(text, "ins_")) {
        vg_id_new(text, "ins_");
        if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
            close(fd);
            return VG_EIO;
        }
    }
    memcpy(out, text, VG_ID_SIZE);
    return 0;
}
