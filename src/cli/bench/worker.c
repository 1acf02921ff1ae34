/* The thread of a load generator: sends what is due by two wheels (audio, pings), starts and ends calls until
 * there are as many as wanted, reads what comes. See load.h. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench/load.h"

enum {
    AUDIO_TICK_US = 250,
    PING_TICK_US = 1000,
    PING_PERIOD_US = VG_US_PER_S,
    EVENTS = 64, /* at a time: audio that is due goes before the rest */
    SETTING_UP_MAX = 192,
    BEGIN_BURST = 16,
    SWEEP_US = 500000,
    SETUP_TIME_US = 15 * VG_US_PER_S,
    END_TIME_US = 5 * VG_US_PER_S,
};

const char *const failure_names[FAILURES] = {
    [FAIL_CAPACITY] = "refused_capacity",
    [FAIL_LIMIT] = "refused_limit",
    [FAIL_START] = "start",
    [FAIL_CONNECT] = "connect",
    [FAIL_UPGRADE] = "upgrade",
    [FAIL_SETUP_TIME] = "setup_time",
    [FAIL_CLOSED] = "closed",
    [FAIL_ERROR] = "error",
    [FAIL_BACKLOG] = "backlog",
    [FAIL_PROTOCOL] = "protocol",
};

/* --- numbers ---------------------------------------------------------------------------------------------
 */

void stats_merge(struct stats *into, const struct stats *from)
{
    into->frames_sent += from->frames_sent;
    into->bytes_sent += from->bytes_sent;
    into->delayed_sends += from->delayed_sends;
    into->messages += from->messages;
    into->replies += from->replies;
    into->reply_bytes += from->reply_bytes;
    into->pongs += from->pongs;
    into->late += from->late;
    into->reply_audio_us += from->reply_audio_us;
    into->gaps += from->gaps;
    into->transcripts += from->transcripts;
    into->bad_transcripts += from->bad_transcripts;
    into->turns_due += from->turns_due;
    into->turns_missing += from->turns_missing;
    into->turns_split += from->turns_split;
    into->set_up += from->set_up;
    into->hung_up += from->hung_up;
    into->refused_bare += from->refused_bare;
    for (int i = 0; i < FAILURES; i++)
        into->failed[i] += from->failed[i];
    if (from->first_up_us && (!into->first_up_us || from->first_up_us < into->first_up_us))
        into->first_up_us = from->first_up_us;
    if (from->last_up_us > into->last_up_us)
        into->last_up_us = from->last_up_us;
    hist_merge(&into->ping, &from->ping);
    hist_merge(&into->turn, &from->turn);
    hist_merge(&into->jitter, &from->jitter);
    hist_merge(&into->send_late, &from->send_late);
    hist_merge(&into->setup, &from->setup);
}

uint64_t stats_failures(const struct stats *s, bool with_refused)
{
    uint64_t n = 0;
    for (int i = 0; i < FAILURES; i++) {
        if (with_refused || (i != FAIL_CAPACITY && i != FAIL_LIMIT))
            n += s->failed[i];
    }
    return n;
}

uint64_t worker_random(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

/* --- wheels ----------------------------------------------------------------------------------------------
 */

static int wheel_init(struct wheel *wheel, int64_t period_us, int64_t tick_us)
{
    *wheel = (struct wheel){.tick_us = tick_us,
                            .begun_us = vg_mono_us(),
                            .count = (uint32_t)(period_us / tick_us)};
    wheel->slot = calloc(wheel->count, sizeof(struct call *));
    return wheel->slot ? 0 : VG_ENOMEM;
}

/* One after another at steps of the golden ratio: any number of calls is spread evenly over the period. */
void wheel_add(struct worker *w, int which, struct call *c)
{
    struct wheel *wheel = &w->wheels[which];
    uint64_t turn = (uint64_t)wheel->placed++ * 2654435769u & 0xffffffff;
    struct call **slot = &wheel->slot[turn * wheel->count >> 32];
    c->next[which] = *slot;
    if (*slot)
        (*slot)->link[which] = &c->next[which];
    *slot = c;
    c->link[which] = slot;
}

void wheel_remove(int which, struct call *c)
{
    if (!c->link[which])
        return;
    *c->link[which] = c->next[which];
    if (c->next[which])
        c->next[which]->link[which] = c->link[which];
    c->link[which] = NULL;
}

static void turn_wheel(struct worker *w, int which, void (*act)(struct call *c))
{
    struct wheel *wheel = &w->wheels[which];
    for (;;) {
        int64_t due = wheel->begun_us + (int64_t)wheel->done * wheel->tick_us;
        w->now_us = vg_mono_us();
        if (due > w->now_us)
            return;
        struct call *next;
        for (struct call *c = wheel->slot[wheel->done % wheel->count]; c; c = next) {
            next = c->next[which];
            if (which == WHEEL_AUDIO)
                hist_add(&w->stats.send_late, w->now_us - due);
            act(c);
        }
        wheel->done++;
    }
}

/* --- calls -----------------------------------------------------------------------------------------------
 */

static void begin_and_end(struct worker *w)
{
    int64_t target = atomic_load_explicit(&w->target, memory_order_relaxed);
    int64_t there = (int64_t)(w->count - w->ending);
    for (int i = 0; i < BEGIN_BURST && there < target && w->setting_up < SETTING_UP_MAX; i++, there++) {
        if (w->now_us < w->next_start_us)
            break;
        if (w->load->ramp > 0) {
            int64_t step = (int64_t)(1e6 / w->load->ramp);
            w->next_start_us = w->next_start_us < w->now_us - 20 * step ? w->now_us : w->next_start_us + step;
        }
        call_begin(w);
    }
    for (int i = 0; i < BEGIN_BURST && there > target; i++) {
        size_t at = w->count;
        while (at > 0 && w->calls[at - 1]->state != CALL_TALKING)
            at--;
        if (at == 0)
            break;
        call_hang_up(w->calls[at - 1]);
        there--;
    }
}

static void sweep(struct worker *w)
{
    for (size_t i = w->count; i > 0; i--) {
        struct call *c = w->calls[i - 1];
        int64_t age = w->now_us - c->begun_us;
        if (c->state < CALL_TALKING && age > SETUP_TIME_US)
            call_fail(c, FAIL_SETUP_TIME);
        else if (c->state == CALL_ENDING && age > END_TIME_US)
            call_drop(c);
    }
}

static void bury(struct worker *w)
{
    while (w->grave) {
        struct call *c = w->grave;
        w->grave = c->next[0];
        free(c->token);
        free(c->rest);
        free(c->out);
        free(c);
    }
}

static void answer_main(struct worker *w)
{
    uint32_t asked = atomic_load_explicit(&w->asked, memory_order_acquire);
    if (asked == atomic_load_explicit(&w->answered, memory_order_relaxed))
        return;
    w->report = w->stats;
    memset(&w->stats, 0, sizeof w->stats);
    atomic_store_explicit(&w->answered, asked, memory_order_release);
}

/* --- loop ------------------------------------------------------------------------------------------------
 */

static void wait_and_read(struct worker *w)
{
    struct epoll_event events[EVENTS];
    const struct wheel *audio = &w->wheels[WHEEL_AUDIO];
    int64_t left = audio->begun_us + (int64_t)audio->done * audio->tick_us - vg_mono_us();
    struct timespec timeout = {.tv_nsec = left > 0 ? left * 1000 : 0};
    int n = epoll_pwait2(w->epoll, events, EVENTS, &timeout, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11, or under valgrind */
        n = epoll_wait(w->epoll, events, EVENTS, 0);
    w->now_us = vg_mono_us();
    for (int i = 0; i < n; i++) {
        enum source *source = events[i].data.ptr;
        if (*source == SOURCE_LINK)
            link_event(events[i].data.ptr, events[i].events);
        else
            call_event(events[i].data.ptr, events[i].events);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    if (w->load->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)(w->load->cpu + w->number), &set);
        pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
        turn_wheel(w, WHEEL_AUDIO, call_say);
        turn_wheel(w, WHEEL_PING, call_ping);
        begin_and_end(w);
        if (w->now_us >= w->next_sweep_us) {
            sweep(w);
            w->next_sweep_us = w->now_us + SWEEP_US;
        }
        wait_and_read(w);
        bury(w);
        answer_main(w);
        atomic_store_explicit(&w->held, (int64_t)w->talking, memory_order_relaxed);
        atomic_store_explicit(&w->busy, (int64_t)(w->count - w->talking), memory_order_relaxed);
    }
    return NULL;
}

int worker_start(struct worker *w, const struct load *load, int number)
{
    *w = (struct worker){.load = load,
                         .number = number,
                         .random = 88172645463325252ull + (uint64_t)number * 7919};
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->buffer = malloc(BUFFER_BYTES);
    int64_t period = (int64_t)load->frames->shape->chunk_ms * VG_US_PER_MS;
    if (w->epoll < 0 || !w->buffer || wheel_init(&w->wheels[WHEEL_AUDIO], period, AUDIO_TICK_US) ||
        wheel_init(&w->wheels[WHEEL_PING], PING_PERIOD_US, PING_TICK_US) || (load->rest && links_open(w)))
        return VG_ENOMEM;
    if (pthread_create(&w->thread, NULL, run, w))
        return VG_ENOMEM;
    char name[16];
    snprintf(name, sizeof name, "bench-%d", number);
    pthread_setname_np(w->thread, name);
    return 0;
}

void worker_end(struct worker *w)
{
    atomic_store_explicit(&w->stop, true, memory_order_release);
    pthread_join(w->thread, NULL);
    while (w->count > 0)
        call_drop(w->calls[w->count - 1]);
    if (w->links)
        links_close(w);
    bury(w);
    close(w->epoll);
    free(w->calls);
    free(w->buffer);
    for (int i = 0; i < WHEELS; i++)
        free(w->wheels[i].slot);
}

void worker_collect(struct worker *w, struct stats *into)
{
    uint32_t asked = atomic_fetch_add_explicit(&w->asked, 1, memory_order_acq_rel) + 1;
    struct timespec moment = {.tv_nsec = 500000};
    while (atomic_load_explicit(&w->answered, memory_order_acquire) != asked)
        nanosleep(&moment, NULL);
    stats_merge(into, &w->report);
}
