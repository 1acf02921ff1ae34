/* Requests out of the bytes of a connection: head, body, and then the handler that it is for. ws.c takes over
 * what is upgraded.
 *
 * All parsing happens in conn_process(), which is never entered twice: an answer that comes from inside a
 * handler may end the connection or ask for the next request while it is on the stack. */
#include <stdlib.h>
#include <string.h>

#include "net/server_private.h"

/* --- a request that has come ----------------------------------------------------------------------------
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
    conn_watch(c);
    if (r->head.upgrade_websocket && !strcmp(r->head.method, "GET"))
        upgrade(c, r);
    else if (!strcmp(r->head.method, "OPTIONS"))
        reply_options(r);
    else if (s->handlers.request)
        s->handlers.request(s->handlers.arg, r);
    else
        reply_error(r, 404, "There is nothing here.");
}

/* --- one that is coming ---------------------------------------------------------------------------------
 */

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
        if (conn_send(c, CONTINUE, sizeof CONTINUE - 1, NULL, 0) < 0 || conn_flush(c) < 0)
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

void conn_process(struct conn *c)
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
        conn_keep_input(c);
    c->processing = false;
    if (c->dead)
        free(c);
    else
        conn_watch(c);
}
