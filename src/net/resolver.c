/* The resolver; see resolver.h. One entry a name holds the cached answer and the questions that wait for it.
 * Answers are always given from a timer of no delay, so that nobody is called back while asking. c-ares tells
 * which descriptors to watch and when it wants to be called. */
#include "net/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"

enum {
    NAME_BYTES_MAX = 255,
    CACHE_ENTRIES_MAX = 256,
    TRY_TIMEOUT_MS = 1200, /* doubles with the second try */
    TRIES = 2,
    TTL_MIN_S = 1,
    TTL_MAX_S = 3600,
    TTL_UNKNOWN_S = 60,           /* the hosts file names none */
    RETRY_AFTER_US = 1000 * 1000, /* after a failure */
};

struct vg_resolve {
    struct vg_resolve *next, **link;
    vg_resolve_fn fn;
    void *arg;
};

struct entry {
    struct vg_resolver *resolver;
    struct vg_resolved good; /* the last good answer; count 0: none yet */
    struct vg_resolve *waiting;
    int err;            /* of the last query */
    int64_t expires_us; /* until then good or err is taken as it is */
    int64_t used_us;
    bool asking;    /* c-ares has a query for it */
    bool answering; /* on_deliver() holds it */
    char name[NAME_BYTES_MAX + 1];
};

struct socket_watch {
    struct vg_resolver *resolver;
    struct socket_watch *next;
    struct vg_io *io;
    ares_socket_t fd;
};

struct vg_resolver {
    struct vg_loop *loop;
    ares_channel channel;
    struct vg_map *entries;   /* name -> struct entry, owned */
    struct vg_timer *timeout; /* when c-ares wants to be called */
    struct vg_timer *deliver; /* entries have answers to give */
    struct socket_watch *sockets;
    bool ending;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* --- c-ares on the loop ----------------------------------------------------------------------------------
 */

static void rearm(struct vg_resolver *r)
{
    struct timeval room;
    const struct timeval *next = ares_timeout(r->channel, NULL, &room);
    if (next)
        vg_timer_start(r->timeout, (int64_t)next->tv_sec * VG_US_PER_S + next->tv_usec, 0);
    else
        vg_timer_stop(r->timeout);
}

static void on_timeout(void *arg)
{
    struct vg_resolver *r = arg;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    rearm(r);
}

static void on_socket(void *arg, int events)
{
    struct socket_watch *w = arg;
    struct vg_resolver *r = w->resolver;
    ares_socket_t fd = w->fd;
    ares_process_fd(r->channel, events & VG_IO_READ ? fd : ARES_SOCKET_BAD,
                    events & VG_IO_WRITE ? fd : ARES_SOCKET_BAD);
    rearm(r);
}

/* c-ares says what it waits for on a descriptor; nothing means that it is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct vg_resolver *r = arg;
    struct socket_watch **link = &r->sockets;
    while (*link && (*link)->fd != fd)
        link = &(*link)->next;
    struct socket_watch *w = *link;
    if (!readable && !writable) {
        if (w) {
            *link = w->next;
            vg_io_free(w->io);
            free(w);
        }
        return;
    }
    if (!w) {
        w = calloc(1, sizeof *w);
        struct vg_io *io = w ? vg_io_new(r->loop, fd, on_socket, w) : NULL;
        if (!io) {
            free(w); /* the query times out */
            return;
        }
        *w = (struct socket_watch){.resolver = r, .next = r->sockets, .io = io, .fd = fd};
        r->sockets = w;
    }
    vg_io_set(w->io, (readable ? VG_IO_READ : 0) | (writable ? VG_IO_WRITE : 0));
}

/* --- answers ---------------------------------------------------------------------------------------------
 */

static void answer_waiting(struct entry *e)
{
    struct vg_resolved answer = e->good;
    answer.stale = e->err != 0;
    int err = answer.count ? 0 : e->err;
    /* Questions asked by a callback wait for the next turn. */
    struct vg_resolve *due = e->waiting;
    e->waiting = NULL;
    if (due)
        due->link = &due;
    while (due) {
        vg_resolve_fn fn = due->fn;
        void *arg = due->arg;
        vg_resolve_cancel(due);
        fn(arg, err, err ? NULL : &answer);
    }
    e->answering = false;
    if (e->waiting)
        vg_timer_start(e->resolver->deliver, 0, 0);
}

/* Once the name servers have failed, nobody waits for them again: the last good answer is given at once and
 * they are asked meanwhile. */
static bool has_stale(const struct entry *e)
{
    return e->good.count && e->err;
}

static void on_deliver(void *arg)
{
    struct vg_resolver *r = arg;
    size_t cursor = 0;
    struct entry *ready[CACHE_ENTRIES_MAX];
    size_t count = 0;
    /* First collect: callbacks may add names, and the map must not change while it is walked. */
    for (struct entry *e; (e = vg_map_next(r->entries, &cursor, NULL));)
        if (e->waiting && (!e->asking || has_stale(e)) && count < CACHE_ENTRIES_MAX)
            (ready[count++] = e)->answering = true;
    for (size_t i = 0; i < count; i++)
        answer_waiting(ready[i]);
}

static int error_of(int status)
{
    switch (status) {
    case ARES_SUCCESS: return 0;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME: return VG_ENOENT;
    case ARES_ETIMEOUT: return VG_ETIMEOUT;
    case ARES_ENOMEM: return VG_ENOMEM;
    default: return VG_EUNAVAIL;
    }
}

static bool add_address(struct vg_resolved *out, const struct sockaddr *a)
{
    const void *raw = a->sa_family == AF_INET6
                          ? (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr
                          : (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
    if (out->count == VG_RESOLVED_MAX ||
        !inet_ntop(a->sa_family, raw, out->address[out->count], VG_ADDRESS_SIZE))
        return false;
    out->count++;
    return true;
}

/* Takes the addresses; returns how long they live. */
static int64_t take_nodes(struct vg_resolved *out, const struct ares_addrinfo *info)
{
    int ttl_s = TTL_MAX_S;
    for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
        if (add_address(out, n->ai_addr) && n->ai_ttl < ttl_s)
            ttl_s = n->ai_ttl;
    if (ttl_s <= 0)
        ttl_s = TTL_UNKNOWN_S;
    return (int64_t)(ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s) * VG_US_PER_S;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct entry *e = arg;
    struct vg_resolver *r = e->resolver;
    if (r->ending)
        return; /* the entry goes with the resolver */
    e->asking = false;
    struct vg_resolved fresh = {0};
    int64_t life_us = info ? take_nodes(&fresh, info) : 0;
    if (info)
        ares_freeaddrinfo(info);
    e->err = fresh.count ? 0 : error_of(status == ARES_SUCCESS ? ARES_ENODATA : status);
    if (fresh.count)
        e->good = fresh;
    else
        vg_log_warn("net.resolve_failed", "name=%s reason=%s stale=%d", e->name, ares_strerror(status),
                    e->good.count > 0);
    e->expires_us = vg_mono_us() + (fresh.count ? life_us : RETRY_AFTER_US);
    vg_timer_start(r->deliver, 0, 0);
}

static void ask(struct vg_resolver *r, struct entry *e)
{
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    e->asking = true;
    ares_getaddrinfo(r->channel, e->name, NULL, &hints, on_answer, e);
    rearm(r);
}

/* --- the cache -------------------------------------------------------------------------------------------
 */

static void evict_oldest(struct vg_resolver *r)
{
    struct entry *oldest = NULL;
    size_t cursor = 0;
    for (struct entry *e; (e = vg_map_next(r->entries, &cursor, NULL));)
        if (!e->asking && !e->waiting && !e->answering && (!oldest || e->used_us < oldest->used_us))
            oldest = e;
    if (oldest)
        free(vg_map_remove(r->entries, oldest->name));
}

static struct entry *entry_for(struct vg_resolver *r, const char *name)
{
    struct entry *e = vg_map_get(r->entries, name);
    if (e)
        return e;
    if (vg_map_count(r->entries) >= CACHE_ENTRIES_MAX)
        evict_oldest(r);
    if (vg_map_count(r->entries) >= CACHE_ENTRIES_MAX)
        return NULL; /* all are being asked for */
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->resolver = r;
    strcpy(e->name, name); /* the caller checked its length */
    if (vg_map_put(r->entries, name, e) < 0) {
        free(e);
        return NULL;
    }
    return e;
}

struct vg_resolve *vg_resolve(struct vg_resolver *r, const char *name, vg_resolve_fn fn, void *arg)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_BYTES_MAX)
        return NULL;
    struct entry *e = entry_for(r, name);
    struct vg_resolve *q = e ? calloc(1, sizeof *q) : NULL;
    if (!q)
        return NULL;
    *q = (struct vg_resolve){.next = e->waiting, .link = &e->waiting, .fn = fn, .arg = arg};
    if (q->next)
        q->next->link = &q->next;
    e->waiting = q;
    e->used_us = vg_mono_us();
    if (!e->asking && e->used_us >= e->expires_us)
        ask(r, e);
    if (!e->asking || has_stale(e))
        vg_timer_start(r->deliver, 0, 0);
    return q;
}

void vg_resolve_cancel(struct vg_resolve *question)
{
    *question->link = question->next;
    if (question->next)
        question->next->link = question->link;
    free(question);
}

struct vg_resolver *vg_resolver_new(struct vg_loop *loop, const char *servers)
{
    pthread_once(&library_once, library_init);
    struct vg_resolver *r = calloc(1, sizeof *r);
    if (!r || library_status != ARES_SUCCESS) {
        free(r);
        return NULL;
    }
    r->loop = loop;
    struct ares_options options = {
        .timeout = TRY_TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket_state, .sock_state_cb_data = r};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    r->entries = vg_map_new();
    r->timeout = vg_timer_new(loop, on_timeout, r);
    r->deliver = vg_timer_new(loop, on_deliver, r);
    if (!r->entries || !r->timeout || !r->deliver ||
        ares_init_options(&r->channel, &options, mask) != ARES_SUCCESS)
        return vg_resolver_free(r);
    if (servers && ares_set_servers_ports_csv(r->channel, servers) != ARES_SUCCESS)
        return vg_resolver_free(r);
    return r;
}

struct vg_resolver *vg_resolver_free(struct vg_resolver *r)
{
    if (!r)
        return NULL;
    r->ending = true;
    if (r->channel)
        ares_destroy(r->channel);
    vg_timer_free(r->timeout);
    vg_timer_free(r->deliver);
    size_t cursor = 0;
    for (struct entry *e; r->entries && (e = vg_map_next(r->entries, &cursor, NULL));) {
        while (e->waiting)
            vg_resolve_cancel(e->waiting);
        free(e);
    }
    vg_map_free(r->entries);
    free(r);
    return NULL;
}
