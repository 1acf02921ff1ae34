/* The client's side of RFC 6455 and HTTP/1.1 on raw sockets, as little of it as a load generator needs. */
#ifndef VG_CLI_BENCH_WIRE_H
#define VG_CLI_BENCH_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"

enum { WIRE_TEXT = 1, WIRE_BINARY = 2, WIRE_CLOSE = 8, WIRE_PING = 9, WIRE_PONG = 10 };
enum { WIRE_HEAD_MAX = 14 };

/* Writes a masked frame; `out` has room for WIRE_HEAD_MAX + `bytes`. Returns its length. */
size_t wire_frame(uint8_t *out, int opcode, const void *payload, size_t bytes);

struct wire_in {
    int opcode; /* 0: goes on with the message before */
    bool final;
    const uint8_t *payload;
    size_t bytes;
};
/* Reads one frame of a server. Returns its length, 0 if more bytes must come, VG_EPARSE. */
int64_t wire_parse(const uint8_t *data, size_t have, struct wire_in *out) VG_MUST_CHECK;

/* Where a gateway is: http:// or ws://, host, port, path. */
struct wire_url {
    struct sockaddr_storage address;
    socklen_t address_size;
    char host[128]; /* as in the Host header, with port */
    char path[256]; /* "" or with a slash before it, never one behind */
};
/* VG_EINVAL: not such a URL; VG_ENOENT: the host has no address. Blocking. */
int wire_url_parse(struct wire_url *out, const char *url) VG_MUST_CHECK;
/* A non-blocking connection that is being made, or -1. */
int wire_connect(const struct wire_url *url);

/* An answer that has come as a whole. */
struct wire_answer {
    int status;
    const char *body; /* not terminated */
    size_t body_bytes, size;
};
/* Reads one answer with a Content-Length. 1: it is there; 0: more must come; VG_EPARSE. */
int wire_answer(const char *data, size_t have, struct wire_answer *out) VG_MUST_CHECK;
/* Blocking request on a connection of its own, within 10 s. The answer's body replaces `body`. Returns the
 * status or VG_EIO. `token` may be NULL. */
int wire_request(const struct wire_url *url, const char *method, const char *path, const char *token,
                 const char *json, struct vg_buf *body) VG_MUST_CHECK;

/* The text member `name` of a JSON object, without escapes; VG_ENOENT, VG_ETOOBIG. */
int wire_text(const char *json, size_t bytes, const char *name, char *out, size_t cap) VG_MUST_CHECK;
/* The whole number of member `name`, -1 if there is none. */
int64_t wire_number(const char *json, size_t bytes, const char *name);

#endif
