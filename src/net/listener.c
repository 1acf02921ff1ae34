/* The listening socket of one shard: accepts, enforces the limits of connections, survives the lack of
 * descriptors. Loop thread; made by server.c, hands what it accepts to conn.c. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "net/count.h"
#include "net/server_private.h"

enum {
    ACCEPTS_A_TURN = 64,      /* then others get the loop */
    BACKLOG = 4096,           /* the kernel caps it at net.core.somaxconn */
    PAUSE_US = 100 * 1000,    /* without descriptors, accepting rests this long */
    RCVBUF_BYTES = 64 * 1024, /* bounds what a stalled loop can pile up in the kernel */
    SNDBUF_BYTES = 128 * 1024,
    NOTSENT_LOWAT_BYTES = 16 * 1024, /* more would sit in the kernel where barge-in cannot drop it */
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 15,
    KEEPALIVE_COUNT = 4,
};

struct listener {
    struct vg_server *server;
    struct ev_io io;
    int fd;                   /* -1 once stopped */
    int reserve_fd;           /* given up to accept and refuse one when descriptors ran out; -1: none */
    struct vg_timer *resume;  /* ends the pause */
    struct vg_map *half_open; /* printed neighbourhood -> count */
};

/* Accepted sockets inherit these on Linux, so that an accept costs one system call. */
static void set_options(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_RCVBUF, RCVBUF_BYTES},
        {SOL_SOCKET, SO_SNDBUF, SNDBUF_BYTES},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES},
    };
    for (size_t i = 0; i < VG_COUNT_OF(options); i++) {
        int value = options[i].value;
        (void)setsockopt(fd, options[i].level, options[i].name, &value, sizeof value);
    }
}

static int try_bind(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) /* "::" takes IPv4 as well */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    set_options(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) ||
        bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG)) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static int open_socket(const struct vg_server_config *config)
{
    char port[16];
    snprintf(port, sizeof port, "%d", config->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(config->host && *config->host ? config->host : NULL, port, &hints, &list);
    if (failed) {
        vg_log_error("net.listen_failed", "host=%s reason=%s", config->host, gai_strerror(failed));
        return VG_EINVAL;
    }
    int fd = -1;
    for (const struct addrinfo *i = list; i && fd < 0; i = i->ai_next)
        fd = try_bind(i);
    int err = errno;
    freeaddrinfo(list);
    if (fd < 0) {
        vg_log_error("net.listen_failed", "host=%s port=%d reason=%s", config->host, config->port,
                     strerror(err));
        return VG_EIO;
    }
    return fd;
}

static int adopt_socket(int inherited)
{
    int fd = fcntl(inherited, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return VG_EIO;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    set_options(fd);
    return fd;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } a;
    socklen_t size = sizeof a;
    if (getsockname(fd, &a.any, &size))
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* --- half-open connections of an address -----------------------------------------------------------------
 */

static void half_open_key(const struct address *peer, char out[ADDRESS_SIZE])
{
    struct address a = *peer;
    address_to_neighbourhood(&a);
    address_print(&a, out);
}

/* Counts one more; false if the address has its share already. */
static bool half_open_enter(struct listener *l, const struct address *peer)
{
    unsigned max = l->server->config.half_open_max_per_ip;
    char key[ADDRESS_SIZE];
    half_open_key(peer, key);
    uintptr_t count = (uintptr_t)vg_map_get(l->half_open, key);
    if (max && count >= max)
        return false;
    return vg_map_put(l->half_open, key, (void *)(count + 1)) == 0;
}

void listener_half_open_done(struct vg_server *s, const struct address *peer)
{
    struct listener *l = s->listener;
    char key[ADDRESS_SIZE];
    half_open_key(peer, key);
    uintptr_t count = (uintptr_t)vg_map_get(l->half_open, key);
    if (count <= 1)
        (void)vg_map_remove(l->half_open, key);
    else
        (void)!vg_map_put(l->half_open, key, (void *)(count - 1)); /* replaces: needs no memory */
}

void listener_connection_closed(struct vg_server *s)
{
    s->connections--;
    net_count_connection("closed");
    net_gauge_connections(-1);
}

/* --- accepting -------------------------------------------------------------------------------------------
 */

static void take(struct listener *l, int fd)
{
    struct vg_server *s = l->server;
    if (s->config.connections_max && s->connections >= s->config.connections_max) {
        close(fd);
        net_count_connection("refused_limit");
        return;
    }
    struct address peer;
    address_of_peer(&peer, fd);
    /* Everybody's connections come from the proxy's address. */
    bool count = !address_set_has(s->trusted, &peer);
    if (count && !half_open_enter(l, &peer)) {
        close(fd);
        net_count_connection("refused_half_open");
        return;
    }
    s->connections++;
    net_count_connection("accepted");
    net_gauge_connections(1);
    conn_new(s, fd, &peer, count);
}

/* Without a free descriptor the connection would stay in the queue and wake the loop for ever: it is accepted
 * with the reserve and closed, then accepting rests a little. */
static void out_of_descriptors(struct listener *l)
{
    if (l->reserve_fd >= 0) {
        close(l->reserve_fd);
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    net_count_connection("refused_limit");
    vg_log_warn("net.out_of_descriptors", "connections=%u pause_ms=%d", l->server->connections,
                PAUSE_US / VG_US_PER_MS);
    ev_io_stop(loop_ev(l->server->loop), &l->io);
    vg_timer_start(l->resume, PAUSE_US, 0);
}

static void on_resume(void *arg)
{
    struct listener *l = arg;
    if (l->reserve_fd < 0)
        l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (l->fd >= 0)
        ev_io_start(loop_ev(l->server->loop), &l->io);
}

static void on_connections(struct ev_loop *ev, struct ev_io *w, int events)
{
    (void)ev;
    (void)events;
    struct listener *l = w->data;
    for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(l, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            out_of_descriptors(l);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } /* else the connection died in the queue; the next one may be well */
    }
}

int listener_new(struct listener **out, struct vg_server *s)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return VG_ENOMEM;
    l->server = s;
    l->fd = s->config.listen_fd >= 0 ? adopt_socket(s->config.listen_fd) : open_socket(&s->config);
    l->reserve_fd = -1;
    if (l->fd < 0) {
        int err = l->fd;
        free(l);
        return err;
    }
    ev_io_init(&l->io, on_connections, l->fd, EV_READ);
    l->io.data = l;
    l->half_open = vg_map_new();
    l->resume = vg_timer_new(s->loop, on_resume, l);
    if (!l->half_open || !l->resume) {
        listener_free(l);
        return VG_ENOMEM;
    }
    l->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    s->port = port_of(l->fd);
    ev_io_start(loop_ev(s->loop), &l->io);
    *out = l;
    return 0;
}

void listener_stop(struct listener *l)
{
    if (l->fd < 0)
        return;
    ev_io_stop(loop_ev(l->server->loop), &l->io);
    if (l->resume)
        vg_timer_stop(l->resume);
    close(l->fd);
    l->fd = -1;
}

struct listener *listener_free(struct listener *l)
{
    if (!l)
        return NULL;
    listener_stop(l);
    if (l->reserve_fd >= 0)
        close(l->reserve_fd);
    vg_timer_free(l->resume);
    vg_map_free(l->half_open);
    free(l);
    return NULL;
}
