/* WebSockets as a client on the wire sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "unit/net/fixture.h"

static int setup(void **state)
{
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    config.ws_ping_interval_us = 200 * VG_US_PER_MS;
    config.ws_pong_timeout_us = 600 * VG_US_PER_MS;
    fixture_start(&f, &config);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    return 0;
}

/* Opens a WebSocket and fails the test if it was refused. */
static int open_ws(struct fixture *f, const char *path, const char *extra)
{
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_upgrade(fd, path, extra, &r), 101);
    assert_non_null(strcasestr(r.head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    client_response_free(&r);
    return fd;
}

/* The next frame that is not a ping. */
static int read_data(int fd, uint8_t **data, size_t *bytes)
{
    for (;;) {
        int op = client_ws_read(fd, data, bytes);
        if (op != (0x80 | 9))
            return op;
        client_ws_send(fd, 10, true, *data, *bytes);
        free(*data);
    }
}

static void end_ws(struct fixture *f, int fd)
{
    int closed = atomic_load(&f->closed);
    uint8_t code[2] = {0x03, 0xe8}, *data;
    size_t bytes;
    client_ws_send(fd, 8, true, code, 2);
    assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 8);
    free(data);
    close(fd);
    assert_true(wait_for(&f->closed, closed + 1));
}

static void messages_are_echoed(void **state)
{
    struct fixture *f = *state;
    int fd = open_ws(f, "/ws/echo", NULL);
    for (size_t size = 0; size <= 200 * 1024; size = size * 7 + 100) {
        char *text = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            text[i] = (char)('a' + i % 26);
        client_ws_send(fd, size % 2 ? 1 : 2, true, text, size);
        uint8_t *data;
        size_t bytes;
        assert_int_equal(read_data(fd, &data, &bytes), 0x80 | (size % 2 ? 1 : 2));
        assert_int_equal(bytes, size);
        assert_memory_equal(data, text, size);
        free(data);
        free(text);
    }
    end_ws(f, fd);
    assert_int_equal(atomic_load(&f->close_code), 1000);
}

static void fragments_carry_first_and_final(void **state)
{
    struct fixture *f = *state;
    int fd = open_ws(f, "/ws/echo", NULL);
    int firsts = atomic_load(&f->firsts), finals = atomic_load(&f->finals);
    client_ws_send(fd, 1, false, "one ", 4);
    client_ws_send(fd, 9, true, "p", 1);
    client_ws_send(fd, 0, false, "two ", 4);
    client_ws_send(fd, 0, true, "three", 5);
    uint8_t *data;
    size_t bytes;
    bool pong = false, echo = false;
    for (int i = 0; i < 2; i++) { /* in either order */
        int op = read_data(fd, &data, &bytes);
        pong = pong || (op == (0x80 | 10) && bytes == 1 && *data == 'p');
        echo = echo || (op == (0x80 | 1) && !strcmp((char *)data, "one two three"));
        free(data);
    }
    assert_true(pong && echo);
    assert_int_equal(atomic_load(&f->firsts), firsts + 1);
    assert_int_equal(atomic_load(&f->finals), finals + 1);
    end_ws(f, fd);
}

static void a_refused_upgrade_has_status_and_json(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_upgrade(fd, "/nowhere", NULL, &r), 403);
    assert_string_equal(r.body, "{\"error\":{\"code\":\"FORBIDDEN\"}}");
    client_response_free(&r);
    close(fd);
}

static void subprotocols_with_a_long_token_are_taken(void **state)
{
    struct fixture *f = *state;
    char header[2100] = "Sec-WebSocket-Protocol: bearer.";
    memset(header + strlen(header), 'T', 2000);
    strcpy(header + 2031, ", voxgate.v1\r\n");
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_upgrade(fd, "/ws/echo", header, &r), 101);
    assert_non_null(strcasestr(r.head, "Sec-WebSocket-Protocol: voxgate.v1\r\n"));
    client_response_free(&r);
    end_ws(f, fd);
    fd = client_connect(f->port);
    assert_int_equal(client_upgrade(fd, "/ws/echo", NULL, &r), 101);
    assert_null(strcasestr(r.head, "Sec-WebSocket-Protocol"));
    client_response_free(&r);
    end_ws(f, fd);
    fd = client_connect(f->port);
    assert_int_equal(client_upgrade(fd, "/ws/echo", "Sec-WebSocket-Protocol: graphql-ws\r\n", &r), 400);
    assert_non_null(strstr(r.body, "VALIDATION_ERROR"));
    client_response_free(&r);
    close(fd);
}

static void extensions_are_not_negotiated(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_upgrade(fd, "/ws/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n", &r),
                     101);
    assert_null(strcasestr(r.head, "Sec-WebSocket-Extensions"));
    client_response_free(&r);
    end_ws(f, fd);
}

static void bad_handshakes_are_refused(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    struct client_response r;
    assert_int_equal(client_ask(fd,
                                "GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
                                "upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
                                &r),
                     426);
    assert_non_null(strstr(r.head, "Sec-WebSocket-Version: 13"));
    client_response_free(&r);
    close(fd);
    fd = client_connect(f->port);
    assert_int_equal(client_ask(fd,
                                "GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
                                "upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n",
                                &r),
                     400);
    client_response_free(&r);
    close(fd);
}

static void frames_sent_with_the_upgrade_are_read(void **state)
{
    struct fixture *f = *state;
    int fd = client_connect(f->port);
    char text[512];
    int n = snprintf(text, sizeof text,
                     "GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    static const uint8_t frame[] = {0x81, 0x82, 0, 0, 0, 0, 'h', 'i'};
    memcpy(text + n, frame, sizeof frame);
    client_send_bytes(fd, text, (size_t)n + sizeof frame);
    struct client_response r;
    assert_int_equal(client_read_response(fd, &r, false), 101);
    client_response_free(&r);
    uint8_t *data;
    size_t bytes;
    assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 1);
    assert_string_equal((char *)data, "hi");
    free(data);
    end_ws(f, fd);
}

static void a_full_queue_refuses_and_drains(void **state)
{
    struct fixture *f = *state;
    int drained = atomic_load(&f->drained);
    int fd = open_ws(f, "/ws/flood", NULL);
    assert_true(wait_for(&f->full, 1));
    size_t total = 0;
    while (total < 8 * 64 * 1024) { /* at least what the queue holds must come */
        uint8_t *data;
        size_t bytes;
        assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 2);
        assert_int_equal(bytes, 64 * 1024);
        total += bytes;
        free(data);
    }
    assert_true(wait_for(&f->drained, drained + 1));
    int closed = atomic_load(&f->closed);
    close(fd);
    assert_true(wait_for(&f->closed, closed + 1));
}

static void closing_sends_what_is_queued_then_code_and_reason(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    int fd = open_ws(f, "/ws/quiet", NULL);
    client_ws_send(fd, 1, true, "x", 1);
    uint8_t *data;
    size_t bytes;
    assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 1);
    assert_string_equal((char *)data, "bye");
    free(data);
    assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 8);
    assert_int_equal(data[0] << 8 | data[1], 4401);
    assert_string_equal((char *)data + 2, "expired");
    client_ws_send(fd, 8, true, data, 2);
    free(data);
    assert_true(wait_for(&f->closed, closed + 1));
    assert_int_equal(atomic_load(&f->close_code), 4401);
    close(fd);
}

static void a_close_that_is_not_answered_ends_within_two_seconds(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    int fd = open_ws(f, "/ws/quiet", NULL);
    int64_t start = vg_mono_us();
    client_ws_send(fd, 1, true, "x", 1);
    assert_true(wait_for(&f->closed, closed + 1));
    assert_true(vg_mono_us() - start < 2 * VG_US_PER_S);
    close(fd);
}

/* A client that sends without reading: frames of 125 bytes, of which the kernel may take a part. */
struct blind {
    int fd;
    size_t sent;
};

static void send_blindly(struct blind *b, size_t bytes_max, int flags)
{
    static const uint8_t frame[6 + 125] = {0x82, 0x80 | 125};
    size_t end = b->sent + bytes_max;
    while (b->sent < end) {
        size_t at = b->sent % sizeof frame, left = sizeof frame - at;
        ssize_t n =
            send(b->fd, frame + at, left < end - b->sent ? left : end - b->sent, flags | MSG_NOSIGNAL);
        if (n <= 0)
            return;
        b->sent += (size_t)n;
    }
}

static void send_whole_frame(struct blind *b)
{
    send_blindly(b, (131 - b->sent % 131) % 131, 0);
}

static void a_slow_reader_gets_to_see_why_it_was_closed(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed), op;
    struct blind b = {.fd = open_ws(f, "/ws/slow", NULL)};
    send_blindly(&b, 1024 * 1024, MSG_DONTWAIT);
    assert_true(b.sent > 0);
    usleep(700 * 1000);
    assert_int_equal(atomic_load(&f->closed), closed);
    uint8_t *data;
    size_t bytes, messages = 0;
    while ((op = read_data(b.fd, &data, &bytes)) == (0x80 | 2)) {
        assert_int_equal(bytes, 64 * 1024);
        messages++;
        free(data);
    }
    assert_true(messages >= 8); /* none of what was sent before is lost */
    assert_int_equal(op, 0x80 | 8);
    assert_int_equal(data[0] << 8 | data[1], 1008);
    assert_string_equal((char *)data + 2, "too slow");
    send_whole_frame(&b);
    client_ws_send(b.fd, 8, true, data, 2); /* read by the server, so that its end is no reset */
    free(data);
    char more;
    assert_int_equal(recv(b.fd, &more, 1, 0), 0);
    close(b.fd);
    assert_true(wait_for(&f->closed, closed + 1));
    assert_int_equal(atomic_load(&f->close_code), 1008);
}

static void one_who_never_reads_again_is_dropped_in_time(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    struct blind b = {.fd = open_ws(f, "/ws/slow", NULL)};
    int64_t start = vg_mono_us();
    while (atomic_load(&f->closed) == closed && vg_mono_us() - start < 5 * VG_US_PER_S) {
        send_blindly(&b, 1024, MSG_DONTWAIT);
        usleep(10 * 1000);
    }
    assert_int_equal(atomic_load(&f->closed), closed + 1);
    assert_true(vg_mono_us() - start < 3 * VG_US_PER_S);
    close(b.fd);
}

static void one_who_floods_a_closing_connection_is_dropped_at_once(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    struct blind b = {.fd = open_ws(f, "/ws/slow", NULL)};
    int64_t start = vg_mono_us();
    while (atomic_load(&f->closed) == closed && vg_mono_us() - start < VG_US_PER_S)
        send_blindly(&b, 64 * 1024, MSG_DONTWAIT);
    assert_int_equal(atomic_load(&f->closed), closed + 1);
    assert_true(b.sent >= 4 * 1024 * 1024);
    close(b.fd);
}

static void a_lost_connection_is_1006(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    int fd = open_ws(f, "/ws/quiet", NULL);
    close(fd);
    assert_true(wait_for(&f->closed, closed + 1));
    assert_int_equal(atomic_load(&f->close_code), 1006);
}

static void a_peer_without_pongs_is_dropped(void **state)
{
    struct fixture *f = *state;
    int closed = atomic_load(&f->closed);
    int fd = open_ws(f, "/ws/quiet", NULL);
    assert_true(client_sees_end(fd, 2500));
    assert_true(wait_for(&f->closed, closed + 1));
    close(fd);
    /* one that answers stays */
    fd = open_ws(f, "/ws/echo", NULL);
    for (int i = 0; i < 5; i++) {
        uint8_t *data;
        size_t bytes;
        assert_int_equal(client_ws_read(fd, &data, &bytes), 0x80 | 9);
        client_ws_send(fd, 10, true, data, bytes);
        free(data);
    }
    end_ws(f, fd);
}

static void hold(void *arg)
{
    struct fixture *f = arg;
    vg_ws_hold_reading(f->ws, true);
}

static void release(void *arg)
{
    struct fixture *f = arg;
    vg_ws_hold_reading(f->ws, false);
}

static void a_held_socket_is_not_read(void **state)
{
    struct fixture *f = *state;
    int fd = open_ws(f, "/ws/echo", NULL);
    fixture_on_loop(f->loop.loop, hold, f);
    int before = atomic_load(&f->fragments);
    char *block = calloc(1, 20000);
    for (int i = 0; i < 4; i++)
        client_ws_send(fd, 2, true, block, 20000);
    usleep(50000);
    assert_int_equal(atomic_load(&f->fragments), before);
    fixture_on_loop(f->loop.loop, release, f);
    for (int i = 0; i < 4; i++) {
        uint8_t *data;
        size_t bytes;
        assert_int_equal(read_data(fd, &data, &bytes), 0x80 | 2);
        assert_int_equal(bytes, 20000);
        free(data);
    }
    free(block);
    end_ws(f, fd);
}

static void a_reader_that_holds_at_every_fragment_gets_everything(void **state)
{
    struct fixture *f = *state;
    int fd = open_ws(f, "/ws/holding", NULL);
    int finals = atomic_load(&f->finals);
    char *block = calloc(1, 20000);
    for (int i = 0; i < 10; i++)
        client_ws_send(fd, 2, true, block, 20000);
    free(block);
    assert_true(wait_for(&f->finals, finals + 10));
    end_ws(f, fd);
}

static void a_server_may_end_with_websockets_open(void **state)
{
    (void)state;
    static struct fixture f;
    struct vg_server_config config = fixture_config();
    fixture_start(&f, &config);
    int fds[20];
    for (int i = 0; i < 20; i++)
        fds[i] = open_ws(&f, "/ws/flood", NULL);
    assert_true(wait_for(&f.opened, 20));
    fixture_end(&f);
    assert_int_equal(atomic_load(&f.closed), 20);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_echoed),
        cmocka_unit_test(fragments_carry_first_and_final),
        cmocka_unit_test(a_refused_upgrade_has_status_and_json),
        cmocka_unit_test(subprotocols_with_a_long_token_are_taken),
        cmocka_unit_test(extensions_are_not_negotiated),
        cmocka_unit_test(bad_handshakes_are_refused),
        cmocka_unit_test(frames_sent_with_the_upgrade_are_read),
        cmocka_unit_test(a_full_queue_refuses_and_drains),
        cmocka_unit_test(closing_sends_what_is_queued_then_code_and_reason),
        cmocka_unit_test(a_close_that_is_not_answered_ends_within_two_seconds),
        cmocka_unit_test(a_slow_reader_gets_to_see_why_it_was_closed),
        cmocka_unit_test(one_who_never_reads_again_is_dropped_in_time),
        cmocka_unit_test(one_who_floods_a_closing_connection_is_dropped_at_once),
        cmocka_unit_test(a_lost_connection_is_1006),
        cmocka_unit_test(a_peer_without_pongs_is_dropped),
        cmocka_unit_test(a_held_socket_is_not_read),
        cmocka_unit_test(a_reader_that_holds_at_every_fragment_gets_everything),
        cmocka_unit_test(a_server_may_end_with_websockets_open),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
