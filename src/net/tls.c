/* TLS for one server by certificate files, and its streams over non-blocking sockets. OpenSSL stays in this
 * file (and base/crypto.c). Loop thread. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/server_private.h"

struct tls {
    SSL_CTX *context; /* owned */
};

struct tls_stream {
    SSL *ssl; /* owned */
    bool read_wants_write, write_wants_read;
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                           const unsigned char *in, unsigned in_bytes, void *arg)
{
    (void)ssl;
    (void)arg;
    static const unsigned char OURS[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_bytes, OURS, sizeof OURS - 1, in, in_bytes) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int refuse(struct tls *tls, const char *file)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    vg_log_error("net.tls_failed", "file=%s reason=%s", file, reason);
    tls_free(tls);
    return VG_EINVAL;
}

int tls_new(struct tls **out, const char *cert_file, const char *key_file)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return VG_ENOMEM;
    tls->context = SSL_CTX_new(TLS_server_method());
    if (!tls->context) {
        free(tls);
        return VG_ENOMEM;
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                          SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(tls->context, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(tls->context, cert_file) != 1)
        return refuse(tls, cert_file);
    if (SSL_CTX_use_PrivateKey_file(tls->context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls->context) != 1)
        return refuse(tls, key_file);
    *out = tls;
    return 0;
}

struct tls *tls_free(struct tls *tls)
{
    if (!tls)
        return NULL;
    SSL_CTX_free(tls->context);
    free(tls);
    return NULL;
}

struct tls_stream *tls_stream_new(struct tls *tls, int fd)
{
    struct tls_stream *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->ssl = SSL_new(tls->context);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1)
        return tls_stream_free(t);
    SSL_set_accept_state(t->ssl); /* the first read does the handshake */
    return t;
}

struct tls_stream *tls_stream_free(struct tls_stream *t)
{
    if (!t)
        return NULL;
    SSL_free(t->ssl);
    free(t);
    return NULL;
}

static int int_of(size_t bytes)
{
    return bytes > INT32_MAX ? INT32_MAX : (int)bytes;
}

long tls_read(struct tls_stream *t, void *data, size_t bytes)
{
    ERR_clear_error();
    t->read_wants_write = false;
    int n = SSL_read(t->ssl, data, int_of(bytes));
    if (n > 0)
        return n;
    int err = SSL_get_error(t->ssl, n);
    t->read_wants_write = err == SSL_ERROR_WANT_WRITE;
    if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
        return VG_EAGAIN;
    return err == SSL_ERROR_ZERO_RETURN ? 0 : VG_ECLOSED;
}

long tls_write(struct tls_stream *t, const void *data, size_t bytes)
{
    ERR_clear_error();
    t->write_wants_read = false;
    int n = SSL_write(t->ssl, data, int_of(bytes));
    if (n > 0)
        return n;
    int err = SSL_get_error(t->ssl, n);
    t->write_wants_read = err == SSL_ERROR_WANT_READ;
    return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? VG_EAGAIN : VG_ECLOSED;
}

bool tls_read_wants_write(const struct tls_stream *t)
{
    return t->read_wants_write;
}

bool tls_write_wants_read(const struct tls_stream *t)
{
    return t->write_wants_read;
}

void tls_shutdown(struct tls_stream *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}
