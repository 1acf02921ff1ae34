/* A call of the load generator from POST /call/start (pipelined over a few kept connections) over the upgrade
 * to `ready`, and its end. See load.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench/load.h"

enum { LINKS = 16, LINK_CALLS = 32, TOKEN_SIZE = 2048, HESITATE_US = 50000 };

/* One kept connection for POST /call/start; answers come in the order of the requests. */
struct link {
    enum source source; /* first member */
    struct worker *worker;
    int fd; /* -1: opened anew at the next use */
    struct vg_buf in, out;
    size_t out_done;
    bool writing;
    struct call *waiting[LINK_CALLS];
    size_t first, count;
};

/* --- ends ------------------------------------------------------------------------------------------------
 */

static void leave(struct call *c)
{
    struct worker *w = c->worker;
    if (c->state < CALL_TALKING)
        w->setting_up--;
    else if (c->state == CALL_TALKING)
        w->talking--;
    else
        w->ending--;
    c->state = CALL_GONE;
    for (int i = 0; i < WHEELS; i++)
        wheel_remove(i, c);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    struct call *last = w->calls[--w->count];
    w->calls[c->index] = last;
    last->index = c->index;
}

/* After a failure the next call is not tried at once: nobody learns from thousands of the same. */
static void hesitate(struct worker *w)
{
    w->next_start_us = w->now_us + HESITATE_US;
}

void call_drop(struct call *c)
{
    if (c->state == CALL_GONE)
        return;
    struct worker *w = c->worker;
    bool asked = c->state == CALL_STARTING; /* a link still names it: freed with its answer */
    leave(c);
    if (asked && w->load->rest)
        return;
    c->next[0] = w->grave;
    w->grave = c;
}

void call_fail(struct call *c, enum failure why)
{
    if (c->state == CALL_GONE)
        return;
    c->worker->stats.failed[why]++;
    hesitate(c->worker);
    call_drop(c);
}

/* --- the start by REST -----------------------------------------------------------------------------------
 */

static void link_watch(struct link *l, bool writing, bool fresh)
{
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = l};
    l->writing = writing;
    epoll_ctl(l->worker->epoll, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, l->fd, &e);
}

static void link_drop(struct link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    vg_buf_reset(&l->in);
    vg_buf_reset(&l->out);
    l->out_done = 0;
    for (; l->count > 0; l->count--, l->first = (l->first + 1) % LINK_CALLS) {
        struct call *c = l->waiting[l->first];
        if (c->state != CALL_GONE) {
            c->worker->stats.failed[FAIL_START]++;
            leave(c);
        }
        c->next[0] = c->worker->grave;
        c->worker->grave = c;
    }
}

static void link_flush(struct link *l)
{
    while (l->out_done < l->out.len) {
        ssize_t n = send(l->fd, l->out.data + l->out_done, l->out.len - l->out_done, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != ENOTCONN)
                link_drop(l);
            else if (!l->writing)
                link_watch(l, true, false);
            return;
        }
        l->out_done += (size_t)n;
    }
    vg_buf_reset(&l->out);
    l->out_done = 0;
    if (l->writing)
        link_watch(l, false, false);
}

static void link_ask(struct link *l, struct call *c)
{
    const struct load *load = l->worker->load;
    if (l->fd < 0) {
        l->fd = wire_connect(&load->url);
        if (l->fd < 0) {
            c->worker->stats.failed[FAIL_CONNECT]++;
            leave(c);
            c->next[0] = c->worker->grave;
            c->worker->grave = c;
            return;
        }
        link_watch(l, true, true);
    }
    char body[256];
    int n =
        snprintf(body, sizeof body, "{\"tenant_id\":\"%s\",\"user_id\":\"bench\",\"language\":\"en\"%s%s%s}",
                 load->tenant_id, load->agent_id ? ",\"agent_id\":\"" : "",
                 load->agent_id ? load->agent_id : "", load->agent_id ? "\"" : "");
    vg_buf_printf(&l->out,
                  "POST %s/call/start HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                  "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                  load->url.path, load->url.host, load->token, n, body);
    l->waiting[(l->first + l->count++) % LINK_CALLS] = c;
    if (!l->writing)
        link_flush(l);
}

static void connect_call(struct call *c)
{
    c->state = CALL_CONNECTING;
    c->fd = wire_connect(&c->worker->load->url);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (c->fd < 0 || epoll_ctl(c->worker->epoll, EPOLL_CTL_ADD, c->fd, &e))
        call_fail(c, FAIL_CONNECT);
}

static void started(struct call *c, const struct wire_answer *a, const char *head, size_t head_bytes)
{
    struct stats *stats = &c->worker->stats;
    char token[TOKEN_SIZE];
    bool good = a->status == 200 && wire_text(a->body, a->body_bytes, "call_id", c->id, sizeof c->id) == 0 &&
                wire_text(a->body, a->body_bytes, "session_token", token, sizeof token) == 0;
    if (good && (c->token = strdup(token))) {
        connect_call(c);
        return;
    }
    if (a->status == 503 || a->status == 429) {
        stats->failed[a->status == 503 ? FAIL_CAPACITY : FAIL_LIMIT]++;
        stats->refused_bare += !memmem(head, head_bytes, "\nRetry-After:", 13) &&
                               !memmem(head, head_bytes, "\nretry-after:", 13);
    } else {
        stats->failed[FAIL_START]++;
    }
    hesitate(c->worker);
    leave(c);
    c->next[0] = c->worker->grave;
    c->worker->grave = c;
}

static void link_read(struct link *l)
{
    ssize_t n = recv(l->fd, l->worker->buffer, BUFFER_BYTES, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        link_drop(l);
        return;
    }
    vg_buf_add(&l->in, l->worker->buffer, (size_t)n);
    size_t used = 0;
    while (used < l->in.len && l->count > 0) {
        struct wire_answer a;
        int there = wire_answer(l->in.data + used, l->in.len - used, &a);
        if (there < 0) {
            link_drop(l);
            return;
        }
        if (!there)
            break;
        struct call *c = l->waiting[l->first];
        l->first = (l->first + 1) % LINK_CALLS;
        l->count--;
        if (c->state == CALL_GONE) {
            c->next[0] = c->worker->grave;
            c->worker->grave = c;
        } else {
            started(c, &a, l->in.data + used, a.size - a.body_bytes);
        }
        used += a.size;
    }
    memmove(l->in.data, l->in.data + used, l->in.len - used);
    l->in.len -= used;
}

void link_event(struct link *l, uint32_t events)
{
    if (l->fd >= 0 && events & EPOLLOUT) {
        l->writing = true;
        link_flush(l);
    }
    if (l->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        link_read(l);
}

int links_open(struct worker *w)
{
    w->links = calloc(LINKS, sizeof *w->links);
    if (!w->links)
        return VG_ENOMEM;
    for (int i = 0; i < LINKS; i++)
        w->links[i] = (struct link){.source = SOURCE_LINK, .worker = w, .fd = -1};
    return 0;
}

void links_close(struct worker *w)
{
    for (int i = 0; i < LINKS; i++) {
        link_drop(&w->links[i]);
        vg_buf_free(&w->links[i].in);
        vg_buf_free(&w->links[i].out);
    }
    free(w->links);
}

void call_begin(struct worker *w)
{
    if (w->count == w->capacity) {
        size_t more = w->capacity ? w->capacity * 2 : 256;
        struct call **grown = realloc(w->calls, more * sizeof(struct call *));
        if (!grown)
            return;
        w->calls = grown;
        w->capacity = more;
    }
    struct link *l = w->links;
    for (int i = 1; l && i < LINKS; i++) {
        if (w->links[i].count < l->count)
            l = &w->links[i];
    }
    if (l && l->count == LINK_CALLS)
        return;
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        return;
    *c =
        (struct call){.source = SOURCE_CALL, .worker = w, .index = w->count, .fd = -1, .begun_us = w->now_us};
    w->calls[w->count++] = c;
    w->setting_up++;
    if (l)
        link_ask(l, c);
    else
        connect_call(c);
}

/* --- the upgrade -----------------------------------------------------------------------------------------
 */

void call_connected(struct call *c)
{
    int err = 0;
    socklen_t size = sizeof err;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size) || err) {
        call_fail(c, FAIL_CONNECT);
        return;
    }
    const struct load *load = c->worker->load;
    char request[TOKEN_SIZE + 512];
    int n = snprintf(request, sizeof request,
                     "GET %s%s%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                     *load->url.path || load->rest ? load->url.path : "/", load->rest ? "/ws/" : "", c->id,
                     load->url.host, c->token ? "Authorization: Bearer " : "", c->token ? c->token : "",
                     c->token ? "\r\n" : "");
    free(c->token);
    c->token = NULL;
    c->state = CALL_UPGRADING;
    call_watch(c, false);
    (void)!call_send(c, request, (size_t)n);
}

int64_t call_upgraded(struct call *c, const char *data, size_t bytes)
{
    const char *end = memmem(data, bytes, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (bytes < 12 || strncmp(data, "HTTP/1.1 101", 12) != 0) {
        call_fail(c, FAIL_UPGRADE);
        return -1;
    }
    const struct load *load = c->worker->load;
    c->state = CALL_WAITING;
    c->readies = 1;
    if (!load->rest) {
        call_talk(c);
    } else if (load->config) {
        c->readies = 2;
        if (call_send_text(c, load->config))
            return -1;
    }
    return end + 4 - data;
}
