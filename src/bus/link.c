/* See link.h. States: idle -> resolving -> connecting -> up -> waiting -> resolving ... A lost connection
 * tells every reply that it owes (NULL) before `down`. `link->ac` is the connection in use; one that was
 * given up is no longer there, so that late callbacks of hiredis about it are recognised. */
#include "bus/link.h"

#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "bus/link_io.h"
#include "net/resolver.h"

enum link_state { LINK_IDLE, LINK_RESOLVING, LINK_CONNECTING, LINK_UP, LINK_WAITING };

struct bus_link {
    struct bus_link_config config;
    enum link_state state;
    redisAsyncContext *ac;        /* NULL while there is none */
    struct vg_timer *retry;       /* ends LINK_WAITING */
    struct vg_timer *watch;       /* the deadlines, while there is a connection */
    struct vg_resolver *resolver; /* NULL where the server is a Unix socket */
    struct vg_resolve *question;  /* while LINK_RESOLVING */
    struct vg_resolved address;   /* the last good answer */
    unsigned attempts;            /* since the last time up */
    int64_t connect_until_us;
    int64_t alive_us;     /* the last byte, or when nothing was due */
    int64_t watched_us;   /* the last look */
    int64_t heartbeat_us; /* the last one sent */
    char heartbeat_channel[96];
};

static void link_lost(struct bus_link *link, const char *why);

static void on_retry(void *arg);
static void on_watch(void *arg);

/* --- replies of the link's own commands --- */

/* Something refused the connection in words: wrong password, no such database, still loading. */
static void on_setup_reply(redisAsyncContext *ac, void *reply, void *arg)
{
    struct bus_link *link = arg;
    const redisReply *r = reply;
    if (r && r->type == REDIS_REPLY_ERROR && link->ac == ac)
        link_lost(link, r->str);
}

static void on_pong(redisAsyncContext *ac, void *reply, void *arg)
{
    struct bus_link *link = arg;
    const redisReply *r = reply;
    if (!r || link->ac != ac || link->state != LINK_CONNECTING)
        return;
    if (r->type == REDIS_REPLY_ERROR) {
        link_lost(link, r->str);
        return;
    }
    link->state = LINK_UP;
    vg_log_info("redis.up", "link=%s attempts=%u", link->config.name, link->attempts);
    link->attempts = 0;
    link->config.up(link->config.arg);
}

/* --- losing --- */

static void link_wait(struct bus_link *link)
{
    unsigned shift = link->attempts < 5 ? link->attempts : 5;
    int64_t wait_us = (int64_t)BUS_BACKOFF_MIN_US << shift;
    wait_us = wait_us < BUS_BACKOFF_MAX_US ? wait_us : BUS_BACKOFF_MAX_US;
    uint32_t dice;
    vg_random_bytes(&dice, sizeof dice);
    wait_us = wait_us / 2 + dice % (wait_us / 2 + 1);
    link->attempts++;
    link->state = LINK_WAITING;
    vg_timer_stop(link->watch);
    vg_timer_start(link->retry, wait_us, 0);
}

/* The connection is gone, or there never was one. hiredis has told, or is about to tell, the replies it owes.
 */
static void link_ended(struct bus_link *link, const char *why)
{
    bool was_up = link->state == LINK_UP;
    link->ac = NULL;
    if (was_up || link->attempts == 0)
        vg_log_warn("redis.down", "link=%s reason=%s", link->config.name, why);
    link_wait(link);
    if (was_up)
        link->config.down(link->config.arg);
}

/* Gives the connection up from our side. */
static void link_lost(struct bus_link *link, const char *why)
{
    redisAsyncContext *ac = link->ac;
    char reason[128];
    snprintf(reason, sizeof reason, "%s", why);
    link->ac = NULL;
    if (ac)
        redisAsyncFree(ac); /* tells the replies; inside a callback of hiredis it does so a little later */
    link_ended(link, reason);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct bus_link *link = ac->data;
    if (link->ac == ac)
        link_ended(link, status == REDIS_OK ? "closed" : ac->errstr);
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct bus_link *link = ac->data;
    if (status != REDIS_OK && link->ac == ac)
        link_ended(link,
                   ac->errstr && *ac->errstr ? ac->errstr : "connection refused"); /* hiredis frees it */
}

/* --- connecting --- */

static void on_ready(void *arg, redisAsyncContext *ac, int events)
{
    struct bus_link *link = arg;
    if (events & VG_IO_READ) {
        link->alive_us = vg_loop_now_us(link->config.loop);
        redisAsyncHandleRead(ac);
        if (link->ac != ac)
            return;
    }
    if (events & VG_IO_WRITE) {
        if (link->state == LINK_UP)
            link->config.writable(link->config.arg);
        if (link->ac == ac)
            redisAsyncHandleWrite(ac);
    }
}

static int send_words(struct bus_link *link, redisCallbackFn *fn, const char *a, const char *b, const char *c)
{
    const char *argv[] = {a, b, c};
    size_t bytes[] = {strlen(a), b ? strlen(b) : 0, c ? strlen(c) : 0};
    int argc = !b ? 1 : !c ? 2 : 3;
    return redisAsyncCommandArgv(link->ac, fn, link, argc, argv, bytes) == REDIS_OK ? VG_OK : VG_EUNAVAIL;
}

/* All of it in one pipeline; the PONG comes last and opens the link. */
static int send_setup(struct bus_link *link)
{
    const struct bus_url *url = link->config.url;
    int err = VG_OK;
    if (url->password && url->user)
        err = send_words(link, on_setup_reply, "AUTH", url->user, url->password);
    else if (url->password)
        err = send_words(link, on_setup_reply, "AUTH", url->password, NULL);
    if (!err && url->db > 0) {
        char db[16];
        snprintf(db, sizeof db, "%d", url->db);
        err = send_words(link, on_setup_reply, "SELECT", db, NULL);
    }
    if (!err) {
        char name[96];
        snprintf(name, sizeof name, "voxgate-%.60s-%s", link->config.instance_id, link->config.name);
        for (char *p = name; *p; p++)
            *p = *p > ' ' && *p < 0x7f ? *p : '_';
        err = send_words(link, NULL, "CLIENT", "SETNAME", name);
    }
    return err ? err : send_words(link, on_pong, "PING", NULL, NULL);
}

static void link_connect(struct bus_link *link)
{
    const struct bus_url *url = link->config.url;
    const char *address = url->path ? url->path : link->address.address[link->attempts % link->address.count];
    redisAsyncContext *ac =
        url->path ? redisAsyncConnectUnix(address) : redisAsyncConnect(address, url->port);
    if (!ac || ac->err) {
        char why[128];
        snprintf(why, sizeof why, "%s", ac ? ac->errstr : "out of memory");
        if (ac)
            redisAsyncFree(ac);
        link_ended(link, why);
        return;
    }
    ac->data = link;
    link->ac = ac;
    link->state = LINK_CONNECTING;
    link->alive_us = link->watched_us = link->heartbeat_us = vg_loop_now_us(link->config.loop);
    link->connect_until_us = link->alive_us + BUS_CONNECT_DEADLINE_US;
    if (link_io_attach(ac, link->config.loop, on_ready, link) != VG_OK) {
        link_lost(link, "out of memory");
        return;
    }
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    if (send_setup(link) != VG_OK) {
        link_lost(link, "could not begin");
        return;
    }
    vg_timer_start(link->watch, BUS_WATCH_US, BUS_WATCH_US);
}

static void on_resolved(void *arg, int err, const struct vg_resolved *found)
{
    struct bus_link *link = arg;
    link->question = NULL;
    if (!err)
        link->address = *found;
    if (link->address.count > 0)
        link_connect(link);
    else
        link_ended(link, "host name not found");
}

static void link_begin(struct bus_link *link)
{
    link->state = LINK_RESOLVING;
    if (!link->resolver) {
        link_connect(link);
        return;
    }
    link->question = vg_resolve(link->resolver, link->config.url->host, on_resolved, link);
    if (!link->question)
        link_ended(link, "the host name cannot be resolved");
}

static void on_retry(void *arg)
{
    link_begin(arg);
}

/* --- watching --- */

/* A subscribed connection takes no PING (hiredis 0.14 would keep a callback of each); subscribing again to a
 * channel of its own is answered as well, and keeps the connection in its mode. */
static void on_heartbeat_message(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac, (void)reply, (void)arg;
}

static void heartbeat_send(struct bus_link *link, int64_t now_us)
{
    link->heartbeat_us = now_us;
    int err = link->config.subscriber
                  ? send_words(link, on_heartbeat_message, "SUBSCRIBE", link->heartbeat_channel, NULL)
                  : send_words(link, on_setup_reply, "PING", NULL, NULL);
    if (err)
        link_lost(link, "heartbeat not sent");
}

/* True if Redis owes something since `alive_us`. */
static bool answer_due(const struct bus_link *link)
{
    return link->config.subscriber ? link->heartbeat_us > link->alive_us : link->ac->replies.head != NULL;
}

static void on_watch(void *arg)
{
    struct bus_link *link = arg;
    int64_t now_us = vg_loop_now_us(link->config.loop);
    bool loop_stalled = now_us - link->watched_us > 3 * BUS_WATCH_US;
    link->watched_us = now_us;
    if (link->state == LINK_CONNECTING) {
        if (now_us > link->connect_until_us)
            link_lost(link, "no answer in time while connecting");
        return;
    }
    if (link->state != LINK_UP)
        return;
    if (answer_due(link)) {
        int64_t *since_us = link->config.subscriber ? &link->heartbeat_us : &link->alive_us;
        if (loop_stalled)
            *since_us = now_us; /* the answer may lie unread: not the fault of Redis */
        else if (now_us - *since_us > BUS_REPLY_DEADLINE_US)
            link_lost(link, "no answer in time");
        return;
    }
    if (!link->config.subscriber)
        link->alive_us = now_us;
    if (now_us - link->heartbeat_us > BUS_HEARTBEAT_US)
        heartbeat_send(link, now_us);
}

/* --- the rest of the interface --- */

struct bus_link *bus_link_new(const struct bus_link_config *config)
{
    struct bus_link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->config = *config;
    snprintf(link->heartbeat_channel, sizeof link->heartbeat_channel, "voxgate:heartbeat:%.60s",
             config->instance_id);
    link->retry = vg_timer_new(config->loop, on_retry, link);
    link->watch = vg_timer_new(config->loop, on_watch, link);
    if (config->url->host)
        link->resolver = vg_resolver_new(config->loop, NULL);
    bool made = link->retry && link->watch && (link->resolver || !config->url->host);
    return made ? link : bus_link_free(link);
}

struct bus_link *bus_link_free(struct bus_link *link)
{
    if (!link)
        return NULL;
    redisAsyncContext *ac = link->ac;
    link->ac = NULL;
    link->state = LINK_IDLE;
    if (link->question)
        vg_resolve_cancel(link->question);
    link->resolver = vg_resolver_free(link->resolver);
    if (ac)
        redisAsyncFree(ac);
    link->retry = vg_timer_free(link->retry);
    link->watch = vg_timer_free(link->watch);
    free(link);
    return NULL;
}

void bus_link_start(struct bus_link *link)
{
    if (link->state == LINK_IDLE)
        link_begin(link);
}

bool bus_link_is_up(const struct bus_link *link)
{
    return link->state == LINK_UP;
}

int bus_link_send(struct bus_link *link, redisCallbackFn *fn, void *arg, int argc, const char **argv,
                  const size_t *bytes)
{
    if (link->state != LINK_UP || !link->ac)
        return VG_EUNAVAIL;
    return redisAsyncCommandArgv(link->ac, fn, arg, argc, argv, bytes) == REDIS_OK ? VG_OK : VG_EUNAVAIL;
}

void bus_link_want_write(struct bus_link *link)
{
    if (link->state == LINK_UP && link->ac)
        link_io_want_write(link->ac);
}
