/* The server's view of one HTTP request and one WebSocket: what edges program against. libwebsockets stays
 * behind this header. Everything here runs on the loop thread that accepted the connection, unless said
 * otherwise. */
#ifndef VG_NET_HTTP_H
#define VG_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

struct vg_loop;
struct vg_http_request; /* lives until it is replied to, also if the client is gone meanwhile */
struct vg_ws;           /* lives until its closed event returned */

struct vg_http_header {
    const char *name;
    const char *value;
};

enum { VG_HTTP_HEADERS_MAX = 12 };

/* Borrowed until vg_http_reply returns. */
struct vg_http_response {
    int status;
    const char *content_type; /* NULL: application/json */
    const void *body;
    size_t body_bytes;
    struct vg_http_header headers[VG_HTTP_HEADERS_MAX]; /* until a NULL name */
};

/* --- reading a request; all strings live as long as the request ------------------------------------------ */
const char *vg_http_method(const struct vg_http_request *r); /* "GET" */
const char *vg_http_path(const struct vg_http_request *r);   /* decoded, without the query */
/* Value of a query parameter, percent-decoded; NULL if absent. */
const char *vg_http_query(struct vg_http_request *r, const char *name);
/* Value of a header, by its lower-case name; NULL if absent. Any header; of one that came in several lines the
 * lists (accept, if-none-match, sec-websocket-protocol, x-forwarded-for) are joined, else it is the first. */
const char *vg_http_header(struct vg_http_request *r, const char *name);
const char *vg_http_body(const struct vg_http_request *r, size_t *bytes); /* NUL-terminated */
/* Address of the client: the peer's, or X-Forwarded-For's where the peer is a trusted proxy. */
const char *vg_http_remote(const struct vg_http_request *r);
/* The X-Request-Id of the client if well-formed, else a new one; echoed by every reply. */
const char *vg_http_request_id(const struct vg_http_request *r);
int64_t vg_http_arrival_us(const struct vg_http_request *r);
struct vg_loop *vg_http_loop(const struct vg_http_request *r); /* any thread */
bool vg_http_is_tls(const struct vg_http_request *r);
/* One pointer of the edge's own (for example the identity), NULL at first. */
void vg_http_set_context(struct vg_http_request *r, void *context);
void *vg_http_context(const struct vg_http_request *r);

/* Answers, once, and ends the life of `r`. Headers and body leave in one write; request id and CORS headers
 * are added. If the client is gone the reply is dropped. */
void vg_http_reply(struct vg_http_request *r, const struct vg_http_response *response);

/* A file that is part of the program, for example of the console. */
struct vg_http_asset {
    const char *content_type;
    const void *data;
    size_t bytes;
};
/* Replies with it, or with 304 to a client that has it already (by ETag). */
void vg_http_reply_asset(struct vg_http_request *r, const struct vg_http_asset *asset);

/* --- WebSocket ------------------------------------------------------------------------------------------ */
struct vg_ws_events {
    /* The upgrade is done; messages may be sent. */
    void (*opened)(void *arg, struct vg_ws *ws);
    /* A fragment of a message, borrowed; `first` and `final` frame the message. */
    void (*fragment)(void *arg, const uint8_t *data, size_t bytes, bool first, bool final, bool binary);
    /* What was queued is written down to the low mark; optional. */
    void (*drained)(void *arg);
    /* The last event; `code` is the peer's close code, ours if the peer answered vg_ws_close(), 1005 if the peer
     * gave none, 1006 if the connection was lost. Comes without `opened` if the handshake failed. */
    void (*closed)(void *arg, int code);
};

/* What an upgrade handler decides. */
struct vg_ws_accept {
    const struct vg_ws_events *events; /* kept until closed */
    void *arg;
    size_t queue_bytes_max; /* send queue bound; 0: the server's default */
};

/* Queues one message (copied) and writes it at once when nothing else waits. Errors: VG_EFULL (the peer reads
 * too slowly; nothing was queued), VG_ECLOSED. */
int vg_ws_send(struct vg_ws *ws, const void *data, size_t bytes, bool binary) VG_MUST_CHECK;
/* Bytes accepted by vg_ws_send that the kernel has not taken. */
size_t vg_ws_queued_bytes(const struct vg_ws *ws);
/* Stops (true) or resumes reading: the peer is held by TCP. */
void vg_ws_hold_reading(struct vg_ws *ws, bool hold);
/* Sends what is queued, then the close frame; `closed` follows within 2 s whatever the peer does. No fragment is
 * delivered any more. */
void vg_ws_close(struct vg_ws *ws, int code, const char *reason);
struct vg_loop *vg_ws_loop(const struct vg_ws *ws);

#endif
