/* The structs that the files of the server share. One server, its connections and its requests belong to one
 * loop thread; nothing here is locked.
 *
 *   listener.c    accepts, refuses, hands descriptors to   conn.c          a connection from accept to close
 *   conn_bytes.c  what it reads and writes                 conn_request.c  makes requests, calls the handlers
 *   request.c     what handlers ask of a request           reply.c         writes answers, makes errors
 *   ws.c          WebSockets, by libwebsockets             relay.c         TLS of a WebSocket
 *   server.c      begins and ends all, and the one sweep timer that finds what is late */
#ifndef VG_NET_SERVER_PRIVATE_H
#define VG_NET_SERVER_PRIVATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/address.h"
#include "net/http_parse.h"
#include "net/loop_ev.h"
#include "net/server.h"

struct cors;
struct listener;
struct tls;        /* certificate and settings */
struct tls_stream; /* one connection */
struct ws_host;
struct relay;

enum {
    SCRATCH_BYTES = 64 * 1024,
    REQUEST_ID_BYTES_MAX = 64,
    REQUEST_QUERY_MAX = 64, /* parameters beyond are not seen */
    LINGER_US = 1000 * 1000,
    WRITE_STALL_US = 30 * 1000 * 1000,
};

struct vg_server {
    struct vg_loop *loop; /* borrowed */
    struct vg_server_config config;
    struct vg_server_handlers handlers;
    struct cors *cors;                /* owned */
    struct address_set *trusted;      /* owned */
    struct listener *listener;        /* owned */
    struct tls *tls;                  /* owned; NULL: plain */
    struct ws_host *ws;               /* owned */
    struct vg_timer *sweep;           /* owned */
    struct conn *conns;               /* all connections that speak HTTP */
    struct relay *relays;             /* all WebSockets under TLS */
    struct vg_http_request *requests; /* all that live, also without a connection */
    unsigned connections;             /* open sockets of clients */
    int port;
    uint8_t *scratch; /* owned, SCRATCH_BYTES: read and write room within one callback */
};

/* What a connection does now. */
enum conn_state {
    CONN_HEAD,    /* reads a request's head, or waits for one */
    CONN_BODY,    /* reads its body */
    CONN_HANDLER, /* the handler has the request; nothing is read */
    CONN_LINGER, /* the last answer is out; drops what still comes so that the peer gets to read the answer */
};

struct conn {
    struct vg_server *server;
    struct conn *next, *prev;
    struct ev_io io;
    int fd;
    struct tls_stream *tls; /* owned; NULL: plain */
    enum conn_state state;
    struct address peer;
    char *in; /* owned: bytes read and not used; NULL when empty */
    size_t in_bytes, in_used, in_seen;
    bool in_borrowed; /* `in` is the server's scratch, during process() alone */
    char *out;        /* owned: bytes of answers that the kernel has not taken; NULL when empty */
    size_t out_bytes, out_done;
    struct vg_http_request *request; /* being read or handled; NULL between requests */
    int64_t deadline_us;             /* the sweep ends the connection then; INT64_MAX: never */
    bool started;                    /* a request has begun to come (or the first one is awaited) */
    bool answering;                  /* an answer is on its way out */
    bool half_open;                  /* no whole request has come yet, counted against the address */
    bool processing;                 /* conn_process is on the stack */
    bool close_after;                /* the present answer is the last */
    bool eof;                        /* the peer will send no more */
    bool dead;                       /* to be freed by whoever is on the stack */
};

struct request_parameter {
    const char *name, *value;
};

struct vg_http_request {
    struct vg_server *server; /* NULL once the server is gone */
    struct vg_loop *loop;     /* RO: any thread */
    struct conn *conn;        /* NULL once the client is gone */
    struct vg_http_request *next, *prev;
    struct http_head head; /* points into `text` */
    char *text;            /* owned */
    char *body;            /* owned, NUL-terminated; NULL without one */
    size_t body_bytes, body_have;
    bool is_head; /* a HEAD request, shown as GET */
    bool is_tls;
    bool keep_alive;
    bool replied;
    bool upgrading;
    int64_t arrival_us;
    void *context;
    char remote[ADDRESS_SIZE];
    char id[REQUEST_ID_BYTES_MAX + 1];
    char *joined; /* owned: headers that came in several lines, joined */
    char *query_text;
    struct request_parameter query[REQUEST_QUERY_MAX];
    unsigned query_count;
    bool query_parsed;
};

/* --- request.c -------------------------------------------------------------------------------------------
 */
/* Makes a request of a parsed head; takes `text`. NULL without memory (text is freed). */
struct vg_http_request *request_new(struct conn *c, char *text, const struct http_head *head);
void request_free(struct vg_http_request *r);

/* --- reply.c ---------------------------------------------------------------------------------------------
 */
/* Answers with the contract's error shape. Ends the life of `r`. */
void reply_error(struct vg_http_request *r, int status, const char *message);
/* The same where there is no request yet (a head that did not parse). The connection is closed after it. */
void reply_fault(struct conn *c, int status, const char *message);
/* Answers an OPTIONS request. */
void reply_options(struct vg_http_request *r);

/* --- cors.c ----------------------------------------------------------------------------------------------
 */
int cors_new(struct cors **out, const char *origins) VG_MUST_CHECK;
struct cors *cors_free(struct cors *cors);
/* Appends the headers for an answer to a request with `origin` (NULL: none). */
void cors_add_headers(const struct cors *cors, const char *origin, struct vg_buf *head);
/* Appends those of a preflight answer as well. */
void cors_add_preflight(const struct cors *cors, struct vg_http_request *r, struct vg_buf *head);

/* --- conn.c ----------------------------------------------------------------------------------------------
 */
/* Takes `fd`. */
void conn_new(struct vg_server *s, int fd, const struct address *peer, bool half_open);
/* Sends an answer (copied) and goes on; `close` makes it the last. Called by vg_http_reply. */
void conn_answer(struct conn *c, const char *head, size_t head_bytes, const void *body, size_t body_bytes,
                 bool close);
/* Ends it now; the request, if any, lives on without it. */
void conn_close(struct conn *c);
/* Ends or times out what is late at `now_us`. */
void conn_sweep(struct conn *c, int64_t now_us);
/* Takes descriptor, TLS and unread bytes out of the connection and frees the rest. `in` is given (may be
 * NULL). */
void conn_detach(struct conn *c, int *fd, struct tls_stream **tls, char **in, size_t *in_bytes);

/* --- conn_bytes.c ----------------------------------------------------------------------------------------
 */
/* Tells libev what this connection waits for. */
void conn_watch(struct conn *c);
/* Writes both parts with one system call when nothing waits before them, and queues the rest. 0, VG_ECLOSED
 * or VG_ENOMEM. */
int conn_send(struct conn *c, const void *head, size_t head_bytes, const void *body,
              size_t body_bytes) VG_MUST_CHECK;
/* Writes what is queued; 0 when all is out or the kernel is full, VG_ECLOSED when the peer is gone. */
int conn_flush(struct conn *c) VG_MUST_CHECK;
/* One read; false when there is no more for now. Sets `gone` where it closed the connection. */
bool conn_receive(struct conn *c, bool *gone);
/* What was not used of the input waits in memory of its own. May close the connection for want of it; `c`
 * stays while it is being processed. */
void conn_keep_input(struct conn *c);

/* --- conn_request.c --------------------------------------------------------------------------------------
 */
/* Makes requests of what was read, as far as may be now. May close the connection and free it. */
void conn_process(struct conn *c);

/* --- listener.c ------------------------------------------------------------------------------------------
 */
int listener_new(struct listener **out, struct vg_server *s) VG_MUST_CHECK;
struct listener *listener_free(struct listener *l);
/* Closes the listening socket; the books go on. */
void listener_stop(struct listener *l);
/* Books of half-open connections, kept by the server's listener. */
void listener_half_open_done(struct vg_server *s, const struct address *peer);
/* A connection is gone. */
void listener_connection_closed(struct vg_server *s);

/* --- tls.c -----------------------------------------------------------------------------------------------
 */
int tls_new(struct tls **out, const char *cert_file, const char *key_file) VG_MUST_CHECK;
struct tls *tls_free(struct tls *tls);
struct tls_stream *tls_stream_new(struct tls *tls, int fd);
struct tls_stream *tls_stream_free(struct tls_stream *t);
/* As recv and send on a non-blocking socket: bytes, 0 at the end, VG_EAGAIN or VG_ECLOSED. */
long tls_read(struct tls_stream *t, void *data, size_t bytes);
long tls_write(struct tls_stream *t, const void *data, size_t bytes);
/* True if the last VG_EAGAIN of a read waits for the socket to be writable, and the reverse. */
bool tls_read_wants_write(const struct tls_stream *t);
bool tls_write_wants_read(const struct tls_stream *t);
void tls_shutdown(struct tls_stream *t);

/* --- relay.c ---------------------------------------------------------------------------------------------
 */
/* Carries a TLS connection in plain over a socket pair; takes fd and stream, gives the far end. */
int relay_new(struct vg_server *s, int fd, struct tls_stream *tls, int *plain_fd) VG_MUST_CHECK;
void relay_close(struct relay *relay);

/* --- ws.c ------------------------------------------------------------------------------------------------
 */
int ws_host_new(struct ws_host **out, struct vg_server *s) VG_MUST_CHECK;
struct ws_host *ws_host_free(struct ws_host *h);
/* Turns the connection of `r` into a WebSocket; frees both. On failure the closed event tells the edge. */
void ws_accept(struct vg_http_request *r, const struct vg_ws_accept *accept);
/* Checks the handshake: status 0, or what to refuse it with. */
struct http_fault ws_handshake_fault(struct vg_http_request *r);
/* Pings, finds dead peers, ends closes that take too long. */
void ws_host_sweep(struct ws_host *h, int64_t now_us);

#endif
