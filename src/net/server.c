/* The server of one shard: puts its parts together and sweeps them. See server_private.h for who does what.
 */
#include "net/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/server_private.h"

enum {
    SWEEP_MIN_US = 10 * 1000,
    SWEEP_MAX_US = 250 * 1000, /* so that a close of 1.5 s ends within 2 s */
};

/* One pass over all connections finds what is late: a comparison each, against a sorted timer for each. */
static void on_sweep(void *arg)
{
    struct vg_server *s = arg;
    int64_t now_us = vg_loop_now_us(s->loop);
    for (struct conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        conn_sweep(c, now_us);
    }
    ws_host_sweep(s->ws, now_us);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return b && b < a ? b : a;
}

/* A quarter of the shortest time that is watched. */
static int64_t sweep_period_us(const struct vg_server_config *config)
{
    int64_t us = 4 * (int64_t)SWEEP_MAX_US;
    us = smaller(us, config->header_timeout_us);
    us = smaller(us, config->idle_timeout_us);
    us = smaller(us, config->ws_ping_interval_us);
    us = smaller(us, config->ws_pong_timeout_us);
    us /= 4;
    return us < SWEEP_MIN_US ? SWEEP_MIN_US : us;
}

static void set_defaults(struct vg_server_config *config)
{
    if (!config->body_bytes_max)
        config->body_bytes_max = 1024 * 1024;
    if (!config->ws_queue_bytes_max)
        config->ws_queue_bytes_max = 1024 * 1024;
    if (!config->header_timeout_us)
        config->header_timeout_us = 10 * VG_US_PER_S;
    if (!config->idle_timeout_us)
        config->idle_timeout_us = 75 * VG_US_PER_S;
}

static int start(struct vg_server *s)
{
    const struct vg_server_config *config = &s->config;
    if (!config->tls_cert_file != !config->tls_key_file)
        return VG_EINVAL;
    s->scratch = malloc(SCRATCH_BYTES);
    s->sweep = vg_timer_new(s->loop, on_sweep, s);
    if (!s->scratch || !s->sweep)
        return VG_ENOMEM;
    int err = cors_new(&s->cors, config->cors_origins);
    if (!err)
        err = address_set_new(&s->trusted, config->trusted_proxies);
    if (!err && config->tls_cert_file)
        err = tls_new(&s->tls, config->tls_cert_file, config->tls_key_file);
    if (!err)
        err = ws_host_new(&s->ws, s);
    if (!err)
        err = listener_new(&s->listener, s);
    if (err)
        return err;
    int64_t period_us = sweep_period_us(config);
    vg_timer_start(s->sweep, period_us, period_us);
    return 0;
}

int vg_server_new(struct vg_server **out, struct vg_loop *loop, const struct vg_server_config *config,
                  const struct vg_server_handlers *handlers)
{
    struct vg_server *s = calloc(1, sizeof *s);
    if (!s)
        return VG_ENOMEM;
    s->loop = loop;
    s->config = *config;
    s->handlers = *handlers;
    set_defaults(&s->config);
    int err = start(s);
    /* The strings were borrowed for the start alone. */
    s->config.host = s->config.cors_origins = s->config.trusted_proxies = NULL;
    s->config.tls_cert_file = s->config.tls_key_file = NULL;
    if (err) {
        vg_server_free(s);
        return err;
    }
    *out = s;
    return 0;
}

int vg_server_port(const struct vg_server *s)
{
    return s->port;
}

void vg_server_stop_accepting(struct vg_server *s)
{
    loop_assert_here(s->loop);
    listener_stop(s->listener);
}

unsigned vg_server_connections(const struct vg_server *s)
{
    return s->connections;
}

struct vg_server *vg_server_free(struct vg_server *s)
{
    if (!s)
        return NULL;
    loop_assert_here(s->loop);
    if (s->listener)
        listener_stop(s->listener);
    while (s->conns)
        conn_close(s->conns);
    s->ws = ws_host_free(s->ws);
    while (s->relays)
        relay_close(s->relays);
    /* Requests that handlers still have are answered into the void later. */
    for (struct vg_http_request *r = s->requests; r; r = r->next)
        r->server = NULL;
    s->requests = NULL;
    s->sweep = vg_timer_free(s->sweep);
    s->listener = listener_free(s->listener);
    s->tls = tls_free(s->tls);
    s->trusted = address_set_free(s->trusted);
    s->cors = cors_free(s->cors);
    free(s->scratch);
    free(s);
    return NULL;
}
