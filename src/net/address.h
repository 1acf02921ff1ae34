/* Addresses of clients: text of a peer, sets of CIDR blocks (trusted proxies), and the client that
 * X-Forwarded-For names. Pure but for address_of_peer(). Any thread. */
#ifndef VG_NET_ADDRESS_H
#define VG_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ADDRESS_SIZE = 48 };

/* An IPv4 address is kept in its IPv4-mapped IPv6 form. */
struct address {
    uint8_t bytes[16];
};

/* Takes "1.2.3.4", "::1", "[::1]", each with an optional ":port" (IPv6 then in brackets). */
int address_parse(struct address *out, const char *text, size_t n) VG_MUST_CHECK;
void address_print(const struct address *a, char out[ADDRESS_SIZE]);
/* The peer of a connected socket; the unspecified address if it has none (a Unix socket). */
void address_of_peer(struct address *out, int fd);
/* What one customer is: an IPv4 address, or the /64 of an IPv6 address. */
void address_to_neighbourhood(struct address *a);

struct address_set; /* immutable */

/* `list` is comma-separated CIDR blocks or addresses; NULL and "" make an empty set. VG_EPARSE for a bad one.
 */
int address_set_new(struct address_set **out, const char *list) VG_MUST_CHECK;
struct address_set *address_set_free(struct address_set *set);
bool address_set_has(const struct address_set *set, const struct address *a);

/* Replaces *client (the peer) by the right-most address of `forwarded` that is not a trusted proxy, if the
 * peer is one; stops at what does not parse. */
void address_forwarded(struct address *client, const char *forwarded, const struct address_set *trusted);

#endif
