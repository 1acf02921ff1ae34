/* Connecting: name, socket, TLS, and the handshake of RFC 6455, section 4; see ws_client.h. */
#include "cli/ws_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "proto/base64.h"

enum { ANSWER_BYTES_MAX = 65536 };

struct target {
    bool tls;
    char host[256], port[8];
    const char *path;
};

/* Splits ws[s]://host[:port]/path; an IPv6 address stands in brackets. */
static int parse_url(const char *url, struct target *t)
{
    t->tls = strncmp(url, "wss://", 6) == 0;
    if (!t->tls && strncmp(url, "ws://", 5) != 0)
        return VG_EINVAL;
    const char *host = url + (t->tls ? 6 : 5);
    t->path = strchr(host, '/');
    size_t length = t->path ? (size_t)(t->path - host) : strlen(host);
    bool bracket = *host == '[';
    const char *end = bracket ? memchr(host, ']', length) : memchr(host, ':', length);
    size_t name = end ? (size_t)(end - host) - bracket : length - bracket;
    const char *colon = bracket && end ? end + 1 : end;
    if (!t->path || (bracket && !end) || name == 0 || name >= sizeof t->host)
        return VG_EINVAL;
    memcpy(t->host, host + bracket, name);
    t->host[name] = 0;
    snprintf(t->port, sizeof t->port, "%s", t->tls ? "443" : "80");
    if (colon && colon < host + length && *colon == ':')
        snprintf(t->port, sizeof t->port, "%.*s", (int)(host + length - colon - 1), colon + 1);
    return 0;
}

/* --- bytes -----------------------------------------------------------------------------------------------
 */

static ssize_t tls_result(struct ws_client *c, int n)
{
    if (n > 0)
        return n;
    int why = SSL_get_error(c->tls, n);
    c->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return WS_IO_AGAIN;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : WS_IO_FAILED;
}

static ssize_t plain_result(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? WS_IO_AGAIN : WS_IO_FAILED;
}

ssize_t ws_io_read(struct ws_client *c, void *data, size_t bytes)
{
    return c->tls ? tls_result(c, SSL_read(c->tls, data, (int)bytes))
                  : plain_result(recv(c->fd, data, bytes, 0));
}

ssize_t ws_io_write(struct ws_client *c, const void *data, size_t bytes)
{
    int at_once = bytes > 1 << 20 ? 1 << 20 : (int)bytes;
    return c->tls ? tls_result(c, SSL_write(c->tls, data, at_once))
                  : plain_result(send(c->fd, data, (size_t)at_once, MSG_NOSIGNAL));
}

static int wait_for(const struct ws_client *c, short events, int64_t deadline_us)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int64_t left_us = deadline_us - vg_mono_us();
    if (left_us <= 0)
        return VG_ETIMEOUT;
    int n = poll(&p, 1, (int)(left_us / VG_US_PER_MS) + 1);
    return n > 0 || (n < 0 && errno == EINTR) ? 0 : n == 0 ? VG_ETIMEOUT : VG_EIO;
}

/* --- connection and TLS ----------------------------------------------------------------------------------
 */

static int connect_one(struct ws_client *c, const struct addrinfo *a, int64_t deadline_us)
{
    int one = 1, error = 0;
    socklen_t size = sizeof error;
    c->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (c->fd < 0)
        return VG_EIO;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int err = 0;
    if (connect(c->fd, a->ai_addr, a->ai_addrlen) < 0)
        err = errno == EINPROGRESS ? wait_for(c, POLLOUT, deadline_us) : VG_EIO;
    if (!err && (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error))
        err = VG_EIO;
    if (err) {
        close(c->fd);
        c->fd = -1;
    }
    return err;
}

static int connect_any(struct ws_client *c, const struct target *t, int64_t deadline_us, char *problem)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int said = getaddrinfo(t->host, t->port, &hints, &found);
    int err = VG_EIO;
    for (struct addrinfo *a = found; !said && a && err; a = a->ai_next)
        err = connect_one(c, a, deadline_us);
    if (said)
        snprintf(problem, WS_PROBLEM_SIZE, "%s: %s", t->host, gai_strerror(said));
    else if (err)
        snprintf(problem, WS_PROBLEM_SIZE, "no connection to %s port %s", t->host, t->port);
    if (found)
        freeaddrinfo(found);
    return err;
}

static int start_tls(struct ws_client *c, const struct target *t, bool insecure, int64_t deadline_us,
                     char *problem)
{
    c->tls_context = SSL_CTX_new(TLS_client_method());
    c->tls = c->tls_context ? SSL_new(c->tls_context) : NULL;
    if (!c->tls || !SSL_CTX_set_default_verify_paths(c->tls_context) || !SSL_set_fd(c->tls, c->fd) ||
        !SSL_set_tlsext_host_name(c->tls, t->host))
        return VG_ENOMEM;
    SSL_set_mode(c->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    X509_VERIFY_PARAM *verify = SSL_get0_param(c->tls);
    if (!X509_VERIFY_PARAM_set1_ip_asc(verify, t->host))
        X509_VERIFY_PARAM_set1_host(verify, t->host, 0);
    SSL_set_verify(c->tls, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    int n, err = 0;
    while (!err && (n = SSL_connect(c->tls)) != 1) {
        int why = SSL_get_error(c->tls, n);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
            long verified = SSL_get_verify_result(c->tls);
            snprintf(problem, WS_PROBLEM_SIZE, "TLS with %s failed: %s", t->host,
                     verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                           : "the server did not agree");
            return VG_EIO;
        }
        err = wait_for(c, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_us);
    }
    return err;
}

/* --- the handshake ---------------------------------------------------------------------------------------
 */

static int write_all(struct ws_client *c, const struct vg_buf *b, int64_t deadline_us)
{
    size_t at = 0;
    while (at < b->len) {
        ssize_t n = ws_io_write(c, b->data + at, b->len - at);
        if (n >= 0) {
            at += (size_t)n;
            continue;
        }
        int err = n == WS_IO_AGAIN ? wait_for(c, POLLOUT, deadline_us) : VG_EIO;
        if (err)
            return err;
    }
    return 0;
}

/* Reads up to the end of the headers; gives the length of them, or an error. */
static int read_head(struct ws_client *c, int64_t deadline_us)
{
    char chunk[4096];
    for (;;) {
        char *end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL;
        if (end)
            return (int)(end + 4 - c->in.data);
        if (c->in.len > ANSWER_BYTES_MAX)
            return VG_EPARSE;
        ssize_t n = ws_io_read(c, chunk, sizeof chunk);
        int err = n > 0 ? 0 : n == WS_IO_AGAIN ? wait_for(c, POLLIN, deadline_us) : VG_ECLOSED;
        if (err)
            return err;
        if (n > 0)
            vg_buf_add(&c->in, chunk, (size_t)n);
    }
}

/* What the key must be answered with (RFC 6455, section 4.2.2). */
static void accept_of(const char *key, char out[32])
{
    char text[96];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    EVP_Digest(text, strlen(text), digest, &bytes, EVP_sha1(), NULL);
    size_t n = vg_base64_encode(out, digest, bytes);
    out[n] = 0;
}

static bool has_header(const char *head, const char *name, const char *value)
{
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) == 0 && line[2 + strlen(name)] == ':') {
            const char *v = line + 3 + strlen(name);
            v += strspn(v, " \t");
            return strncmp(v, value, strlen(value)) == 0 && strchr(" \t\r", v[strlen(value)]);
        }
    }
    return false;
}

/* The server's own words for a refusal, from its JSON error. */
static int explain_refusal(struct ws_client *c, int status, size_t head, char *problem)
{
    char chunk[4096];
    for (int i = 0; i < 20; i++) { /* the body may come a moment later */
        ssize_t n = ws_io_read(c, chunk, sizeof chunk);
        if (n > 0)
            vg_buf_add(&c->in, chunk, (size_t)n);
        else if (n != WS_IO_AGAIN || wait_for(c, POLLIN, vg_mono_us() + 50 * VG_US_PER_MS) == VG_EIO)
            break;
    }
    json_t *body = json_loadb(c->in.data + head, c->in.len - head, JSON_DISABLE_EOF_CHECK, NULL);
    const char *message = json_string_value(json_object_get(json_object_get(body, "error"), "message"));
    snprintf(problem, WS_PROBLEM_SIZE, "the server refused the connection: %d%s%s", status,
             message ? ", " : "", message ? message : "");
    json_decref(body);
    return status == 401 ? VG_EAUTH : status == 403 ? VG_EFORBIDDEN : VG_ESTATE;
}

static int shake_hands(struct ws_client *c, const struct target *t, const char *token, int64_t deadline_us,
                       char *problem)
{
    uint8_t random[16];
    char key[32] = "", accept[32];
    vg_random_bytes(random, sizeof random);
    key[vg_base64_encode(key, random, sizeof random)] = 0;
    accept_of(key, accept);
    bool ipv6 = strchr(t->host, ':');
    struct vg_buf request = VG_BUF_INIT;
    vg_buf_printf(&request,
                  "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer %s\r\n\r\n",
                  t->path, ipv6 ? "[" : "", t->host, ipv6 ? "]" : "", t->port, key, token);
    int err = write_all(c, &request, deadline_us);
    vg_buf_free(&request);
    int head = err ? err : read_head(c, deadline_us);
    if (head < 0) {
        snprintf(problem, WS_PROBLEM_SIZE, "the server did not answer the WebSocket handshake: %s",
                 vg_strerror(head));
        return head;
    }
    int status = strncmp(c->in.data, "HTTP/1.1 ", 9) == 0 ? atoi(c->in.data + 9) : 0;
    if (status != 101)
        return explain_refusal(c, status, (size_t)head, problem);
    if (!has_header(c->in.data, "Sec-WebSocket-Accept", accept)) {
        snprintf(problem, WS_PROBLEM_SIZE, "what answers there does not speak WebSocket");
        return VG_EPARSE;
    }
    c->in_at = (size_t)head;
    return 0;
}

int ws_client_open(struct ws_client **out, const struct ws_client_config *config,
                   char problem[WS_PROBLEM_SIZE])
{
    struct target target;
    int64_t deadline_us = vg_mono_us() + config->timeout_ms * (int64_t)VG_US_PER_MS;
    if (parse_url(config->url, &target)) {
        snprintf(problem, WS_PROBLEM_SIZE, "%s is no ws:// or wss:// URL", config->url);
        return VG_EINVAL;
    }
    struct ws_client *c = calloc(1, sizeof *c);
    if (!c)
        return VG_ENOMEM;
    snprintf(problem, WS_PROBLEM_SIZE, "no connection");
    c->fd = -1;
    int err = connect_any(c, &target, deadline_us, problem);
    if (!err && target.tls)
        err = start_tls(c, &target, config->insecure, deadline_us, problem);
    if (!err)
        err = shake_hands(c, &target, config->bearer_token, deadline_us, problem);
    if (err)
        ws_client_free(c);
    else
        *out = c;
    return err;
}

struct ws_client *ws_client_free(struct ws_client *c)
{
    if (!c)
        return NULL;
    SSL_free(c->tls);
    SSL_CTX_free(c->tls_context);
    if (c->fd >= 0)
        close(c->fd);
    vg_buf_free(&c->in);
    vg_buf_free(&c->out);
    vg_buf_free(&c->message);
    free(c);
    return NULL;
}
