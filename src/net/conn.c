/* One HTTP connection: reads requests one after another, gives each to its handler, sends the answers in
 * order. Made by listener.c; reply.c comes back with answers, at once or later. Its bytes are in
 * conn_bytes.c, what is made of them in conn_request.c.
 *
 * While a handler has a request nothing is read from the socket: TCP holds a client that pipelines, and one
 * that left is noticed when it is answered.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/count.h"
#include "net/server_private.h"

/* --- end of a connection --------------------------------------------------------------------------------
 */

/* Takes it out of all books; the struct stays until nobody on the stack uses it. */
static void retire(struct conn *c)
{
    struct vg_server *s = c->server;
    ev_io_stop(loop_ev(s->loop), &c->io);
    if (c->half_open)
        listener_half_open_done(s, &c->peer);
    c->half_open = false;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (!c->in_borrowed)
        free(c->in);
    free(c->out);
    c->in = c->out = NULL;
    c->in_bytes = c->in_used = 0;
    c->dead = true;
    if (!c->processing)
        free(c);
}

void conn_close(struct conn *c)
{
    if (c->dead)
        return;
    struct vg_http_request *r = c->request;
    c->request = NULL;
    if (r && c->state == CONN_HANDLER)
        r->conn = NULL; /* the handler still has it */
    else if (r)
        request_free(r);
    if (c->tls)
        tls_shutdown(c->tls);
    c->tls = tls_stream_free(c->tls);
    close(c->fd);
    listener_connection_closed(c->server);
    retire(c);
}

void conn_detach(struct conn *c, int *fd, struct tls_stream **tls, char **in, size_t *in_bytes)
{
    *fd = c->fd;
    *tls = c->tls;
    c->tls = NULL;
    *in_bytes = c->in_bytes - c->in_used;
    *in = *in_bytes ? malloc(*in_bytes) : NULL;
    if (*in)
        memcpy(*in, c->in + c->in_used, *in_bytes);
    else
        *in_bytes = 0;
    if (c->request)
        c->request->conn = NULL;
    c->request = NULL;
    retire(c);
}

/* The last answer is out: says so to the peer and drops what it still sends for a moment. Closing at once
 * would reset the connection and could destroy the answer on its way. */
static void linger(struct conn *c)
{
    if (c->eof) {
        conn_close(c);
        return;
    }
    if (c->tls)
        tls_shutdown(c->tls);
    shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    c->deadline_us = vg_loop_now_us(c->server->loop) + LINGER_US;
    conn_watch(c);
}

/* --- answers --------------------------------------------------------------------------------------------
 */

/* All of an answer is in the kernel. */
static void answer_sent(struct conn *c)
{
    c->answering = false;
    if (c->close_after) {
        linger(c);
        return;
    }
    c->started = false;
    c->deadline_us = vg_loop_now_us(c->server->loop) + c->server->config.idle_timeout_us;
    conn_watch(c);
    if (c->tls) /* records that OpenSSL has read already raise no event */
        ev_feed_event(loop_ev(c->server->loop), &c->io, EV_READ);
    conn_process(c);
}

void conn_answer(struct conn *c, const char *head, size_t head_bytes, const void *body, size_t body_bytes,
                 bool close)
{
    c->close_after = c->close_after || close;
    c->state = CONN_HEAD;
    c->answering = true;
    c->deadline_us = vg_loop_now_us(c->server->loop) + WRITE_STALL_US;
    if (conn_send(c, head, head_bytes, body, body_bytes) < 0 || conn_flush(c) < 0)
        conn_close(c);
    else if (!c->out)
        answer_sent(c);
    else
        conn_watch(c);
}

/* --- events ---------------------------------------------------------------------------------------------
 */

static bool wants_input(const struct conn *c)
{
    return c->state == CONN_LINGER || c->state == CONN_BODY ||
           (c->state == CONN_HEAD && !c->out && !c->close_after);
}

static void on_event(struct ev_loop *ev, struct ev_io *w, int events)
{
    (void)ev;
    (void)events;
    struct conn *c = w->data;
    if (c->out) {
        if (conn_flush(c) < 0) {
            conn_close(c);
            return;
        }
        if (c->out) {
            conn_watch(c);
            if (c->state != CONN_BODY)
                return;
        } else if (c->answering) {
            answer_sent(c); /* may free c; the next event reads */
            return;
        }
    }
    bool gone = false;
    if (wants_input(c) && conn_receive(c, &gone) && c->state != CONN_LINGER) {
        bool again = c->tls != NULL;
        struct vg_loop *loop = c->server->loop;
        if (again) /* OpenSSL may hold another record */
            ev_feed_event(loop_ev(loop), &c->io, EV_READ);
        conn_process(c);
    } else if (!gone) {
        conn_watch(c);
    }
}

void conn_new(struct vg_server *s, int fd, const struct address *peer, bool half_open)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c && s->tls)
        c->tls = tls_stream_new(s->tls, fd);
    if (!c || (s->tls && !c->tls)) {
        free(c);
        close(fd);
        if (half_open)
            listener_half_open_done(s, peer);
        listener_connection_closed(s);
        return;
    }
    c->server = s;
    c->fd = fd;
    c->peer = *peer;
    c->half_open = half_open;
    c->started = true;
    c->deadline_us = vg_loop_now_us(s->loop) + s->config.header_timeout_us;
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    ev_io_init(&c->io, on_event, fd, EV_READ);
    c->io.data = c;
    ev_io_start(loop_ev(s->loop), &c->io);
    /* The request is often there already. */
    ev_feed_event(loop_ev(s->loop), &c->io, EV_READ);
}

void conn_sweep(struct conn *c, int64_t now_us)
{
    if (now_us < c->deadline_us)
        return;
    if (c->out || c->state == CONN_LINGER) {
        conn_close(c);
    } else if (c->state == CONN_BODY) {
        net_count_connection("timeout_header");
        c->close_after = true;
        reply_error(c->request, 408, "The body did not come in time.");
    } else if (c->started && c->in_bytes) {
        net_count_connection("timeout_header");
        reply_fault(c, 408, "The request did not come in time.");
    } else {
        net_count_connection(c->started ? "timeout_header" : "timeout_idle");
        conn_close(c);
    }
}
