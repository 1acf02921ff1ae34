/* See fixture.h. */
#include "unit/net/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

/* --- loop ------------------------------------------------------------------------------------------------
 */

static void *run_loop(void *arg)
{
    vg_loop_run(arg);
    return NULL;
}

void fixture_loop_start(struct fixture_loop *f)
{
    f->loop = vg_loop_new("test");
    pthread_create(&f->thread, NULL, run_loop, f->loop);
}

void fixture_loop_end(struct fixture_loop *f)
{
    vg_loop_stop(f->loop);
    pthread_join(f->thread, NULL);
    f->loop = vg_loop_free(f->loop);
}

struct call {
    struct vg_message message;
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static void on_call(struct vg_message *msg)
{
    struct call *c = VG_MESSAGE_OF(msg, struct call, message);
    c->fn(c->arg);
    sem_post(&c->done);
}

void fixture_on_loop(struct vg_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct call c = {.message.handle = on_call, .fn = fn, .arg = arg};
    sem_init(&c.done, 0, 0);
    vg_loop_post(loop, &c.message);
    while (sem_wait(&c.done) && errno == EINTR) {
    }
    sem_destroy(&c.done);
}

/* --- server ----------------------------------------------------------------------------------------------
 */

static void reply_text(struct vg_http_request *r, int status, const void *body, size_t bytes)
{
    struct vg_http_response response = {
        .status = status, .content_type = "text/plain", .body = body, .body_bytes = bytes};
    vg_http_reply(r, &response);
}

static void on_late(void *arg)
{
    struct fixture *f = arg;
    struct vg_http_request *r = f->late_request;
    f->late_request = NULL;
    if (r)
        reply_text(r, 200, "late", 4);
    else if (f->ws)
        vg_ws_hold_reading(f->ws, false);
}

static void on_request(void *arg, struct vg_http_request *r)
{
    struct fixture *f = arg;
    atomic_fetch_add(&f->requests, 1);
    const char *path = vg_http_path(r);
    size_t bytes;
    const char *body = vg_http_body(r, &bytes);
    if (!strcmp(path, "/echo") || !strcmp(path, "/limited")) {
        reply_text(r, 200, body, bytes);
    } else if (!strcmp(path, "/late")) {
        f->late_request = r;
        vg_timer_start(f->late, 50 * VG_US_PER_MS, 0);
    } else if (!strcmp(path, "/keep")) {
        f->kept = r;
    } else if (!strcmp(path, "/big")) {
        enum { BIG = 3 * 1024 * 1024 };
        char *big = malloc(BIG);
        memset(big, 'b', BIG);
        reply_text(r, 200, big, BIG);
        free(big);
    } else if (!strcmp(path, "/asset")) {
        vg_http_reply_asset(r, &(struct vg_http_asset){"text/css", "a{}", 3});
    } else if (!strcmp(path, "/who")) {
        reply_text(r, 200, vg_http_remote(r), strlen(vg_http_remote(r)));
    } else if (!strcmp(path, "/query")) {
        const char *q = vg_http_query(r, "a b");
        reply_text(r, 200, q ? q : "-", strlen(q ? q : "-"));
    } else {
        reply_text(r, 200, "hi", 2);
    }
}

static size_t on_body_limit(void *arg, const char *method, const char *path)
{
    (void)arg;
    (void)method;
    return !strcmp(path, "/limited") ? 10 : 0;
}

struct peer {
    struct fixture *f;
    struct vg_ws *ws;
    char text[256 * 1024];
    size_t bytes;
    enum { ECHO, QUIET, FLOOD, HOLDING, SLOW } kind;
};

static void on_opened(void *arg, struct vg_ws *ws)
{
    struct peer *p = arg;
    p->ws = p->f->ws = ws;
    if (p->kind == FLOOD || p->kind == SLOW) {
        while (vg_ws_send(ws, p->text, 64 * 1024, true) == 0) {
        }
        atomic_fetch_add(&p->f->full, 1);
    }
    if (p->kind == SLOW) {
        vg_ws_hold_reading(ws, true);
        vg_ws_close(ws, 1008, "too slow");
        vg_ws_hold_reading(ws, true); /* whoever paces the reading may not know yet */
    }
    atomic_fetch_add(&p->f->opened, 1);
}

static void on_fragment(void *arg, const uint8_t *data, size_t bytes, bool first, bool final, bool binary)
{
    struct peer *p = arg;
    atomic_fetch_add(&p->f->firsts, first);
    atomic_fetch_add(&p->f->finals, final);
    if (first)
        p->bytes = 0;
    if (p->bytes + bytes <= sizeof p->text)
        memcpy(p->text + p->bytes, data, bytes);
    p->bytes += bytes;
    if (final && p->bytes == 1 && p->text[0] == 'x') {
        if (vg_ws_send(p->ws, "bye", 3, false)) {
        }
        vg_ws_close(p->ws, 4401, "expired");
    } else if (final && p->kind == ECHO) {
        if (vg_ws_send(p->ws, p->text, p->bytes, binary))
            atomic_fetch_add(&p->f->full, 1);
    } else if (p->kind == HOLDING && bytes > 0) {
        vg_ws_hold_reading(p->ws, true);
        vg_timer_start(p->f->late, VG_US_PER_MS, 0);
    }
    atomic_fetch_add(&p->f->fragments, 1);
}

static void on_drained(void *arg)
{
    struct peer *p = arg;
    atomic_fetch_add(&p->f->drained, 1);
}

static void on_closed(void *arg, int code)
{
    struct peer *p = arg;
    atomic_store(&p->f->close_code, code);
    atomic_fetch_add(&p->f->closed, 1);
    p->f->ws = NULL;
    free(p);
}

static int on_upgrade(void *arg, struct vg_http_request *r, struct vg_ws_accept *accept)
{
    static const struct vg_ws_events events = {on_opened, on_fragment, on_drained, on_closed};
    struct fixture *f = arg;
    const char *path = vg_http_path(r);
    if (strncmp(path, "/ws/", 4)) {
        static const char body[] = "{\"error\":{\"code\":\"FORBIDDEN\"}}";
        struct vg_http_response response = {.status = 403, .body = body, .body_bytes = sizeof body - 1};
        vg_http_reply(r, &response);
        return VG_EFORBIDDEN;
    }
    struct peer *p = calloc(1, sizeof *p);
    p->f = f;
    p->kind = !strcmp(path, "/ws/echo")      ? ECHO
              : !strcmp(path, "/ws/flood")   ? FLOOD
              : !strcmp(path, "/ws/holding") ? HOLDING
              : !strcmp(path, "/ws/slow")    ? SLOW
                                             : QUIET;
    accept->events = &events;
    accept->arg = p;
    return 0;
}

struct vg_server_config fixture_config(void)
{
    return (struct vg_server_config){.host = "127.0.0.1",
                                     .listen_fd = -1,
                                     .body_bytes_max = 64 * 1024,
                                     .ws_queue_bytes_max = 512 * 1024,
                                     .connections_max = 1000,
                                     .half_open_max_per_ip = 100,
                                     .header_timeout_us = 2 * VG_US_PER_S,
                                     .idle_timeout_us = 2 * VG_US_PER_S,
                                     .cors_origins = "https://app.example"};
}

struct start {
    struct fixture *f;
    const struct vg_server_config *config;
    int err;
};

static void start_server(void *arg)
{
    struct start *s = arg;
    struct vg_server_handlers handlers = {on_request, on_upgrade, on_body_limit, s->f};
    s->f->late = vg_timer_new(s->f->loop.loop, on_late, s->f);
    s->err = vg_server_new(&s->f->server, s->f->loop.loop, s->config, &handlers);
}

void fixture_start(struct fixture *f, const struct vg_server_config *config)
{
    memset(f, 0, sizeof *f);
    fixture_loop_start(&f->loop);
    struct start s = {f, config, 0};
    fixture_on_loop(f->loop.loop, start_server, &s);
    if (s.err) {
        fprintf(stderr, "server: %s\n", vg_strerror(s.err));
        abort();
    }
    f->port = vg_server_port(f->server);
}

static void end_server(void *arg)
{
    struct fixture *f = arg;
    f->late = vg_timer_free(f->late);
    f->server = vg_server_free(f->server);
    if (f->kept)
        reply_text(f->kept, 200, "", 0);
}

void fixture_end(struct fixture *f)
{
    fixture_on_loop(f->loop.loop, end_server, f);
    fixture_loop_end(&f->loop);
}

/* --- client ----------------------------------------------------------------------------------------------
 */

int client_connect(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)(void *)&a, sizeof a))
        abort();
    return fd;
}

void client_send_bytes(int fd, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = send(fd, (const char *)data + done, bytes - done, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

static bool read_exact(int fd, void *out, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = recv(fd, (char *)out + done, bytes - done, 0);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

int client_read_response(int fd, struct client_response *out, bool is_head)
{
    memset(out, 0, sizeof *out);
    size_t n = 0;
    while (n < 4 || memcmp(out->head + n - 4, "\r\n\r\n", 4)) {
        if (n + 1 >= sizeof out->head || !read_exact(fd, out->head + n, 1))
            return -1;
        n++;
    }
    out->status = atoi(out->head + 9);
    const char *length = strcasestr(out->head, "content-length:");
    out->body_bytes = length && !is_head ? strtoul(length + 15, NULL, 10) : 0;
    out->body = calloc(1, out->body_bytes + 1);
    if (!read_exact(fd, out->body, out->body_bytes))
        return -1;
    return out->status;
}

void client_response_free(struct client_response *r)
{
    free(r->body);
    r->body = NULL;
}

int client_ask(int fd, const char *text, struct client_response *out)
{
    client_send(fd, text);
    return client_read_response(fd, out, !strncmp(text, "HEAD", 4));
}

bool client_sees_end(int fd, int ms)
{
    char drop[65536];
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int left = ms - (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, left) <= 0)
            return false;
        if (recv(fd, drop, sizeof drop, 0) <= 0)
            return true;
    }
}

int client_upgrade(int fd, const char *path, const char *extra, struct client_response *out)
{
    char text[8192];
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             path, extra ? extra : "");
    return client_ask(fd, text, out);
}

void client_ws_send(int fd, int opcode, bool final, const void *data, size_t bytes)
{
    uint8_t head[14] = {(uint8_t)((final ? 0x80 : 0) | opcode)};
    size_t n = 2;
    if (bytes < 126) {
        head[1] = (uint8_t)(0x80 | bytes);
    } else if (bytes < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(bytes >> 8);
        head[3] = (uint8_t)bytes;
        n = 4;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)bytes >> (56 - 8 * i));
        n = 10;
    }
    n += 4; /* the mask is zero */
    uint8_t *all = malloc(n + bytes);
    memcpy(all, head, n);
    if (bytes)
        memcpy(all + n, data, bytes);
    client_send_bytes(fd, all, n + bytes);
    free(all);
}

int client_ws_read(int fd, uint8_t **data, size_t *bytes)
{
    uint8_t head[8];
    *data = NULL;
    if (!read_exact(fd, head, 2))
        return -1;
    int op = head[0];
    uint64_t n = head[1] & 0x7f;
    size_t more = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (more) {
        if (!read_exact(fd, head, more))
            return -1;
        n = 0;
        for (size_t i = 0; i < more; i++)
            n = n << 8 | head[i];
    }
    *bytes = (size_t)n;
    *data = calloc(1, *bytes + 1);
    return read_exact(fd, *data, *bytes) ? op : -1;
}

bool wait_for(const atomic_int *value, int want)
{
    for (int i = 0; i < 3000; i++) {
        if (atomic_load(value) >= want)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}
