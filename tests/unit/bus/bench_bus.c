/* How fast the bus is against a real Redis on a Unix socket, both on this machine: events published and rate
 * checks, by the wall clock and by this thread's CPU. Not a test; built on demand: `ninja bench_bus &&
 * bin/bench_bus`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bus_harness.h"
#include "redis_fixture.h"

struct bench {
    struct vg_bus *bus;
    struct vg_loop *loop;
    struct vg_timer *timer;
    int sent, total, burst;
    int told, local, allowed;
    int tenants;
    int64_t wait_us;
};

static char payload[200];

static void on_publish_turn(void *arg)
{
    struct bench *b = arg;
    for (int i = 0; i < b->burst && b->sent < b->total; i++, b->sent++)
        vg_bus_publish(b->bus, "audio:call_bench", payload, sizeof payload);
    if (b->sent == b->total)
        vg_timer_stop(b->timer);
}

static bool published(void *arg)
{
    const struct bench *b = arg;
    return b->sent == b->total && harness_metric("voxgate_bus_queue_bytes") == 0;
}

struct ask {
    struct bench *bench;
    int64_t at_us;
};

static void on_rate(void *arg, const struct vg_rate_result *result)
{
    struct ask *ask = arg;
    ask->bench->wait_us += vg_mono_us() - ask->at_us;
    ask->bench->told++;
    ask->bench->local += result->local;
    ask->bench->allowed += result->allowed;
    free(ask);
}

static void on_rate_turn(void *arg)
{
    struct bench *b = arg;
    char key[32];
    /* As a server with so many requests at a time: new ones as old ones are answered. */
    for (int i = 0; i < b->burst && b->sent < b->total && b->sent - b->told < b->burst; i++) {
        struct ask *ask = malloc(sizeof *ask);
        *ask = (struct ask){b, vg_mono_us()};
        snprintf(key, sizeof key, "tnt_%d", b->sent++ % b->tenants);
        vg_bus_rate(b->bus, key, 1000000000, 60, on_rate, ask);
    }
}

static bool rated(void *arg)
{
    const struct bench *b = arg;
    return b->told == b->total;
}

static void report(const char *what, int n, int64_t wall_us, int64_t cpu_us)
{
    printf("%-44s %9.0f/s  %6.2f us CPU each\n", what, n * 1e6 / (double)wall_us, (double)cpu_us / n);
}

static void bench_publish(struct bench *b, int burst)
{
    char what[64];
    b->sent = 0;
    b->total = 400000;
    b->burst = burst;
    int64_t wall_us = vg_mono_us(), cpu_us = vg_thread_cpu_us();
    b->timer = vg_timer_new(b->loop, on_publish_turn, b);
    vg_timer_start(b->timer, 1, 1);
    harness_run(b->loop, published, b, 60000);
    snprintf(what, sizeof what, "publish 200 bytes, %d a loop turn", burst);
    report(what, b->total, vg_mono_us() - wall_us, vg_thread_cpu_us() - cpu_us);
    b->timer = vg_timer_free(b->timer);
}

static void bench_rate(struct bench *b, int tenants, int burst)
{
    char what[64];
    b->sent = b->told = b->local = 0;
    b->wait_us = 0;
    b->total = 200000;
    b->burst = burst;
    b->tenants = tenants;
    int64_t wall_us = vg_mono_us(), cpu_us = vg_thread_cpu_us();
    b->timer = vg_timer_new(b->loop, on_rate_turn, b);
    vg_timer_start(b->timer, 1, 1);
    harness_run(b->loop, rated, b, 60000);
    snprintf(what, sizeof what, "rate, %d tenants, %d at a time", tenants, burst);
    report(what, b->told, vg_mono_us() - wall_us, vg_thread_cpu_us() - cpu_us);
    printf("    waited %.0f us on average, %d decided locally\n", (double)b->wait_us / b->told, b->local);
    b->timer = vg_timer_free(b->timer);
}

int main(void)
{
    static struct bench b;
    struct redis_fixture redis;
    redis_fixture_open(&redis, 0, NULL);
    b.loop = vg_loop_new("bench");
    memset(payload, 'x', sizeof payload);
    struct vg_bus_config config = {.url = redis.url, .instance_id = "bench", .queue_bytes_max = 512 << 20};
    if (vg_bus_new(&b.bus, b.loop, &config) != VG_OK || !harness_until_up(b.loop, b.bus, true, 2000))
        return 1;
    bench_publish(&b, 10);
    bench_publish(&b, 100);
    bench_publish(&b, 1000);
    bench_rate(&b, 1, 1);
    bench_rate(&b, 1, 100);
    bench_rate(&b, 100, 100);
    bench_rate(&b, 100, 1000);
    vg_bus_free(b.bus);
    vg_loop_free(b.loop);
    redis_fixture_close(&redis);
    return 0;
}
