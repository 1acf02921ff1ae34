/* One HTTP connection: reads requests one after another, gives each to its handler, sends the answers in
 * order. Made by listener.c; reply.c comes back with answers, at once or later; ws.c takes over what is
 * upgraded.
 *
 * While a handler has a request nothing is read from the socket: TCP holds a client that pipelines, and one
 * that left is noticed when it is answered. All parsing happens in process(), which is never entered twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/count.h"
#include "net/server_private.h"

enum { READS_A_TURN = 16 }; /* TLS records; then others get the loop */

static void process(struct conn *c);

/* --- bytes in and out ------------------------------------------------------------------------------------
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

/* Tells libev what this connection waits for. */
static void watch(struct conn *c)
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
    ev_io_set(&c->io, c->fd, want);
    if (want)
        ev_io_start(ev, &c->io);
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

/* Writes both parts with one system call when nothing waits before them, and queues the rest. */
static int send_parts(struct conn *c, const void *head, size_t head_bytes, const void *body,
                      size_t body_bytes)
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

/* Writes what is queued; 0 when all is out or the kernel is full, VG_ECLOSED when the peer is gone. */
static int flush_output(struct conn *c)
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

/* --- end of a connection ---------------------------------------------------------------------------------
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
    watch(c);
}

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
    watch(c);
    if (c->tls) /* records that OpenSSL has read already raise no event */
        ev_feed_event(loop_ev(c->server->loop), &c->io, EV_READ);
    process(c);
}

void conn_answer(struct conn *c, const char *head, size_t head_bytes, const void *body, size_t body_bytes,
                 bool close)
{
    c->close_after = c->close_after || close;
    c->state = CONN_HEAD;
    c->answering = true;
    c->deadline_us = vg_loop_now_us(c->server->loop) + WRITE_STALL_US;
    if (send_parts(c, head, head_bytes, body, body_bytes) < 0 || flush_output(c) < 0)
        conn_close(c);
    else if (!c->out)
        answer_sent(c);
    else
        watch(c);
}

/* --- reading requests ------------------------------------------------------------------------------------
 */

static void upgrade(struct conn *c, struct vg_http_request *r)
{
    struct vg_server *s = c->server;
    struct http_fault bad = ws_handshake_fault(r);
    if (!bad.status && !s->handlers.upgrade)
        bad = (struct http_fault){404, "There is no WebSocket here."};
    r->upgrading = true;
    c->close_after = true; /* a refused upgrade ends the connection: what follows may be frames */
    struct vg_ws_accept accept = {0};
    if (bad.status)
        reply_error(r, bad.status, bad.message);
    else if (s->handlers.upgrade(s->handlers.arg, r, &accept) == 0 && !r->replied && accept.events)
        ws_accept(r, &accept);
    else if (!r->replied)
        reply_error(r, 403, "The upgrade was refused.");
    request_free(r);
}

static void dispatch(struct conn *c, struct vg_http_request *r)
{
    struct vg_server *s = c->server;
    if (c->half_open)
        listener_half_open_done(s, &c->peer);
    c->half_open = false;
    c->state = CONN_HANDLER;
    c->deadline_us = INT64_MAX;
    watch(c);
    if (r->head.upgrade_websocket && !strcmp(r->head.method, "GET"))
        upgrade(c, r);
    else if (!strcmp(r->head.method, "OPTIONS"))
        reply_options(r);
    else if (s->handlers.request)
        s->handlers.request(s->handlers.arg, r);
    else
        reply_error(r, 404, "There is nothing here.");
}

static void begin(struct conn *c, struct vg_http_request *r)
{
    struct vg_server *s = c->server;
    uint64_t length = r->head.content_length;
    uint64_t limit = s->config.body_bytes_max;
    if (length && s->handlers.body_limit) {
        size_t own = s->handlers.body_limit(s->handlers.arg, vg_http_method(r), r->head.path);
        limit = own && own < limit ? own : limit;
    }
    if (length == 0) {
        dispatch(c, r);
        return;
    }
    c->state = CONN_BODY;
    if (length > limit) {
        c->close_after = true;
        reply_error(r, 413, "The body is larger than this route takes.");
        return;
    }
    r->body_bytes = (size_t)length;
    r->body = malloc(r->body_bytes + 1);
    if (!r->body) {
        c->close_after = true;
        reply_error(r, 503, "There is no memory for the body.");
        return;
    }
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (r->head.expect_continue && c->in_used == c->in_bytes)
        if (send_parts(c, CONTINUE, sizeof CONTINUE - 1, NULL, 0) < 0 || flush_output(c) < 0)
            conn_close(c);
}

/* Takes one head out of the input; false if it is not there yet or was bad. */
static bool take_head(struct conn *c)
{
    while (c->in_bytes - c->in_used >= 2 && !memcmp(c->in + c->in_used, "\r\n", 2))
        c->in_used += 2; /* blank lines before a request are to be ignored (RFC 9112, section 2.2) */
    const char *data = c->in + c->in_used;
    size_t bytes = c->in_bytes - c->in_used;
    if (bytes == 0)
        return false;
    if (!c->started) {
        c->started = true;
        c->deadline_us = vg_loop_now_us(c->server->loop) + c->server->config.header_timeout_us;
    }
    if (*data < 'A' || *data > 'z') { /* TLS on a plain port, or noise: say so before it fills the buffer */
        if (bytes > 1 || *data != '\r')
            reply_fault(c, 400, "This is not an HTTP request.");
        return false;
    }
    size_t size = http_head_size(data, bytes, c->in_seen);
    c->in_seen = size ? 0 : bytes;
    if (size > HTTP_HEAD_BYTES_MAX || (!size && bytes > HTTP_HEAD_BYTES_MAX)) {
        reply_fault(c, 431, "The request's headers are too large.");
        return false;
    }
    if (!size)
        return false;
    c->in_used += size;
    char *text = malloc(size);
    if (!text) {
        conn_close(c);
        return false;
    }
    memcpy(text, data, size);
    struct http_head head;
    struct http_fault bad = http_head_parse(&head, text, size);
    if (bad.status) {
        free(text);
        reply_fault(c, bad.status, bad.message);
        return false;
    }
    struct vg_http_request *r = request_new(c, text, &head);
    if (!r) {
        conn_close(c);
        return false;
    }
    c->request = r;
    begin(c, r);
    return true;
}

/* Takes bytes of the body out of the input; false if more must come. */
static bool take_body(struct conn *c)
{
    struct vg_http_request *r = c->request;
    size_t have = c->in_bytes - c->in_used;
    size_t want = r->body_bytes - r->body_have;
    size_t n = have < want ? have : want;
    if (n)
        memcpy(r->body + r->body_have, c->in + c->in_used, n);
    c->in_used += n;
    r->body_have += n;
    if (r->body_have < r->body_bytes)
        return false;
    r->body[r->body_bytes] = '\0';
    dispatch(c, r);
    return true;
}

/* What was not used waits in memory of its own. */
static void keep_input(struct conn *c)
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

static void process(struct conn *c)
{
    if (c->processing || c->dead)
        return;
    c->processing = true;
    bool more = c->in != NULL;
    while (more && !c->dead) {
        if (c->state == CONN_HEAD && !c->answering && !c->close_after)
            more = take_head(c);
        else if (c->state == CONN_BODY)
            more = take_body(c);
        else
            more = false;
    }
    if (!c->dead)
        keep_input(c);
    c->processing = false;
    if (c->dead)
        free(c);
    else
        watch(c);
}

/* --- events ----------------------------------------------------------------------------------------------
 */

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

static bool wants_input(const struct conn *c)
{
    return c->state == CONN_LINGER || c->state == CONN_BODY ||
           (c->state == CONN_HEAD && !c->out && !c->close_after);
}

/* One read; false when there is no more for now. The connection may be gone afterwards. */
static bool read_once(struct conn *c, bool *gone)
{
    long n = conn_read(c, c->server->scratch, SCRATCH_BYTES);
    if (n == VG_EAGAIN) {
        watch(c);
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

static void on_event(struct ev_loop *ev, struct ev_io *w, int events)
{
    (void)ev;
    (void)events;
    struct conn *c = w->data;
    if (c->out) {
        if (flush_output(c) < 0) {
            conn_close(c);
            return;
        }
        if (c->out) {
            watch(c);
            if (c->state != CONN_BODY)
                return;
        } else if (c->answering) {
            answer_sent(c); /* may free c; the next event reads */
            return;
        }
    }
    bool gone = false;
    if (wants_input(c) && read_once(c, &gone) && c->state != CONN_LINGER) {
        bool again = c->tls != NULL;
        struct vg_loop *loop = c->server->loop;
        if (again) /* OpenSSL may hold another record */
            ev_feed_event(loop_ev(loop), &c->io, EV_READ);
        process(c);
    } else if (!gone) {
        watch(c);
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
