/* Client addresses and trusted proxies; see address.h. Called by listener.c and conn.c. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

struct block {
    struct address address;
    unsigned bits; /* of the 128 */
};

struct address_set {
    size_t count;
    struct block blocks[];
};

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct address *a)
{
    return memcmp(a->bytes, MAPPED, sizeof MAPPED) == 0;
}

static int parse_plain(struct address *out, const char *text)
{
    struct address a;
    if (inet_pton(AF_INET6, text, a.bytes) != 1) {
        memcpy(a.bytes, MAPPED, sizeof MAPPED);
        if (inet_pton(AF_INET, text, a.bytes + sizeof MAPPED) != 1)
            return VG_EPARSE;
    }
    *out = a;
    return 0;
}

int address_parse(struct address *out, const char *text, size_t n)
{
    char copy[ADDRESS_SIZE + 8];
    if (n >= sizeof copy)
        return VG_EPARSE;
    memcpy(copy, text, n);
    copy[n] = '\0';
    char *start = copy;
    if (*start == '[') {
        char *end = strchr(start, ']');
        if (!end)
            return VG_EPARSE;
        *end = '\0';
        start++;
    } else {
        char *colon = strchr(start, ':');
        if (colon && colon == strrchr(start, ':'))
            *colon = '\0'; /* one colon: IPv4 with a port */
    }
    return parse_plain(out, start);
}

/* By hand: inet_ntop() prints with printf, and every request has an address. */
static void print_v4(const uint8_t *bytes, char out[ADDRESS_SIZE])
{
    for (int i = 0; i < 4; i++) {
        out += vg_text_int(out, bytes[i]);
        *out++ = '.';
    }
    out[-1] = '\0';
}

void address_print(const struct address *a, char out[ADDRESS_SIZE])
{
    if (is_v4(a))
        print_v4(a->bytes + sizeof MAPPED, out);
    else if (!inet_ntop(AF_INET6, a->bytes, out, ADDRESS_SIZE))
        out[0] = '\0';
}

void address_of_peer(struct address *out, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer;
    socklen_t size = sizeof peer;
    memset(out, 0, sizeof *out);
    if (getpeername(fd, &peer.any, &size))
        return;
    if (peer.any.sa_family == AF_INET6) {
        memcpy(out->bytes, &peer.v6.sin6_addr, 16);
    } else if (peer.any.sa_family == AF_INET) {
        memcpy(out->bytes, MAPPED, sizeof MAPPED);
        memcpy(out->bytes + sizeof MAPPED, &peer.v4.sin_addr, 4);
    }
}

void address_to_neighbourhood(struct address *a)
{
    if (!is_v4(a))
        memset(a->bytes + 8, 0, 8);
}

static int parse_block(struct block *out, const char *text, size_t n)
{
    const char *slash = memchr(text, '/', n);
    size_t address_len = slash ? (size_t)(slash - text) : n;
    struct block b = {.bits = 128};
    if (address_parse(&b.address, text, address_len) < 0)
        return VG_EPARSE;
    if (slash) {
        unsigned width = is_v4(&b.address) ? 32 : 128;
        unsigned bits = 0;
        if (slash + 1 == text + n)
            return VG_EPARSE;
        for (const char *p = slash + 1; p < text + n; p++) {
            if (*p < '0' || *p > '9' || bits > width)
                return VG_EPARSE;
            bits = bits * 10 + (unsigned)(*p - '0');
        }
        if (bits > width)
            return VG_EPARSE;
        b.bits = 128 - width + bits;
    }
    *out = b;
    return 0;
}

int address_set_new(struct address_set **out, const char *list)
{
    size_t room = 1;
    for (const char *p = list; p && *p; p++)
        room += *p == ',';
    struct address_set *set = calloc(1, sizeof *set + room * sizeof set->blocks[0]);
    if (!set)
        return VG_ENOMEM;
    for (const char *p = list; p && *p;) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ", \t");
        if (n == 0)
            break;
        if (parse_block(&set->blocks[set->count], p, n) < 0) {
            free(set);
            return VG_EPARSE;
        }
        set->count++;
        p += n;
        p += strspn(p, " \t");
        if (*p && *p != ',') {
            free(set);
            return VG_EPARSE;
        }
    }
    *out = set;
    return 0;
}

struct address_set *address_set_free(struct address_set *set)
{
    free(set);
    return NULL;
}

static bool in_block(const struct block *b, const struct address *a)
{
    unsigned whole = b->bits / 8;
    unsigned rest = b->bits % 8;
    if (memcmp(b->address.bytes, a->bytes, whole))
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xffu << (8 - rest));
    return ((b->address.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

bool address_set_has(const struct address_set *set, const struct address *a)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (in_block(&set->blocks[i], a))
            return true;
    return false;
}

void address_forwarded(struct address *client, const char *forwarded, const struct address_set *trusted)
{
    const char *end = forwarded ? forwarded + strlen(forwarded) : NULL;
    while (end && end > forwarded && address_set_has(trusted, client)) {
        const char *start = end;
        while (start > forwarded && start[-1] != ',')
            start--;
        const char *first = start + strspn(start, " \t");
        const char *last = end;
        while (last > first && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        struct address hop;
        if (first >= last || address_parse(&hop, first, (size_t)(last - first)) < 0)
            return;
        *client = hop;
        end = start > forwarded ? start - 1 : NULL;
    }
}
