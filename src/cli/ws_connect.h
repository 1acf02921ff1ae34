/* The socket below a WebSocket client: what ws_client.c and ws_connect.c share. */
#ifndef VG_CLI_WS_CONNECT_H
#define VG_CLI_WS_CONNECT_H

#include <openssl/ssl.h>
#include <sys/types.h>

#include "base/buf.h"
#include "cli/ws_client.h"

struct ws_client {
    int fd;
    SSL_CTX *tls_context;
    SSL *tls; /* NULL: plain */
    bool tls_wants_write;
    struct vg_buf in, out; /* bytes of frames; from `in_at`, `out_at` on */
    size_t in_at, out_at;
    struct vg_buf message; /* the message that is being put together */
    bool message_taken, message_binary;
    bool closing; /* a close frame was sent */
    bool gone;    /* the connection is over */
    int code;
    char reason[128];
};

enum { WS_IO_AGAIN = -1, WS_IO_FAILED = -2 };

/* Bytes, 0 at the end, WS_IO_AGAIN or WS_IO_FAILED. */
ssize_t ws_io_read(struct ws_client *c, void *data, size_t bytes);
ssize_t ws_io_write(struct ws_client *c, const void *data, size_t bytes);

#endif
