/* How many calls, for how long, and whether that was good: one step, the search for the capacity, the soak,
 * the overload. Main thread; the load itself is in worker.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench/bench.h"
#include "cli/options.h"

enum {
    P99_MAX_US = 5000,
    CLIENT_LATE_US = 1000,
    BUILD_UP_LEAST_S = 30, /* and twice what the ramp takes, at most: */
    BUILD_UP_MOST_S = 120,
    SEARCH_STEPS_MAX = 16,
    RECOVER_MOST_S = 20,
};
static const double late_share_max = 0.001, search_growth = 1.4;
static const double field_failed_max = 0.005, field_turn_growth = 1.25;

/* --- holding a load --------------------------------------------------------------------------------------
 */

static void pause_us(int64_t us)
{
    struct timespec t = {.tv_sec = us / VG_US_PER_S, .tv_nsec = us % VG_US_PER_S * 1000};
    nanosleep(&t, NULL);
}

static void set_target(struct bench *b, int64_t calls)
{
    int64_t n = b->options->threads;
    for (int64_t i = 0; i < n; i++)
        atomic_store_explicit(&b->workers[i].target, calls / n + (i < calls % n), memory_order_relaxed);
}

static int64_t held(const struct bench *b, int64_t *busy)
{
    int64_t up = 0, others = 0;
    for (int64_t i = 0; i < b->options->threads; i++) {
        up += atomic_load_explicit(&b->workers[i].held, memory_order_relaxed);
        others += atomic_load_explicit(&b->workers[i].busy, memory_order_relaxed);
    }
    if (busy)
        *busy = others;
    return up;
}

static void collect(struct bench *b, struct stats *into)
{
    struct stats *now = calloc(1, sizeof *now);
    if (!now)
        return;
    for (int64_t i = 0; i < b->options->threads; i++)
        worker_collect(&b->workers[i], now);
    stats_merge(&b->total, now);
    if (into)
        stats_merge(into, now);
    free(now);
}

static void progress(const struct bench *b, const char *doing, int64_t wanted, const struct stats *s)
{
    if (b->options->quiet || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r\033[K%s %lld of %lld calls, %llu frames sent, ping p99 %.2f ms, failed %llu", doing,
            (long long)held(b, NULL), (long long)wanted, (unsigned long long)s->frames_sent,
            (double)hist_quantile_us(&s->ping, 0.99) / 1000, (unsigned long long)stats_failures(s, true));
    fflush(stderr);
}

static void progress_end(const struct bench *b)
{
    if (!b->options->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* Waits until the load stands, or cannot: calls are refused or fail, or too much time passed. */
static void build_up(struct bench *b, int64_t calls, struct stats *coming)
{
    int64_t ramp = b->options->ramp, begun = vg_mono_us(), busy = 0;
    int64_t most_s = ramp ? BUILD_UP_LEAST_S + 2 * calls / ramp : BUILD_UP_MOST_S;
    most_s = most_s < BUILD_UP_MOST_S ? most_s : BUILD_UP_MOST_S;
    set_target(b, calls);
    for (int tick = 1;; tick++) {
        pause_us(50000);
        bool there = held(b, &busy) == calls && busy == 0;
        if (tick % 20 == 0 || there) {
            collect(b, coming);
            progress(b, "setting up:", calls, coming);
        }
        bool hopeless = stats_failures(coming, true) > (uint64_t)(calls / 20 + 20);
        if (there || hopeless || vg_mono_us() - begun > most_s * VG_US_PER_S)
            return;
    }
}

/* `refusals`: calls may be refused in order, that is what is tried. */
static void judge(struct step *s, bool refusals)
{
    const struct stats *st = &s->stats;
    int64_t p99 = hist_quantile_us(&st->ping, 0.99);
    double dropped = s->counts_after.dropped - s->counts_before.dropped;
    s->client_bound = hist_quantile_us(&st->send_late, 0.99) > CLIENT_LATE_US;
    uint64_t failures = stats_failures(st, !refusals) + stats_failures(&s->coming, !refusals);
    s->verdict = failures > 0 || (s->held < s->calls && !refusals)         ? "failed calls"
                 : st->gaps > 0 || dropped > 0                             ? "lost frames"
                 : (double)st->late > late_share_max * (double)st->replies ? "late frames"
                 : p99 > P99_MAX_US                                        ? "ping p99"
                                                                           : "good";
    s->good = strcmp(s->verdict, "good") == 0;
}

static void read_counts(const struct bench *b, struct server_counts *out)
{
    *out = (struct server_counts){0};
    if (b->load.rest)
        counts_read(out, &b->load.url);
}

/* Holds `calls` for `seconds` and measures. NULL: out of memory. */
static struct step *hold(struct bench *b, int64_t calls, int64_t seconds)
{
    struct step *grown = realloc(b->steps, (b->step_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    b->steps = grown;
    struct step *s = &grown[b->step_count++];
    memset(s, 0, sizeof *s);
    s->calls = calls;
    build_up(b, calls, &s->coming);
    for (int64_t i = 0; i < b->options->settle_s; i++) {
        pause_us(VG_US_PER_S);
        collect(b, &s->coming);
        progress(b, "settling:", calls, &s->coming);
    }
    read_counts(b, &s->counts_before);
    collect(b, &s->coming);
    proc_sample(&s->before, b->options->pid);
    int64_t cpu = proc_own_cpu_us();
    for (int64_t i = 0; i < seconds; i++) {
        pause_us(s->before.at_us + (i + 1) * VG_US_PER_S - vg_mono_us());
        collect(b, &s->stats);
        progress(b, "measuring:", calls, &s->stats);
    }
    proc_sample(&s->after, b->options->pid);
    s->seconds = (double)(s->after.at_us - s->before.at_us) / VG_US_PER_S;
    s->client_cpu = (double)(proc_own_cpu_us() - cpu) / VG_US_PER_S / s->seconds;
    read_counts(b, &s->counts_after);
    s->held = held(b, NULL);
    judge(s, b->options->overload);
    progress_end(b);
    report_step(b, s);
    return s;
}

/* --- kinds of run ----------------------------------------------------------------------------------------
 */

static bool field_good(const struct bench *b, const struct step *s)
{
    double failed = (double)(stats_failures(&s->stats, true) + stats_failures(&s->coming, true));
    double base = (double)hist_quantile_us(&b->steps[0].stats.turn, 0.95);
    double turn = (double)hist_quantile_us(&s->stats.turn, 0.95);
    return failed < field_failed_max * (double)s->calls && turn <= base * field_turn_growth;
}

static bool note(struct bench *b, const struct step *s)
{
    if (s->good && s->held > b->capacity)
        b->capacity = s->held;
    if (field_good(b, s) && s->held > b->field_capacity)
        b->field_capacity = s->held;
    return s->good;
}

static void hang_up_all(struct bench *b)
{
    int64_t busy = 0;
    set_target(b, 0);
    for (int i = 0; i < 200; i++) {
        pause_us(50000);
        if (held(b, &busy) == 0 && busy == 0)
            break;
    }
    collect(b, NULL);
}

/* Grows the load until it is too much (or shrinks it until it is not), then halves the distance. A bad step
 * is tried once more, since the machine may be shared, and with new calls: what an overload left behind in
 * the old ones is not what is asked. */
static int search(struct bench *b)
{
    const struct bench_options *o = b->options;
    int64_t good = 0, bad = 0;
    int64_t next = o->calls ? o->calls : b->frames.shape->first_calls;
    bool again = false;
    if (!hold(b, next / 4 > 0 ? next / 4 : 1, o->duration_s))
        return CLI_FAILED;
    if (note(b, &b->steps[0]))
        good = b->steps[0].calls;
    for (int i = 0; i < SEARCH_STEPS_MAX; i++) {
        const struct step *s = hold(b, next, o->duration_s);
        if (!s)
            return CLI_FAILED;
        if (note(b, s)) {
            good = next;
            again = false;
        } else {
            hang_up_all(b);
            again = !again;
            if (again)
                continue;
            bad = next;
        }
        if ((bad && bad - good <= bad * o->precision_pct / 100) || good >= o->calls_max)
            break;
        int64_t step = good == 0 ? bad / 3
                       : bad > 0 ? (good + bad) / 2
                                 : (int64_t)((double)good * search_growth);
        next = step > o->calls_max ? o->calls_max : step;
        if (next < 1)
            break;
    }
    return CLI_OK;
}

static int soak(struct bench *b)
{
    const struct bench_options *o = b->options;
    int64_t slice = o->duration_s >= 100 ? o->duration_s / 10 : o->duration_s / 2;
    for (int64_t done = 0; done<o->duration_s; done += slice> 0 ? slice : 1) {
        if (!hold(b, o->calls, slice > 0 ? slice : 1))
            return CLI_FAILED;
        note(b, &b->steps[b->step_count - 1]);
    }
    const struct step *first = &b->steps[0], *last = &b->steps[b->step_count - 1];
    if (first->after.rss_bytes > 0)
        b->soak_growth =
            (double)(last->after.rss_bytes - first->after.rss_bytes) / (double)first->after.rss_bytes;
    return CLI_OK;
}

/* Calls that say nothing: how long until all of them are there. */
static int setup(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct stats *coming = calloc(1, sizeof *coming);
    if (!coming)
        return CLI_FAILED;
    proc_sample(&b->setup_before, o->pid);
    build_up(b, o->calls, coming);
    proc_sample(&b->setup_after, o->pid);
    struct step *s = hold(b, o->calls, 1);
    if (s)
        stats_merge(&s->coming, coming);
    free(coming);
    if (!s)
        return CLI_FAILED;
    note(b, s);
    b->setup_s =
        s->held == o->calls ? (double)(s->coming.last_up_us - b->setup_before.at_us) / VG_US_PER_S : -1;
    return s->good ? CLI_OK : CLI_FAILED;
}

/* Half as many calls again, then 60 %: how long until the p99 of a second is good again. */
static int overload(struct bench *b)
{
    const struct bench_options *o = b->options;
    if (!hold(b, o->calls, o->duration_s) || !hold(b, o->calls * 3 / 2, o->duration_s))
        return CLI_FAILED;
    note(b, &b->steps[0]);
    set_target(b, o->calls * 6 / 10);
    int64_t begun = vg_mono_us(), busy = 1;
    b->recovered_s = -1;
    while (b->recovered_s < 0 && vg_mono_us() - begun < RECOVER_MOST_S * VG_US_PER_S) {
        struct stats second = {0};
        pause_us(VG_US_PER_S);
        collect(b, &second);
        held(b, &busy);
        if (busy == 0 && second.ping.n > 0 && hist_quantile_us(&second.ping, 0.99) <= P99_MAX_US)
            b->recovered_s = (double)(vg_mono_us() - begun) / VG_US_PER_S;
    }
    return hold(b, o->calls * 6 / 10, o->duration_s) ? CLI_OK : CLI_FAILED;
}

int bench_run(struct bench *b)
{
    const struct bench_options *o = b->options;
    b->workers = calloc((size_t)o->threads, sizeof *b->workers);
    if (!b->workers)
        return CLI_FAILED;
    proc_sample(&b->idle.after, o->pid);
    for (int64_t i = 0; i < o->threads; i++) {
        if (worker_start(&b->workers[i], &b->load, (int)i)) {
            fputs("voxgate bench: a thread of the load cannot start\n", stderr);
            return CLI_FAILED;
        }
    }
    report_heading(b);
    int rc;
    if (o->search)
        rc = search(b);
    else if (o->soak)
        rc = soak(b);
    else if (o->setup)
        rc = setup(b);
    else if (o->overload)
        rc = overload(b);
    else
        rc = hold(b, o->calls ? o->calls : b->frames.shape->first_calls, o->duration_s) ? CLI_OK : CLI_FAILED;
    if (b->step_count > 0)
        note(b, &b->steps[b->step_count - 1]);
    hang_up_all(b);
    for (int64_t i = 0; i < o->threads; i++)
        worker_end(&b->workers[i]);
    free(b->workers);
    b->workers = NULL;
    return rc;
}
