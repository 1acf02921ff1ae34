/* See bus_harness.h. */
#include "bus_harness.h"

#include <stdlib.h>
#include <string.h>

#include "obs/metrics.h"

struct run {
    struct vg_loop *loop;
    bool (*done)(void *arg);
    void *arg;
    int left_ms;
    bool ok;
};

static void on_tick(void *arg)
{
    struct run *run = arg;
    run->ok = run->done && run->done(run->arg);
    if (run->ok || --run->left_ms <= 0)
        vg_loop_stop(run->loop);
}

bool harness_run(struct vg_loop *loop, bool (*done)(void *arg), void *arg, int ms)
{
    struct run run = {.loop = loop, .done = done, .arg = arg, .left_ms = ms};
    if (done && done(arg))
        return true;
    struct vg_timer *timer = vg_timer_new(loop, on_tick, &run);
    vg_timer_start(timer, 1000, 1000);
    vg_loop_run(loop);
    vg_timer_free(timer);
    return run.ok;
}

struct counted {
    const int *counter;
    int at_least;
};

static bool counter_there(void *arg)
{
    const struct counted *c = arg;
    return *c->counter >= c->at_least;
}

bool harness_until(struct vg_loop *loop, const int *counter, int at_least, int ms)
{
    struct counted c = {counter, at_least};
    return harness_run(loop, counter_there, &c, ms);
}

struct state {
    struct vg_bus *bus;
    bool up;
};

static bool state_there(void *arg)
{
    const struct state *s = arg;
    return vg_bus_up(s->bus) == s->up;
}

bool harness_until_up(struct vg_loop *loop, struct vg_bus *bus, bool up, int ms)
{
    struct state s = {bus, up};
    return harness_run(loop, state_there, &s, ms);
}

double harness_metric(const char *name)
{
    struct vg_buf text = VG_BUF_INIT;
    double sum = 0;
    size_t n = strlen(name);
    vg_metrics_write(&text);
    for (const char *line = vg_buf_str(&text); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && (line[n] == ' ' || line[n] == '{'))
            sum += atof(strchr(line, ' '));
    }
    vg_buf_free(&text);
    return sum;
}
