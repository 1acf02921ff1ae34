/* See link_io.h. hiredis asks for the same interest again and again: only changes reach the loop. */
#include "bus/link_io.h"

struct link_io {
    redisAsyncContext *ac; /* borrowed; it outlives this */
    struct vg_io *io;
    int interest;
    link_io_fn fn;
    void *arg;
};

static void interest_set(struct link_io *e, int interest)
{
    if (interest == e->interest)
        return;
    e->interest = interest;
    vg_io_set(e->io, interest);
}

static void add_read(void *arg)
{
    struct link_io *e = arg;
    interest_set(e, e->interest | VG_IO_READ);
}

static void del_read(void *arg)
{
    struct link_io *e = arg;
    interest_set(e, e->interest & ~VG_IO_READ);
}

static void add_write(void *arg)
{
    struct link_io *e = arg;
    interest_set(e, e->interest | VG_IO_WRITE);
}

static void del_write(void *arg)
{
    struct link_io *e = arg;
    interest_set(e, e->interest & ~VG_IO_WRITE);
}

static void cleanup(void *arg)
{
    struct link_io *e = arg;
    e->io = vg_io_free(e->io);
    free(e);
}

static void on_io(void *arg, int events)
{
    struct link_io *e = arg;
    e->fn(e->arg, e->ac, events);
}

int link_io_attach(redisAsyncContext *ac, struct vg_loop *loop, link_io_fn fn, void *arg)
{
    struct link_io *e = calloc(1, sizeof *e);
    if (!e)
        return VG_ENOMEM;
    e->ac = ac;
    e->fn = fn;
    e->arg = arg;
    e->io = vg_io_new(loop, ac->c.fd, on_io, e);
    if (!e->io) {
        free(e);
        return VG_ENOMEM;
    }
    ac->ev.data = e;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return VG_OK;
}

void link_io_want_write(redisAsyncContext *ac)
{
    if (ac->ev.data)
        add_write(ac->ev.data);
}
