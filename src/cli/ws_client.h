/* A WebSocket client for `voxgate call` (RFC 6455), over one socket, plain or TLS. It owns no loop: the
 * caller polls ws_client_fd() for ws_client_events() and pumps. One thread. src/cli alone. */
#ifndef VG_CLI_WS_CLIENT_H
#define VG_CLI_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { WS_PROBLEM_SIZE = 512 };

struct ws_client_config {
    const char *url;          /* ws://host[:port]/path or wss://... */
    const char *bearer_token; /* sent as Authorization */
    bool insecure;            /* do not verify the server's certificate */
    int timeout_ms;           /* of connecting and the handshake, together */
};

struct ws_client;

/* Connects and shakes hands, blocking. On failure `problem` says why: the server's own message where it sent
 * one. Errors: VG_EINVAL (URL), VG_EIO, VG_ETIMEOUT, VG_EAUTH and VG_EFORBIDDEN (refused), VG_ESTATE (refused
 * otherwise), VG_ENOMEM. */
int ws_client_open(struct ws_client **out, const struct ws_client_config *config,
                   char problem[WS_PROBLEM_SIZE]) VG_MUST_CHECK;
/* Ends the connection without a farewell. NULL is fine. */
struct ws_client *ws_client_free(struct ws_client *c);

int ws_client_fd(const struct ws_client *c);
/* What to poll for: POLLIN, and POLLOUT while something is queued. */
short ws_client_events(const struct ws_client *c);
/* Reads and writes what goes without blocking. VG_ECLOSED once the connection is gone; what was received
 * before can still be taken. */
int ws_client_pump(struct ws_client *c) VG_MUST_CHECK;

/* Queues one message, copied. */
void ws_client_send(struct ws_client *c, bool binary, const void *data, size_t bytes);
size_t ws_client_queued_bytes(const struct ws_client *c);
/* Says goodbye; the server's answer shows as the end of the connection. */
void ws_client_close(struct ws_client *c, uint16_t code);

/* The next whole message, borrowed until the next call; false: none yet. Pings are answered here. */
bool ws_client_next(struct ws_client *c, const uint8_t **data, size_t *bytes, bool *binary);
/* The server's close code: 1005 if it gave none, 1006 if the connection was lost, 0 while it is open. */
int ws_client_close_code(const struct ws_client *c);
const char *ws_client_close_reason(const struct ws_client *c);

#endif
