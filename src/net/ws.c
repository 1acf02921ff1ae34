/* WebSockets by libwebsockets. The server has read and judged the upgrade request already; a minimal one,
 * which cannot fail, is handed to libwebsockets with the descriptor, so that it does the handshake's answer,
 * frames, control frames and the close handshake. Reading a request by libwebsockets 4.1.6 itself is not an
 * option: it ends a connection without an answer when the list of subprotocols has more than 127 bytes, as
 * with a token in it, and answers bad requests in HTML or not at all.
 *
 * One lws context a server, on the loop's libev loop, one protocol. No lws timers: ws_host_sweep() pings,
 * finds dead peers and ends slow closes. Loop thread. */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/count.h"
#include "net/server_private.h"

#define PROTOCOL "voxgate.v1"

enum {
    /* One read takes a quarter of a second of JSON audio (10.7 kB); larger messages come in fragments of this
     * size. lws reads into a buffer of the thread: what it allocates of this for a connection stays untouched. */
    RX_BUFFER_BYTES = 16 * 1024,
    SERVICE_BUFFER_BYTES = 16 * 1024,
    TX_AT_ONCE_BYTES = 256 * 1024, /* lws splits writes by this, by 4 kB if left alone */
    SCRATCH_MESSAGE_BYTES = 64 * 1024,
    CLOSE_CAP_US = 1500 * 1000,             /* with the sweep's period at most 2 s */
    CLOSE_DROP_BYTES_MAX = 4 * 1024 * 1024, /* of what comes meanwhile */
    PING_INTERVAL_US = 30 * 1000 * 1000,
    PONG_TIMEOUT_US = 60 * 1000 * 1000,
    CLOSE_REASON_BYTES_MAX = 123,
    KEY_BYTES = 24, /* base64 of 16 bytes */
};

struct ws_message {
    struct ws_message *next;
    size_t bytes;
    bool binary;
    uint8_t data[]; /* LWS_PRE bytes of room, then the message */
};

struct vg_ws {
    struct ws_host *host;
    struct vg_ws *next, *prev;
    struct lws *wsi; /* borrowed; NULL before and after it lives */
    const struct vg_ws_events *events;
    void *arg;
    struct ws_message *first, **last; /* owned queue */
    size_t queued_bytes;              /* in the queue */
    size_t in_flight_bytes;           /* lws has them, the kernel may not */
    size_t queue_bytes_max;
    bool was_queued; /* `drained` is owed */
    bool opened, held, broken;
    bool ping_due;
    bool closing;         /* vg_ws_close was called */
    bool close_sent;      /* the close frame was handed to lws */
    size_t dropped_bytes; /* that came since then */
    int close_code;       /* ours */
    int peer_code;        /* the peer's, 1006 until it sends one */
    int64_t close_by_us;  /* the sweep ends it then; INT64_MAX: never */
    int64_t heard_us;     /* when bytes of the peer came last */
    int64_t pinged_us;    /* the last ping, 0: none */
    char close_reason[CLOSE_REASON_BYTES_MAX + 1];
};

/* What lws allocates for each of its connections. */
struct session {
    struct vg_ws *ws;
};

struct ws_host {
    struct vg_server *server;
    struct lws_context *context; /* owned */
    struct lws_vhost *vhost;     /* the context's */
    struct vg_ws *all;
    struct vg_ws *adopting; /* set while lws does the handshake of this one */
    uint8_t *scratch;       /* owned: LWS_PRE and a message */
};

/* --- sending ---------------------------------------------------------------------------------------------
 */

static void drop_queue(struct vg_ws *ws)
{
    while (ws->first) {
        struct ws_message *m = ws->first;
        ws->first = m->next;
        free(m);
    }
    ws->last = &ws->first;
    ws->queued_bytes = 0;
}

/* lws may be on the stack: it ends the connection when that is gone. */
static void break_off(struct vg_ws *ws)
{
    ws->broken = true;
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

/* `data` has LWS_PRE bytes of room before it. */
static int write_frame(struct vg_ws *ws, uint8_t *data, size_t bytes, bool binary)
{
    int n = lws_write(ws->wsi, data, bytes, binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    if (n < 0) {
        break_off(ws);
        return VG_ECLOSED;
    }
    ws->in_flight_bytes = lws_partial_buffered(ws->wsi) ? bytes : 0;
    return 0;
}

static struct ws_message *message_new(const void *data, size_t bytes, bool binary)
{
    struct ws_message *m = malloc(sizeof *m + LWS_PRE + bytes);
    if (!m)
        return NULL;
    *m = (struct ws_message){.bytes = bytes, .binary = binary};
    if (bytes)
        memcpy(m->data + LWS_PRE, data, bytes);
    return m;
}

/* Whether the kernel has room is not asked for: that is a system call, and lws keeps what does not fit. */
static bool may_write_now(struct vg_ws *ws)
{
    return !ws->first && !lws_partial_buffered(ws->wsi);
}

int vg_ws_send(struct vg_ws *ws, const void *data, size_t bytes, bool binary)
{
    loop_assert_here(ws->host->server->loop);
    if (!ws->wsi || ws->closing || ws->broken)
        return VG_ECLOSED;
    if (bytes > ws->queue_bytes_max || vg_ws_queued_bytes(ws) > ws->queue_bytes_max - bytes) {
        net_count_ws("queue_full");
        return VG_EFULL;
    }
    if (bytes <= SCRATCH_MESSAGE_BYTES && may_write_now(ws)) {
        if (bytes)
            memcpy(ws->host->scratch + LWS_PRE, data, bytes);
        return write_frame(ws, ws->host->scratch + LWS_PRE, bytes, binary);
    }
    struct ws_message *m = message_new(data, bytes, binary);
    if (!m)
        return VG_ENOMEM;
    *ws->last = m;
    ws->last = &m->next;
    ws->queued_bytes += bytes;
    ws->was_queued = true;
    lws_callback_on_writable(ws->wsi);
    return 0;
}

size_t vg_ws_queued_bytes(const struct vg_ws *ws)
{
    return ws->queued_bytes + ws->in_flight_bytes;
}

static void set_held(struct vg_ws *ws, bool hold)
{
    ws->held = hold;
    ws->heard_us = vg_loop_now_us(ws->host->server->loop);
    ws->pinged_us = 0; /* its answer could not be read meanwhile */
    lws_rx_flow_control(ws->wsi, hold ? 0 : 1);
}

void vg_ws_hold_reading(struct vg_ws *ws, bool hold)
{
    loop_assert_here(ws->host->server->loop);
    if (!ws->wsi || ws->closing || ws->held == hold)
        return;
    set_held(ws, hold);
}

void vg_ws_close(struct vg_ws *ws, int code, const char *reason)
{
    loop_assert_here(ws->host->server->loop);
    if (!ws->wsi || ws->closing)
        return;
    /* What the peer still sends is read and dropped: its answer is behind it, and a socket that is closed
     * with bytes unread resets the connection, so that the peer may lose the close frame and what was before
     * it. */
    if (ws->held)
        set_held(ws, false);
    ws->closing = true;
    ws->close_code = code;
    strncpy(ws->close_reason, reason ? reason : "", CLOSE_REASON_BYTES_MAX);
    ws->close_by_us = vg_loop_now_us(ws->host->server->loop) + CLOSE_CAP_US;
    lws_callback_on_writable(ws->wsi);
}

struct vg_loop *vg_ws_loop(const struct vg_ws *ws)
{
    return ws->host->server->loop;
}

/* --- what lws tells --------------------------------------------------------------------------------------
 */

/* Writes one thing: a ping that is due, else the oldest message, else the close. -1 ends the connection. */
static int on_writable(struct vg_ws *ws)
{
    if (ws->broken)
        return -1;
    if (ws->close_sent) /* a second -1 would end it before the peer's close has come */
        return 0;
    ws->in_flight_bytes = 0;
    if (ws->ping_due) {
        ws->ping_due = false;
        uint8_t ping[LWS_PRE + 1] = {[LWS_PRE] = 'v'}; /* lws tells of no pong without a payload */
        if (lws_write(ws->wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0)
            return -1;
    } else if (ws->first) {
        struct ws_message *m = ws->first;
        ws->first = m->next;
        if (!ws->first)
            ws->last = &ws->first;
        ws->queued_bytes -= m->bytes;
        int err = write_frame(ws, m->data + LWS_PRE, m->bytes, m->binary);
        free(m);
        if (err < 0)
            return -1;
    } else if (ws->closing) {
        ws->close_sent = true;
        lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code, (unsigned char *)ws->close_reason,
                         strlen(ws->close_reason));
        return -1;
    }
    if (ws->first || ws->closing || ws->ping_due)
        lws_callback_on_writable(ws->wsi);
    if (ws->was_queued && ws->queued_bytes <= ws->queue_bytes_max / 4) {
        ws->was_queued = false;
        if (ws->events->drained && !ws->closing)
            ws->events->drained(ws->arg);
    }
    return 0;
}

static void unlink_ws(struct vg_ws *ws)
{
    if (ws->prev)
        ws->prev->next = ws->next;
    else
        ws->host->all = ws->next;
    if (ws->next)
        ws->next->prev = ws->prev;
}

/* The last event of a WebSocket, then its end. */
static void finish(struct vg_ws *ws)
{
    ws->wsi = NULL;
    struct vg_server *s = ws->host->server;
    if (ws->opened)
        net_count_ws("closed");
    int code = ws->close_sent && ws->peer_code == 1006 ? ws->close_code : ws->peer_code;
    if (ws->events->closed)
        ws->events->closed(ws->arg, code);
    unlink_ws(ws);
    drop_queue(ws);
    free(ws);
    listener_connection_closed(s);
}

static int code_of_peer(const uint8_t *payload, size_t bytes)
{
    return bytes >= 2 ? payload[0] << 8 | payload[1] : 1005; /* 1005: a close frame without a code */
}

/* A peer that is being closed and does not stop sending has had its time. */
static void drop_fragment(struct vg_ws *ws, size_t bytes)
{
    ws->dropped_bytes += bytes;
    if (ws->dropped_bytes > CLOSE_DROP_BYTES_MAX && !ws->broken)
        break_off(ws);
}

static void on_fragment(struct vg_ws *ws, struct lws *wsi, const uint8_t *data, size_t bytes)
{
    ws->heard_us = vg_loop_now_us(ws->host->server->loop);
    vg_loop_count_message(ws->host->server->loop);
    if (ws->closing) {
        drop_fragment(ws, bytes);
        return;
    }
    ws->events->fragment(ws->arg, data, bytes, lws_is_first_fragment(wsi) != 0,
                         lws_is_final_fragment(wsi) != 0, lws_frame_is_binary(wsi) != 0);
}

static int on_established(struct ws_host *h, struct session *session, struct lws *wsi)
{
    struct vg_ws *ws = h->adopting;
    if (!ws || !session)
        return -1;
    h->adopting = NULL;
    session->ws = ws;
    ws->wsi = wsi;
    ws->opened = true;
    net_count_ws("opened");
    if (ws->events->opened)
        ws->events->opened(ws->arg, ws);
    return ws->broken ? -1 : 0;
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes)
{
    struct session *session = user;
    struct vg_ws *ws = session ? session->ws : NULL;
    switch ((int)reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(lws_context_user(lws_get_context(wsi)), session, wsi);
    case LWS_CALLBACK_RECEIVE:
        if (ws)
            on_fragment(ws, wsi, in, bytes);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (ws)
            ws->heard_us = vg_loop_now_us(ws->host->server->loop);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return ws ? on_writable(ws) : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (ws)
            ws->peer_code = code_of_peer(in, bytes);
        return 0;
    case LWS_CALLBACK_CLOSED:
        if (ws) {
            session->ws = NULL;
            finish(ws);
        }
        return 0;
    default: return 0;
    }
}

/* --- the handshake ---------------------------------------------------------------------------------------
 */

static bool is_key(const char *key)
{
    return key && strlen(key) == KEY_BYTES && key[22] == '=' && key[23] == '=' &&
           strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22;
}

struct http_fault ws_handshake_fault(struct vg_http_request *r)
{
    const char *version = vg_http_header(r, "sec-websocket-version");
    const char *offered = vg_http_header(r, "sec-websocket-protocol");
    if (!version || strcmp(version, "13"))
        return (struct http_fault){426, "Only version 13 of the WebSocket protocol is spoken here."};
    if (!is_key(vg_http_header(r, "sec-websocket-key")))
        return (struct http_fault){400, "Sec-WebSocket-Key is missing or malformed."};
    if (offered && !http_list_has(offered, PROTOCOL))
        return (struct http_fault){400, "None of the subprotocols is known; offer " PROTOCOL " or none."};
    return (struct http_fault){0, NULL};
}

/* The request that lws gets to see, followed by what the client has sent after its own. */
static void write_request(struct vg_buf *out, struct vg_http_request *r, const char *in, size_t in_bytes)
{
    vg_buf_printf(out,
                  "GET / HTTP/1.1\r\nHost: voxgate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
                  vg_http_header(r, "sec-websocket-key"));
    if (vg_http_header(r, "sec-websocket-protocol"))
        vg_buf_puts(out, "Sec-WebSocket-Protocol: " PROTOCOL "\r\n");
    vg_buf_puts(out, "\r\n");
    if (in_bytes)
        vg_buf_add(out, in, in_bytes);
}

static struct vg_ws *ws_new(struct ws_host *h, const struct vg_ws_accept *accept)
{
    struct vg_ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return NULL;
    ws->host = h;
    ws->events = accept->events;
    ws->arg = accept->arg;
    ws->last = &ws->first;
    ws->queue_bytes_max =
        accept->queue_bytes_max ? accept->queue_bytes_max : h->server->config.ws_queue_bytes_max;
    ws->peer_code = 1006;
    ws->close_by_us = INT64_MAX;
    ws->heard_us = vg_loop_now_us(h->server->loop);
    ws->next = h->all;
    if (ws->next)
        ws->next->prev = ws;
    h->all = ws;
    return ws;
}

void ws_accept(struct vg_http_request *r, const struct vg_ws_accept *accept)
{
    struct vg_server *s = r->server;
    struct ws_host *h = s->ws;
    int fd;
    struct tls_stream *tls;
    char *in;
    size_t in_bytes;
    conn_detach(r->conn, &fd, &tls, &in, &in_bytes);
    struct vg_buf request = VG_BUF_INIT;
    write_request(&request, r, in, in_bytes);
    free(in);
    struct vg_ws *ws = ws_new(h, accept);
    if (tls && relay_new(s, fd, tls, &fd) < 0)
        fd = -1; /* the relay has closed it */
    if (!ws || request.failed || fd < 0) {
        if (fd >= 0)
            close(fd);
        vg_buf_free(&request);
        if (ws) {
            finish(ws);
            return;
        }
        if (accept->events->closed)
            accept->events->closed(accept->arg, 1006);
        listener_connection_closed(s);
        return;
    }
    h->adopting = ws;
    struct lws *wsi = lws_adopt_socket_vhost_readbuf(h->vhost, fd, request.data, request.len);
    vg_buf_free(&request);
    if (h->adopting == ws) { /* the handshake's answer could not be sent, or memory is short */
        h->adopting = NULL;
        finish(ws);
    } else if (wsi && in_bytes) {
        lws_callback_on_writable(wsi); /* frames that came with the request are read in that turn */
    }
}

/* --- time ------------------------------------------------------------------------------------------------
 */

/* With any other reason lws would first try to send what it has buffered, for 5 s. */
static void kill_now(struct vg_ws *ws)
{
    lws_close_free_wsi(ws->wsi, LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY, "vg");
}

static void sweep(struct vg_ws *ws, int64_t now_us)
{
    const struct vg_server_config *config = &ws->host->server->config;
    int64_t interval_us = config->ws_ping_interval_us ? config->ws_ping_interval_us : PING_INTERVAL_US;
    int64_t timeout_us = config->ws_pong_timeout_us ? config->ws_pong_timeout_us : PONG_TIMEOUT_US;
    if (now_us >= ws->close_by_us) {
        ws->close_sent = false; /* it was not answered */
        kill_now(ws);
        return;
    }
    if (ws->closing || ws->held)
        return;
    if (ws->pinged_us && ws->heard_us < ws->pinged_us && now_us - ws->heard_us >= timeout_us) {
        net_count_ws("ping_timeout");
        kill_now(ws);
    } else if (now_us - (ws->pinged_us > ws->heard_us ? ws->pinged_us : ws->heard_us) >= interval_us) {
        ws->pinged_us = now_us;
        ws->ping_due = true;
        lws_callback_on_writable(ws->wsi);
    }
}

void ws_host_sweep(struct ws_host *h, int64_t now_us)
{
    for (struct vg_ws *ws = h->all, *next; ws; ws = next) {
        next = ws->next;
        if (ws->wsi)
            sweep(ws, now_us);
    }
}

/* --- the host --------------------------------------------------------------------------------------------
 */

/* lws calls the adoption of a descriptor with bytes an error in its log. */
static void on_lws_log(int level, const char *line)
{
    if (strstr(line, "calling service"))
        return;
    vg_log(level & LLL_ERR ? VG_LOG_ERROR : VG_LOG_WARN, "net.lws", "line=%s", line);
}

static const struct lws_protocols PROTOCOLS[] = {
    {.name = PROTOCOL,
     .callback = on_lws,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = RX_BUFFER_BYTES,
     .tx_packet_size = TX_AT_ONCE_BYTES},
    {.name = NULL},
};

int ws_host_new(struct ws_host **out, struct vg_server *s)
{
    static const lws_retry_bo_t no_validity_timers; /* all zero: neither pings nor hang-ups by lws */
    struct ws_host *h = calloc(1, sizeof *h);
    if (!h)
        return VG_ENOMEM;
    h->server = s;
    h->scratch = malloc(LWS_PRE + SCRATCH_MESSAGE_BYTES);
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    void *loops[1] = {loop_ev(s->loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = PROTOCOLS,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .retry_and_idle_policy = &no_validity_timers,
        .pt_serv_buf_size = SERVICE_BUFFER_BYTES,
        .gid = -1,
        .uid = -1,
        .user = h,
    };
    h->context = h->scratch ? lws_create_context(&info) : NULL;
    if (h->context) {
        info.options = 0;
        h->vhost = lws_create_vhost(h->context, &info);
    }
    if (!h->vhost) {
        ws_host_free(h);
        return VG_EIO;
    }
    *out = h;
    return 0;
}

struct ws_host *ws_host_free(struct ws_host *h)
{
    if (!h)
        return NULL;
    while (h->all && h->all->wsi)
        kill_now(h->all);
    if (h->context)
        lws_context_destroy(h->context);
    free(h->scratch);
    free(h);
    return NULL;
}
