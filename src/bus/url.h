/* Where Redis is: the parsed form of REDIS_URL. */
#ifndef VG_BUS_URL_H
#define VG_BUS_URL_H

#include "base/err.h"

struct bus_url {
    char *path; /* owned; of a Unix socket, NULL for TCP */
    char *host; /* owned; a name or an address without brackets, NULL for a Unix socket */
    int port;
    char *user, *password; /* owned; NULL: none. Percent-decoded */
    int db;
};

/* Parses redis://[[user]:password@]host[:port][/db] or unix://[[user]:password@]/path[?db=n]. VG_ENOTSUP:
 * rediss:// (the client library has no TLS) or an unknown scheme; VG_EPARSE otherwise. Fills `out` only on
 * success. */
int bus_url_parse(const char *text, struct bus_url *out) VG_MUST_CHECK;
void bus_url_free(struct bus_url *url);

#endif
