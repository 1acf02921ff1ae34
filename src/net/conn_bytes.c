/* The bytes of one HTTP connection: what was read and is not used yet, what is written and the kernel has not
 * taken, and which of both the loop waits for. conn.c says when, conn_request.c makes requests of what came.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/server_private.h"

void conn_watch(struct conn *c)
{
    if (c->dead)
        return;
    bool reads = c->state == CONN_LINGER || c->state == CONN_BODY || (c->state == CONN_HEAD && !c->out);
    int want = (reads && !c->eof ? EV_READ : 0) | (c->out ? EV_WRITE : 0);
    if (c->tls && (want & EV_READ) && tls_read_wants_write(c->tls))
        want |= EV_WRITE;
    if (c->tls && c->out && tls_write_wants_read(c->tls))
        want |= EV_READ;
    int have = ev_is_active(&c->io) ? c->io.events & (EV_READ | EV_WRITE) : 0;
    if (want == have)
        return;
    struct ev_loop *ev = loop_ev(c->server->loop);
    ev_io_stop(ev, &c->io);
    /* Unlike ev_io_set() this costs no system call where the old interest comes back in this turn. */
    ev_io_modify(&c->io, want);
    if (want)
        ev_io_start(ev, &c->io);
}

/* --- out ------------------------------------------------------------------------------------------------
 */

static long conn_write(struct conn *c, const struct iovec *parts, int count)
{
    if (c->tls)
        return tls_write(c->tls, parts[0].iov_base, parts[0].iov_len);
    struct msghdr msg = {.msg_iov = (struct iovec *)(void *)parts, .msg_iovlen = (size_t)count};
    ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    if (n >= 0)
        return (long)n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? VG_EAGAIN : VG_ECLOSED;
}

/* Queues what the kernel did not take. */
static int keep_output(struct conn *c, const void *data, size_t bytes)
{
    char *grown = realloc(c->out, c->out_bytes + bytes);
    if (!grown)
        return VG_ENOMEM;
    memcpy(grown + c->out_bytes, data, bytes);
    c->out = grown;
    c->out_bytes += bytes;
    return 0;
}

int conn_send(struct conn *c, const void *head, size_t head_bytes, const void *body, size_t body_bytes)
{
    size_t sent = 0;
    if (!c->out && !c->tls) {
        struct iovec parts[2] = {{(void *)(uintptr_t)head, head_bytes},
                                 {(void *)(uintptr_t)body, body_bytes}};
        long n = conn_write(c, parts, body_bytes ? 2 : 1);
        if (n < 0 && n != VG_EAGAIN)
            return VG_ECLOSED;
        sent = n > 0 ? (size_t)n : 0;
    }
    if (sent < head_bytes && keep_output(c, (const char *)head + sent, head_bytes - sent) < 0)
        return VG_ENOMEM;
    size_t body_sent = sent > head_bytes ? sent - head_bytes : 0;
    if (body_sent < body_bytes && keep_output(c, (const char *)body + body_sent, body_bytes - body_sent) < 0)
        return VG_ENOMEM;
    return 0;
}

int conn_flush(struct conn *c)
{
    while (c->out) {
        struct iovec part = {c->out + c->out_done, c->out_bytes - c->out_done};
        long n = conn_write(c, &part, 1);
        if (n == VG_EAGAIN)
            return 0;
        if (n < 0)
            return VG_ECLOSED;
        c->out_done += (size_t)n;
        c->deadline_us = vg_loop_now_us(c->server->loop) + WRITE_STALL_US;
        if (c->out_done == c->out_bytes) {
            free(c->out);
            c->out = NULL;
            c->out_bytes = c->out_done = 0;
        }
    }
    return 0;
}

/* --- in -------------------------------------------------------------------------------------------------
 */

static long conn_read(struct conn *c, void *data, size_t bytes)
{
    if (c->tls)
        return tls_read(c->tls, data, bytes);
    ssize_t n = recv(c->fd, data, bytes, 0);
    if (n >= 0)
        return (long)n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? VG_EAGAIN : VG_ECLOSED;
}

/* Adds `bytes` of the scratch buffer to the input, without copying when it is empty. */
static int add_input(struct conn *c, size_t bytes)
{
    if (!c->in) {
        c->in = (char *)c->server->scratch;
        c->in_bytes = bytes;
        c->in_borrowed = true;
        return 0;
    }
    char *grown = realloc(c->in, c->in_bytes + bytes);
    if (!grown)
        return VG_ENOMEM;
    memcpy(grown + c->in_bytes, c->server->scratch, bytes);
    c->in = grown;
    c->in_bytes += bytes;
    return 0;
}

bool conn_receive(struct conn *c, bool *gone)
{
    long n = conn_read(c, c->server->scratch, SCRATCH_BYTES);
    if (n == VG_EAGAIN) {
        conn_watch(c);
        return false;
    }
    if (n <= 0) {
        c->eof = true;
        *gone = true;
        conn_close(c);
        return false;
    }
    if (c->state == CONN_LINGER)
        return true;
    if (add_input(c, (size_t)n) < 0) {
        *gone = true;
        conn_close(c);
        return false;
    }
    return true;
}

void conn_keep_input(struct conn *c)
{
    size_t rest = c->state == CONN_LINGER ? 0 : c->in_bytes - c->in_used;
    if (c->in_borrowed) {
        char *own = rest ? malloc(rest) : NULL;
        if (own)
            memcpy(own, c->in + c->in_used, rest);
        c->in = own;
        c->in_borrowed = false;
        if (rest && !own)
            conn_close(c); /* may not use c afterwards, but for `dead` */
    } else if (rest == 0) {
        free(c->in);
        c->in = NULL;
    } else if (c->in_used) {
        memmove(c->in, c->in + c->in_used, rest);
    }
    c->in_bytes = rest;
    c->in_used = 0;
}
