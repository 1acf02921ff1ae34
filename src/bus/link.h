/* One connection to Redis that keeps itself up: resolve, connect, AUTH, SELECT, PING, then watch, and after a
 * loss back off (100 ms to 2 s, with jitter) and begin again. Deadlines are ours, hiredis 0.14 has none. Loop
 * thread only. The only file with hiredis's event hooks is link_io.c. */
#ifndef VG_BUS_LINK_H
#define VG_BUS_LINK_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/url.h"
#include "net/loop.h"

enum {
    BUS_CONNECT_DEADLINE_US = 1500000, /* from the first packet to the PONG */
    BUS_REPLY_DEADLINE_US = 2000000,   /* without a byte while replies are due */
    BUS_HEARTBEAT_US = 5000000,        /* of silence until a PING */
    BUS_WATCH_US = 250000,             /* between two looks at the deadlines */
    BUS_BACKOFF_MIN_US = 100000,
    BUS_BACKOFF_MAX_US = 2000000,
};

struct bus_link;

struct bus_link_config {
    struct vg_loop *loop;
    const struct bus_url *url;   /* borrowed for the link's life */
    const char *name;            /* "commands" or "subscriber"; static life, for the log and CLIENT SETNAME */
    const char *instance_id;     /* borrowed for the link's life */
    bool subscriber;             /* its heartbeat is a SUBSCRIBE, PING is not for it */
    void (*up)(void *arg);       /* commands are taken from now on */
    void (*down)(void *arg);     /* after the replies that never came were told (reply NULL) */
    void (*writable)(void *arg); /* before the socket is written: the moment to add what was gathered */
    void *arg;
};

struct bus_link *bus_link_new(const struct bus_link_config *config);
struct bus_link *bus_link_free(struct bus_link *link);
/* Begins to connect, if it has not begun. */
void bus_link_start(struct bus_link *link);
bool bus_link_is_up(const struct bus_link *link);
/* Sends a command. `fn` runs once, with a NULL reply if the connection is lost; VG_EUNAVAIL: not up, `fn`
 * does not run. */
int bus_link_send(struct bus_link *link, redisCallbackFn *fn, void *arg, int argc, const char **argv,
                  const size_t *bytes) VG_MUST_CHECK;
/* Asks for a call of `writable` in the next loop turn. Nothing while the link is down. */
void bus_link_want_write(struct bus_link *link);

#endif
