/* HTTPS and wss on one port, and IPv6. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/net/fixture.h"

static char cert_file[64], key_file[64];

/* A self-signed certificate for this run. */
static void make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_sign(cert, key, EVP_sha256());
    snprintf(cert_file, sizeof cert_file, "/tmp/vg-test-%d.crt", getpid());
    snprintf(key_file, sizeof key_file, "/tmp/vg-test-%d.key", getpid());
    FILE *f = fopen(cert_file, "w");
    PEM_write_X509(f, cert);
    fclose(f);
    f = fopen(key_file, "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL_CTX *client_context;
static struct fixture server;

static int setup(void **state)
{
    (void)state;
    make_certificate();
    client_context = SSL_CTX_new(TLS_client_method());
    struct vg_server_config config = fixture_config();
    config.tls_cert_file = cert_file;
    config.tls_key_file = key_file;
    fixture_start(&server, &config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end(&server);
    SSL_CTX_free(client_context);
    unlink(cert_file);
    unlink(key_file);
    return 0;
}

static SSL *tls_connect(int *fd)
{
    *fd = client_connect(server.port);
    SSL *ssl = SSL_new(client_context);
    SSL_set_fd(ssl, *fd);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void tls_end(SSL *ssl, int fd)
{
    SSL_free(ssl);
    close(fd);
}

static void read_exact(SSL *ssl, void *out, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        int n = SSL_read(ssl, (char *)out + done, (int)(bytes - done));
        assert_true(n > 0);
        done += (size_t)n;
    }
}

static void read_head(SSL *ssl, char *out, size_t room)
{
    size_t n = 0;
    memset(out, 0, room);
    while (n < 4 || memcmp(out + n - 4, "\r\n\r\n", 4)) {
        assert_true(n + 1 < room);
        read_exact(ssl, out + n++, 1);
    }
}

static void https_keeps_alive_and_sends_large_answers(void **state)
{
    (void)state;
    int fd;
    SSL *ssl = tls_connect(&fd);
    for (int i = 0; i < 3; i++) {
        static const char ask[] =
            "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_int_equal(SSL_write(ssl, ask, sizeof ask - 1), sizeof ask - 1);
        char head[2048], body[2];
        read_head(ssl, head, sizeof head);
        assert_memory_equal(head, "HTTP/1.1 200", 12);
        read_exact(ssl, body, 2);
        assert_memory_equal(body, "hi", 2);
        read_head(ssl, head, sizeof head);
        char *big = malloc(3 * 1024 * 1024);
        read_exact(ssl, big, 3 * 1024 * 1024);
        assert_int_equal(big[3 * 1024 * 1024 - 1], 'b');
        free(big);
    }
    tls_end(ssl, fd);
}

static void wss_carries_messages_both_ways(void **state)
{
    (void)state;
    int fd;
    SSL *ssl = tls_connect(&fd);
    static const char ask[] =
        "GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    SSL_write(ssl, ask, sizeof ask - 1);
    char head[2048];
    read_head(ssl, head, sizeof head);
    assert_memory_equal(head, "HTTP/1.1 101", 12);
    enum { SIZE = 60000 };
    for (int i = 0; i < 20; i++) {
        uint8_t *frame = calloc(1, SIZE + 8);
        frame[0] = 0x82;
        frame[1] = 0x80 | 126;
        frame[2] = SIZE >> 8;
        frame[3] = SIZE & 0xff;
        memset(frame + 8, i, SIZE);
        assert_int_equal(SSL_write(ssl, frame, SIZE + 8), SIZE + 8);
        uint8_t got[4];
        read_exact(ssl, got, 4);
        assert_int_equal(got[0], 0x82);
        assert_int_equal(got[2] << 8 | got[3], SIZE);
        read_exact(ssl, frame, SIZE);
        assert_int_equal(frame[SIZE - 1], i);
        free(frame);
    }
    int closed = atomic_load(&server.closed);
    tls_end(ssl, fd);
    assert_true(wait_for(&server.closed, closed + 1));
}

static void a_plain_client_of_a_tls_port_is_dropped(void **state)
{
    (void)state;
    int fd = client_connect(server.port);
    client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(client_sees_end(fd, 1000));
    close(fd);
}

static void ipv6_and_ipv4_share_the_unspecified_address(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    config.host = "::";
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe < 0)
        skip();
    fixture_start(&f, &config);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6,
                             .sin6_port = htons((uint16_t)f.port),
                             .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct client_response r;
    if (connect(probe, (struct sockaddr *)(void *)&a, sizeof a) == 0) {
        assert_int_equal(client_ask(probe, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", &r), 200);
        assert_string_equal(r.body, "::1");
        client_response_free(&r);
    }
    close(probe);
    int fd = client_connect(f.port);
    assert_int_equal(client_ask(fd, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", &r), 200);
    assert_string_equal(r.body, "127.0.0.1");
    client_response_free(&r);
    close(fd);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_keeps_alive_and_sends_large_answers),
        cmocka_unit_test(wss_carries_messages_both_ways),
        cmocka_unit_test(a_plain_client_of_a_tls_port_is_dropped),
        cmocka_unit_test(ipv6_and_ipv4_share_the_unspecified_address),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
