/* Carries one WebSocket under TLS: deciphered bytes go through a socket pair to libwebsockets, which cannot
 * take over a TLS session that has begun. Both directions hold at most one buffer, so that TCP still holds
 * the sender. Made by ws.c; ends itself when either side does. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/server_private.h"

enum {
    RELAY_BYTES = 16 * 1024, /* one TLS record */
    PAIR_SNDBUF_BYTES = 32 * 1024,
};

struct half {
    uint8_t *data; /* owned, RELAY_BYTES */
    size_t bytes, done;
    bool eof; /* its source has ended */
};

struct relay {
    struct vg_server *server;
    struct relay *next, *prev;
    struct tls_stream *tls; /* owned */
    int tls_fd, pair_fd;    /* owned */
    struct ev_io tls_io, pair_io;
    struct half up;   /* from the client */
    struct half down; /* to the client */
};

void relay_close(struct relay *r)
{
    struct ev_loop *ev = loop_ev(r->server->loop);
    ev_io_stop(ev, &r->tls_io);
    ev_io_stop(ev, &r->pair_io);
    if (r->prev)
        r->prev->next = r->next;
    else
        r->server->relays = r->next;
    if (r->next)
        r->next->prev = r->prev;
    tls_shutdown(r->tls);
    tls_stream_free(r->tls);
    close(r->tls_fd);
    close(r->pair_fd);
    free(r->up.data);
    free(r->down.data);
    free(r);
}

static long errno_result(ssize_t n)
{
    if (n >= 0)
        return (long)n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? VG_EAGAIN : VG_ECLOSED;
}

static bool pending(const struct half *h)
{
    return h->done < h->bytes;
}

/* Moves what can be moved from the client to lws; false when the relay is over. */
static bool pump_up(struct relay *r)
{
    for (;;) {
        if (!pending(&r->up)) {
            if (r->up.eof)
                return true;
            long n = tls_read(r->tls, r->up.data, RELAY_BYTES);
            if (n == VG_EAGAIN)
                return true;
            if (n <= 0) {
                r->up.eof = true;
                shutdown(r->pair_fd, SHUT_WR);
                return n == 0; /* a lost connection ends both ways */
            }
            r->up.bytes = (size_t)n;
            r->up.done = 0;
        }
        long n =
            errno_result(send(r->pair_fd, r->up.data + r->up.done, r->up.bytes - r->up.done, MSG_NOSIGNAL));
        if (n == VG_EAGAIN)
            return true;
        if (n < 0)
            return false;
        r->up.done += (size_t)n;
    }
}

static bool pump_down(struct relay *r)
{
    for (;;) {
        if (!pending(&r->down)) {
            long n = errno_result(recv(r->pair_fd, r->down.data, RELAY_BYTES, 0));
            if (n == VG_EAGAIN)
                return true;
            if (n <= 0)
                return false; /* lws has closed, and all that it wrote is out */
            r->down.bytes = (size_t)n;
            r->down.done = 0;
        }
        long n = tls_write(r->tls, r->down.data + r->down.done, r->down.bytes - r->down.done);
        if (n == VG_EAGAIN)
            return true;
        if (n < 0)
            return false;
        r->down.done += (size_t)n;
    }
}

static void set_io(struct relay *r, struct ev_io *io, int want)
{
    int have = ev_is_active(io) ? io->events & (EV_READ | EV_WRITE) : 0;
    if (have == want)
        return;
    struct ev_loop *ev = loop_ev(r->server->loop);
    ev_io_stop(ev, io);
    ev_io_set(io, io->fd, want);
    if (want)
        ev_io_start(ev, io);
}

static void on_event(struct ev_loop *ev, struct ev_io *w, int events)
{
    (void)ev;
    (void)events;
    struct relay *r = w->data;
    if (!pump_up(r) || !pump_down(r)) {
        relay_close(r);
        return;
    }
    int tls_want = (!pending(&r->up) && !r->up.eof ? EV_READ : 0) | (pending(&r->down) ? EV_WRITE : 0);
    if (tls_read_wants_write(r->tls))
        tls_want |= EV_WRITE;
    if (pending(&r->down) && tls_write_wants_read(r->tls))
        tls_want |= EV_READ;
    set_io(r, &r->tls_io, tls_want);
    set_io(r, &r->pair_io, (pending(&r->down) ? 0 : EV_READ) | (pending(&r->up) ? EV_WRITE : 0));
}

static int refuse(struct relay *r, int fd, struct tls_stream *tls, int err)
{
    if (r) {
        free(r->up.data);
        free(r->down.data);
        free(r);
    }
    tls_stream_free(tls);
    close(fd);
    return err;
}

int relay_new(struct vg_server *s, int fd, struct tls_stream *tls, int *plain_fd)
{
    struct relay *r = calloc(1, sizeof *r);
    int pair[2];
    if (!r)
        return refuse(r, fd, tls, VG_ENOMEM);
    r->up.data = malloc(RELAY_BYTES);
    r->down.data = malloc(RELAY_BYTES);
    if (!r->up.data || !r->down.data)
        return refuse(r, fd, tls, VG_ENOMEM);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
        return refuse(r, fd, tls, VG_EIO);
    int bytes = PAIR_SNDBUF_BYTES;
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    r->server = s;
    r->tls = tls;
    r->tls_fd = fd;
    r->pair_fd = pair[0];
    r->next = s->relays;
    if (r->next)
        r->next->prev = r;
    s->relays = r;
    struct ev_loop *ev = loop_ev(s->loop);
    ev_io_init(&r->tls_io, on_event, r->tls_fd, EV_READ);
    ev_io_init(&r->pair_io, on_event, r->pair_fd, EV_READ);
    r->tls_io.data = r->pair_io.data = r;
    ev_io_start(ev, &r->tls_io);
    ev_io_start(ev, &r->pair_io);
    ev_feed_event(ev, &r->tls_io, EV_READ); /* OpenSSL may hold bytes already */
    *plain_fd = pair[1];
    return 0;
}
