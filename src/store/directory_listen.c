/* LISTEN voxgate_directory: a thread with a connection of its own. The payload is the tenant's UUID, or empty
 * for the operator's keys. After each (re)connect everything is suspect, because notifications may have been
 * missed. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/directory_private.h"
#include "store/pg.h"

enum { RETRY_MS = 250, WAIT_US = 60 * VG_US_PER_S };

struct directory_listener {
    struct vg_directory *directory;
    struct vg_pg *pg;
    int stop_fd; /* readable once: end */
    pthread_t thread;
};

static void changed(void *arg, const char *payload)
{
    struct directory_listener *l = arg;
    char tenant_id[VG_ID_SIZE];
    bool one = vg_id_from_uuid(tenant_id, VG_ID_TENANT, payload) == 0;
    vg_directory_invalidate(l->directory, one ? tenant_id : NULL);
}

static bool stopped(const struct directory_listener *l, int timeout_ms)
{
    struct pollfd fd = {.fd = l->stop_fd, .events = POLLIN};
    return poll(&fd, 1, timeout_ms) > 0;
}

static void *run(void *arg)
{
    struct directory_listener *l = arg;
    pthread_setname_np(pthread_self(), "vg-directory");
    while (!stopped(l, 0)) {
        if (vg_pg_listen(l->pg, "voxgate_directory")) {
            if (stopped(l, RETRY_MS))
                break;
            continue;
        }
        vg_directory_invalidate(l->directory, NULL);
        while (!stopped(l, 0) && vg_pg_wait(l->pg, l->stop_fd, WAIT_US, changed, l) == 0)
            ;
    }
    return NULL;
}

int directory_listener_start(struct directory_listener **out, struct vg_directory *d,
                             const char *database_url)
{
    struct directory_listener *l = calloc(1, sizeof *l);
    if (!l)
        return VG_ENOMEM;
    l->directory = d;
    l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = l->stop_fd < 0 ? VG_EIO : vg_pg_new(&l->pg, database_url);
    if (!err && pthread_create(&l->thread, NULL, run, l))
        err = VG_EIO;
    if (err) {
        vg_pg_free(l->pg);
        if (l->stop_fd >= 0)
            close(l->stop_fd);
        free(l);
        return err;
    }
    *out = l;
    return 0;
}

struct directory_listener *directory_listener_stop(struct directory_listener *l)
{
    if (!l)
        return NULL;
    eventfd_write(l->stop_fd, 1);
    pthread_join(l->thread, NULL);
    vg_pg_free(l->pg);
    close(l->stop_fd);
    free(l);
    return NULL;
}
