/* A WebSocket client; see ws_client.h. The socket and its handshake are in ws_connect.c. */
#include "cli/ws_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/ws_connect.h"

enum {
    OP_CONTINUATION = 0,
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
    FRAME_BYTES_MAX = 16 * 1024 * 1024,
    CODE_NONE = 1005,
    CODE_LOST = 1006,
};

/* --- sending ---------------------------------------------------------------------------------------------
 */

static void send_frame(struct ws_client *c, int opcode, const uint8_t *data, size_t bytes)
{
    uint8_t head[14] = {(uint8_t)(0x80 | opcode)}, mask[4];
    size_t n = 2;
    if (bytes < 126) {
        head[1] = (uint8_t)bytes;
    } else if (bytes < 65536) {
        head[1] = 126;
        head[n++] = (uint8_t)(bytes >> 8);
        head[n++] = (uint8_t)bytes;
    } else {
        head[1] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            head[n++] = (uint8_t)((uint64_t)bytes >> shift);
    }
    head[1] |= 0x80; /* clients mask (RFC 6455, section 5.3) */
    vg_random_bytes(mask, sizeof mask);
    memcpy(head + n, mask, sizeof mask);
    vg_buf_add(&c->out, head, n + sizeof mask);
    size_t at = c->out.len;
    vg_buf_add(&c->out, data, bytes);
    for (size_t i = 0; !c->out.failed && i < bytes; i++)
        c->out.data[at + i] = (char)(c->out.data[at + i] ^ mask[i & 3]);
}

void ws_client_send(struct ws_client *c, bool binary, const void *data, size_t bytes)
{
    if (!c->closing && !c->gone)
        send_frame(c, binary ? OP_BINARY : OP_TEXT, data, bytes);
}

void ws_client_close(struct ws_client *c, uint16_t code)
{
    uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (!c->closing && !c->gone)
        send_frame(c, OP_CLOSE, body, sizeof body);
    c->closing = true;
}

size_t ws_client_queued_bytes(const struct ws_client *c)
{
    return c->out.len - c->out_at;
}

/* --- receiving -------------------------------------------------------------------------------------------
 */

static void on_close(struct ws_client *c, const uint8_t *body, size_t bytes)
{
    c->code = bytes >= 2 ? body[0] << 8 | body[1] : CODE_NONE;
    size_t n = bytes > 2 ? bytes - 2 : 0;
    n = n < sizeof c->reason ? n : sizeof c->reason - 1;
    if (n > 0)
        memcpy(c->reason, body + 2, n);
    c->reason[n] = 0;
    if (!c->closing)
        send_frame(c, OP_CLOSE, body, bytes >= 2 ? 2 : 0);
    c->closing = true;
}

/* Parses the frame at the front of the input. False: it is not whole yet, or is broken (then `gone`). */
static bool take_frame(struct ws_client *c, int *opcode, bool *final, const uint8_t **body, size_t *bytes)
{
    const uint8_t *in = (const uint8_t *)c->in.data + c->in_at;
    size_t have = c->in.len - c->in_at, head = 2;
    if (have < 2)
        return false;
    uint64_t length = in[1] & 0x7F;
    if (length >= 126) {
        size_t more = length == 126 ? 2 : 8;
        if (have < head + more)
            return false;
        length = 0;
        for (size_t i = 0; i < more; i++)
            length = length << 8 | in[head + i];
        head += more;
    }
    if (in[1] & 0x80 || in[0] & 0x70 || length > FRAME_BYTES_MAX) { /* masked, extended, or absurd */
        c->gone = true;
        return false;
    }
    if (have < head + length)
        return false;
    *final = in[0] & 0x80;
    *opcode = in[0] & 0x0F;
    *body = in + head;
    *bytes = (size_t)length;
    c->in_at += head + (size_t)length;
    return true;
}

static void forget_taken(struct ws_client *c)
{
    if (c->in_at == 0)
        return;
    memmove(c->in.data, c->in.data + c->in_at, c->in.len - c->in_at);
    c->in.len -= c->in_at;
    c->in_at = 0;
}

bool ws_client_next(struct ws_client *c, const uint8_t **data, size_t *bytes, bool *binary)
{
    int opcode;
    bool final;
    const uint8_t *body;
    size_t length;
    if (c->message_taken)
        vg_buf_reset(&c->message);
    c->message_taken = false;
    while (take_frame(c, &opcode, &final, &body, &length)) {
        if (opcode == OP_CLOSE) {
            on_close(c, body, length);
        } else if (opcode == OP_PING) {
            send_frame(c, OP_PONG, body, length);
        } else if (opcode == OP_TEXT || opcode == OP_BINARY || opcode == OP_CONTINUATION) {
            if (opcode != OP_CONTINUATION)
                c->message_binary = opcode == OP_BINARY;
            vg_buf_add(&c->message, body, length);
            if (final) {
                *data = (const uint8_t *)vg_buf_str(&c->message);
                *bytes = c->message.len;
                *binary = c->message_binary;
                return c->message_taken = true;
            }
        }
    }
    forget_taken(c);
    return false;
}

/* --- the connection --------------------------------------------------------------------------------------
 */

int ws_client_fd(const struct ws_client *c)
{
    return c->fd;
}

short ws_client_events(const struct ws_client *c)
{
    return (short)(POLLIN | (ws_client_queued_bytes(c) > 0 || c->tls_wants_write ? POLLOUT : 0));
}

static void flush(struct ws_client *c)
{
    while (ws_client_queued_bytes(c) > 0) {
        ssize_t n = ws_io_write(c, c->out.data + c->out_at, ws_client_queued_bytes(c));
        if (n == WS_IO_AGAIN)
            return;
        if (n < 0) {
            c->gone = true;
            return;
        }
        c->out_at += (size_t)n;
    }
    vg_buf_reset(&c->out);
    c->out_at = 0;
}

int ws_client_pump(struct ws_client *c)
{
    char chunk[16384];
    flush(c);
    forget_taken(c);
    while (!c->gone) {
        ssize_t n = ws_io_read(c, chunk, sizeof chunk);
        if (n == WS_IO_AGAIN)
            break;
        if (n <= 0)
            c->gone = true;
        else
            vg_buf_add(&c->in, chunk, (size_t)n);
    }
    if (c->gone && c->code == 0)
        c->code = CODE_LOST;
    return c->gone ? VG_ECLOSED : 0;
}

int ws_client_close_code(const struct ws_client *c)
{
    return c->code;
}

const char *ws_client_close_reason(const struct ws_client *c)
{
    return c->reason;
}
