/* A loop thread with a server on it, and a blocking TCP client, for the tests of src/net. */
#ifndef VG_TESTS_NET_FIXTURE_H
#define VG_TESTS_NET_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"
#include "net/server.h"

/* --- a loop on its own thread ----------------------------------------------------------------------------
 */
struct fixture_loop {
    struct vg_loop *loop;
    pthread_t thread;
};
void fixture_loop_start(struct fixture_loop *f);
void fixture_loop_end(struct fixture_loop *f);
/* Runs `fn` on the loop's thread and waits for it. */
void fixture_on_loop(struct vg_loop *loop, void (*fn)(void *arg), void *arg);

/* --- the server ------------------------------------------------------------------------------------------
 */
struct fixture {
    struct fixture_loop loop;
    struct vg_server *server;
    int port;
    /* what its handlers saw; read with fixture_on_loop or after an answer */
    struct vg_http_request *kept; /* of /keep: not replied to */
    struct vg_ws *ws;             /* the last one that opened */
    struct vg_timer *late;        /* replies to /late */
    struct vg_http_request *late_request;
    atomic_int requests, opened, closed, drained, full;
    atomic_int close_code;
    atomic_int firsts, finals, fragments;
};
struct vg_server_config fixture_config(void);
/* Paths: /hello, /echo, /late, /keep, /big, /who, /limited (10 bytes), /query; WebSockets: /ws/echo (each
 * message back, one byte 'x' closes with 4401), /ws/quiet, /ws/flood (sends 64 kB messages until full),
 * /ws/holding (stops reading for 1 ms at every fragment), /ws/slow (as flood, then stops reading and closes
 * with 1008). */
void fixture_start(struct fixture *f, const struct vg_server_config *config);
void fixture_end(struct fixture *f);

/* --- the client ------------------------------------------------------------------------------------------
 */
int client_connect(int port);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *data, size_t bytes);
/* One response: status, and head and body in the buffers (NUL-terminated). -1 at the end of the connection.
 */
struct client_response {
    int status;
    char head[8192];
    char *body; /* owned */
    size_t body_bytes;
};
int client_read_response(int fd, struct client_response *out, bool is_head);
void client_response_free(struct client_response *r);
/* Sends `text`, reads one response, returns its status. */
int client_ask(int fd, const char *text, struct client_response *out);
/* True if the server ends the connection within `ms`. */
bool client_sees_end(int fd, int ms);
/* Asks for an upgrade with `extra` headers (each ended by CRLF); returns the status. */
int client_upgrade(int fd, const char *path, const char *extra, struct client_response *out);
void client_ws_send(int fd, int opcode, bool final, const void *data, size_t bytes);
/* Reads one frame; returns its opcode (+128 if final), -1 at the end. `data` is owned by the caller. */
int client_ws_read(int fd, uint8_t **data, size_t *bytes);
/* Waits until *value is at least `want`, at most 3 s; true if it got there. */
bool wait_for(const atomic_int *value, int want);

#endif
