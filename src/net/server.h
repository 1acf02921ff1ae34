/* The server of one shard: one libwebsockets context on the shard's loop with its own SO_REUSEPORT listener.
 * REST, WebSocket and static files share the port. Loop thread, or before the loop runs. */
#ifndef VG_NET_SERVER_H
#define VG_NET_SERVER_H

#include "net/http.h"

struct vg_server;

struct vg_server_config {
    const char *host; /* address to bind; "0.0.0.0", "::", "127.0.0.1" */
    int port;         /* 0: any free port, see vg_server_port() */
    int listen_fd;    /* an inherited listening socket, -1: bind one */
    const char *tls_cert_file, *tls_key_file; /* both or none */
    size_t body_bytes_max;         /* 413 beyond; routes may allow less */
    size_t ws_queue_bytes_max;     /* per connection */
    unsigned connections_max;      /* accepted beyond this: closed at once and counted */
    unsigned half_open_max_per_ip; /* connections of one address that have not sent a whole request yet */
    int64_t header_timeout_us;     /* a request must be complete within this time; 408 */
    int64_t idle_timeout_us;       /* keep-alive */
    const char *cors_origins;      /* comma-separated, "*", or "" for none */
    const char *trusted_proxies;   /* comma-separated CIDR blocks */
    int64_t ws_ping_interval_us;   /* a silent WebSocket is pinged after this; 0: 30 s */
    int64_t ws_pong_timeout_us;    /* and dropped when nothing came for this; 0: 60 s */
};

struct vg_server_handlers {
    /* A whole request has come. The handler replies now or later. */
    void (*request)(void *arg, struct vg_http_request *r);
    /* A WebSocket upgrade is asked for. To accept: fill `accept` and return 0 (`r` dies on return). To refuse:
     * vg_http_reply(r, ..) and return VG_EFORBIDDEN. Must decide at once. */
    int (*upgrade)(void *arg, struct vg_http_request *r, struct vg_ws_accept *accept);
    /* Bytes of the body that this route takes, asked when the headers are in; 0: the server's bound. */
    size_t (*body_limit)(void *arg, const char *method, const char *path);
    void *arg;
};

/* `config` and its strings are borrowed until return; `handlers` is copied. Zero values get defaults (1 MiB of
 * body and of queue, 10 s, 75 s). Errors: VG_EINVAL (host, certificate), VG_EPARSE (proxies), VG_EIO, VG_ENOMEM. */
int vg_server_new(struct vg_server **out, struct vg_loop *loop, const struct vg_server_config *config,
                  const struct vg_server_handlers *handlers) VG_MUST_CHECK;
int vg_server_port(const struct vg_server *s);
/* Stops accepting; what is open goes on. */
void vg_server_stop_accepting(struct vg_server *s);
unsigned vg_server_connections(const struct vg_server *s);
/* Closes everything that is left, without farewell; open WebSockets get `closed`, requests that a handler still has
 * may be replied to later (into the void). Not from inside a handler or event. */
struct vg_server *vg_server_free(struct vg_server *s);

#endif
