/* WebSocket frames and HTTP messages of a load generator; see wire.h. */
#include "cli/bench/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"

enum { REQUEST_TIMEOUT_US = 10 * VG_US_PER_S, FRAME_MAX = 16 << 20 };

size_t wire_frame(uint8_t *out, int opcode, const void *payload, size_t bytes)
{
    static _Thread_local uint32_t random = 0x9e3779b9;
    random = random * 1664525u + 1013904223u;
    uint8_t key[4] = {(uint8_t)(random >> 24), (uint8_t)(random >> 16), (uint8_t)(random >> 8), 0x5a};
    size_t head = 2;
    out[0] = (uint8_t)(0x80 | opcode);
    if (bytes < 126) {
        out[1] = (uint8_t)(0x80 | bytes);
    } else if (bytes < 65536) {
        out[1] = 0x80 | 126;
        out[2] = (uint8_t)(bytes >> 8);
        out[3] = (uint8_t)bytes;
        head = 4;
    } else {
        out[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            out[2 + i] = (uint8_t)((uint64_t)bytes >> (56 - 8 * i));
        head = 10;
    }
    memcpy(out + head, key, 4);
    head += 4;
    for (size_t i = 0; i < bytes; i++)
        out[head + i] = ((const uint8_t *)payload)[i] ^ key[i & 3];
    return head + bytes;
}

int64_t wire_parse(const uint8_t *data, size_t have, struct wire_in *out)
{
    if (have < 2)
        return 0;
    if (data[1] & 0x80 || data[0] & 0x70)
        return VG_EPARSE; /* a server does not mask, and no extension was agreed on */
    size_t head = 2;
    uint64_t bytes = data[1] & 0x7f;
    if (bytes >= 126) {
        head += bytes == 126 ? 2 : 8;
        if (have < head)
            return 0;
        bytes = 0;
        for (size_t i = 2; i < head; i++)
            bytes = bytes << 8 | data[i];
    }
    if (bytes > FRAME_MAX)
        return VG_EPARSE;
    if (have < head + bytes)
        return 0;
    *out = (struct wire_in){
        .opcode = data[0] & 15, .final = data[0] & 0x80, .payload = data + head, .bytes = (size_t)bytes};
    return (int64_t)(head + bytes);
}

/* --- URLs and connections --------------------------------------------------------------------------------
 */

int wire_url_parse(struct wire_url *out, const char *url)
{
    char host[96] = "", port[8] = "80";
    const char *at = strstr(url, "://");
    if (!at || (strncmp(url, "http:", 5) != 0 && strncmp(url, "ws:", 3) != 0))
        return VG_EINVAL;
    at += 3;
    size_t length = strcspn(at, "/");
    if (length == 0 || length >= sizeof host)
        return VG_EINVAL;
    memcpy(host, at, length);
    host[length] = '\0';
    struct wire_url u = {0};
    snprintf(u.host, sizeof u.host, "%s", host);
    snprintf(u.path, sizeof u.path, "%s", at + length);
    size_t path = strlen(u.path);
    if (path && u.path[path - 1] == '/')
        u.path[path - 1] = '\0';
    char *colon = strrchr(host, ':');
    if (colon && !strchr(colon, ']')) {
        *colon = '\0';
        snprintf(port, sizeof port, "%.7s", colon + 1);
    }
    char *name = host;
    if (*name == '[') { /* an IPv6 address */
        name++;
        name[strcspn(name, "]")] = '\0';
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(name, port, &hints, &found))
        return VG_ENOENT;
    memcpy(&u.address, found->ai_addr, found->ai_addrlen);
    u.address_size = found->ai_addrlen;
    freeaddrinfo(found);
    *out = u;
    return 0;
}

int wire_connect(const struct wire_url *url)
{
    int fd = socket(url->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&url->address, url->address_size) && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* --- HTTP -------------------------------------------------------------------------------------------------
 */

int wire_answer(const char *data, size_t have, struct wire_answer *out)
{
    const char *end = memmem(data, have, "\r\n\r\n", 4);
    if (!end)
        return have > 65536 ? VG_EPARSE : 0;
    if (have < 12 || strncmp(data, "HTTP/1.1 ", 9) != 0)
        return VG_EPARSE;
    struct wire_answer a = {.status = atoi(data + 9), .body = end + 4};
    for (const char *line = data; line < end; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            a.body_bytes = (size_t)strtoull(line + 15, NULL, 10);
    }
    a.size = (size_t)(end + 4 - data) + a.body_bytes;
    if (have < a.size)
        return 0;
    *out = a;
    return 1;
}

static bool await_event(int fd, short events, int64_t deadline_us)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left = deadline_us - vg_mono_us();
    return left > 0 && poll(&p, 1, (int)(left / 1000) + 1) == 1;
}

static int exchange(int fd, const struct vg_buf *request, struct vg_buf *body)
{
    int64_t deadline = vg_mono_us() + REQUEST_TIMEOUT_US;
    for (size_t done = 0; done < request->len;) {
        if (!await_event(fd, POLLOUT, deadline))
            return VG_EIO;
        ssize_t n = send(fd, request->data + done, request->len - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return VG_EIO;
        done += n > 0 ? (size_t)n : 0;
    }
    struct wire_answer answer;
    vg_buf_reset(body);
    for (;;) {
        char part[16384];
        if (!await_event(fd, POLLIN, deadline))
            return VG_EIO;
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n <= 0)
            return VG_EIO;
        vg_buf_add(body, part, (size_t)n);
        int there = wire_answer(body->data, body->len, &answer);
        if (there < 0 || body->failed)
            return VG_EIO;
        if (there)
            break;
    }
    memmove(body->data, answer.body, answer.body_bytes);
    body->len = answer.body_bytes;
    body->data[body->len] = '\0';
    return answer.status;
}

int wire_request(const struct wire_url *url, const char *method, const char *path, const char *token,
                 const char *json, struct vg_buf *body)
{
    struct vg_buf request = VG_BUF_INIT;
    vg_buf_printf(&request, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", method, url->path, path, url->host);
    if (token)
        vg_buf_printf(&request, "Authorization: Bearer %s\r\n", token);
    if (json)
        vg_buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(json));
    vg_buf_printf(&request, "\r\n%s", json ? json : "");
    int fd = request.failed ? -1 : wire_connect(url);
    int status = fd < 0 ? VG_EIO : exchange(fd, &request, body);
    if (fd >= 0)
        close(fd);
    vg_buf_free(&request);
    return status;
}

/* --- JSON -------------------------------------------------------------------------------------------------
 */

static const char *member(const char *json, size_t bytes, const char *name)
{
    char key[64];
    int n = snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = memmem(json, bytes, key, (size_t)n);
    return at ? at + n : NULL;
}

int wire_text(const char *json, size_t bytes, const char *name, char *out, size_t cap)
{
    const char *at = member(json, bytes, name), *end = json + bytes;
    if (!at || at >= end || *at != '"')
        return VG_ENOENT;
    at++;
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote)
        return VG_ENOENT;
    if ((size_t)(quote - at) >= cap)
        return VG_ETOOBIG;
    memcpy(out, at, (size_t)(quote - at));
    out[quote - at] = '\0';
    return 0;
}

int64_t wire_number(const char *json, size_t bytes, const char *name)
{
    const char *at = member(json, bytes, name), *end = json + bytes;
    if (!at || at >= end || *at < '0' || *at > '9')
        return -1;
    int64_t n = 0;
    for (; at < end && *at >= '0' && *at <= '9' && n < INT64_MAX / 20; at++)
        n = n * 10 + (*at - '0');
    return n;
}
