/* The event loop over libev: one ev_loop a thread, an ev_async that drains the mailbox, timers and
 * descriptors. The time of a turn is read once, right after the kernel returned, by an ev_check of the
 * highest priority. */
#include "net/loop.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/loop_ev.h"

enum {
    LOOP_NAME_SIZE = 32,
    RATE_WINDOW_US = 100 * 1000,
    /* Messages in a window, 30,000 and 20,000 a second: 600 calls with frames of 20 ms. Less gains nothing,
     * and a quarter of a second of audio in JSON keeps the loop busy longer than waking it does. */
    BATCH_FROM = 3000,
    BATCH_UNTIL = 2000,
};

struct vg_loop {
    struct ev_loop *ev;     /* owned */
    struct ev_async wake;   /* the mailbox has something, or a stop is asked for */
    struct ev_check stamp;  /* sets now_us */
    struct vg_mailbox mail; /* any thread posts, LOOP: drains */
    atomic_bool stop;       /* ATOMIC: release by vg_loop_stop, acquire by on_wake */
    atomic_bool running;    /* ATOMIC: relaxed; only for assertions */
    int64_t now_us;         /* LOOP: from here */
    int64_t batch_us;       /* 0: never */
    int64_t window_us;      /* when the window of the rate began */
    unsigned messages;      /* in it */
    bool batching;
    char name[LOOP_NAME_SIZE];
};

struct vg_timer {
    struct ev_timer ev;
    struct vg_loop *loop; /* borrowed */
    vg_timer_fn fn;
    void *arg;
};

struct vg_io {
    struct ev_io ev;
    struct vg_loop *loop; /* borrowed */
    vg_io_fn fn;
    void *arg;
};

/* The loop that this thread runs; NULL on other threads. */
static _Thread_local const struct vg_loop *current_loop;

/* libev casts between watcher types by design; the cast through void * says that the alignment is known. */
#define WATCHER_OF(w, type) ((struct type *)(void *)(w))

static void wake_loop(void *arg)
{
    struct vg_loop *loop = arg;
    ev_async_send(loop->ev, &loop->wake);
}

static void on_wake(struct ev_loop *ev, struct ev_async *w, int events)
{
    (void)events;
    struct vg_loop *loop = w->data;
    bool stop = atomic_load_explicit(&loop->stop, memory_order_acquire);
    vg_mailbox_drain(&loop->mail);
    if (stop)
        ev_break(ev, EVBREAK_ALL);
}

/* Once a window, on the first turn after its end. */
static void judge_rate(struct vg_loop *loop)
{
    int64_t rate = loop->messages * (int64_t)RATE_WINDOW_US / (loop->now_us - loop->window_us);
    bool batching = rate >= (loop->batching ? BATCH_UNTIL : BATCH_FROM);
    if (batching != loop->batching)
        ev_set_io_collect_interval(loop->ev, batching ? (double)loop->batch_us / VG_US_PER_S : 0.);
    loop->batching = batching;
    loop->messages = 0;
    loop->window_us = loop->now_us;
}

static void on_stamp(struct ev_loop *ev, struct ev_check *w, int events)
{
    (void)ev;
    (void)events;
    struct vg_loop *loop = w->data;
    loop->now_us = vg_mono_us();
    if (loop->batch_us && loop->now_us - loop->window_us >= RATE_WINDOW_US)
        judge_rate(loop);
}

struct vg_loop *vg_loop_new(const char *name)
{
    struct vg_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->ev = ev_loop_new(EVFLAG_AUTO);
    if (!loop->ev) {
        free(loop);
        return NULL;
    }
    strncpy(loop->name, name ? name : "loop", sizeof loop->name - 1);
    loop->now_us = vg_mono_us();
    vg_mailbox_init(&loop->mail, wake_loop, loop);
    ev_async_init(&loop->wake, on_wake);
    loop->wake.data = loop;
    ev_async_start(loop->ev, &loop->wake);
    ev_check_init(&loop->stamp, on_stamp);
    ev_set_priority(&loop->stamp, EV_MAXPRI);
    loop->stamp.data = loop;
    ev_check_start(loop->ev, &loop->stamp);
    /* These two are the loop's own: they do not keep it alive. */
    ev_unref(loop->ev);
    ev_unref(loop->ev);
    return loop;
}

struct vg_loop *vg_loop_free(struct vg_loop *loop)
{
    if (!loop)
        return NULL;
    while (vg_mailbox_drain(&loop->mail) > 0) {
    }
    ev_ref(loop->ev);
    ev_ref(loop->ev);
    ev_check_stop(loop->ev, &loop->stamp);
    ev_async_stop(loop->ev, &loop->wake);
    ev_loop_destroy(loop->ev);
    free(loop);
    return NULL;
}

void vg_loop_set_batching(struct vg_loop *loop, int64_t batch_us)
{
    loop->batch_us = batch_us;
}

void vg_loop_count_message(struct vg_loop *loop)
{
    loop->messages++;
}

void vg_loop_run(struct vg_loop *loop)
{
    const struct vg_loop *outer = current_loop;
    current_loop = loop;
    atomic_store_explicit(&loop->running, true, memory_order_relaxed);
    ev_ref(loop->ev); /* an idle loop waits for messages instead of ending */
    loop->now_us = vg_mono_us();
    ev_run(loop->ev, 0);
    ev_unref(loop->ev);
    atomic_store_explicit(&loop->stop, false, memory_order_relaxed);
    atomic_store_explicit(&loop->running, false, memory_order_relaxed);
    current_loop = outer;
}

void vg_loop_stop(struct vg_loop *loop)
{
    atomic_store_explicit(&loop->stop, true, memory_order_release);
    wake_loop(loop);
}

void vg_loop_post(struct vg_loop *loop, struct vg_message *msg)
{
    vg_mailbox_post(&loop->mail, msg);
}

bool vg_loop_here(const struct vg_loop *loop)
{
    return current_loop == loop;
}

int64_t vg_loop_now_us(const struct vg_loop *loop)
{
    return loop->now_us;
}

struct ev_loop *loop_ev(struct vg_loop *loop)
{
    return loop->ev;
}

void loop_assert_here(const struct vg_loop *loop)
{
#ifndef NDEBUG
    VG_ASSERT(current_loop == loop || !atomic_load_explicit(&loop->running, memory_order_relaxed));
#else
    (void)loop;
#endif
}

/* --- timers ----------------------------------------------------------------------------------------------
 */

static void on_timer(struct ev_loop *ev, struct ev_timer *w, int events)
{
    (void)ev;
    (void)events;
    struct vg_timer *t = WATCHER_OF(w, vg_timer);
    t->fn(t->arg);
}

struct vg_timer *vg_timer_new(struct vg_loop *loop, vg_timer_fn fn, void *arg)
{
    struct vg_timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct vg_timer){.loop = loop, .fn = fn, .arg = arg};
    ev_timer_init(&t->ev, on_timer, 0., 0.);
    return t;
}

static double seconds(int64_t us)
{
    return us > 0 ? (double)us / VG_US_PER_S : 0.;
}

void vg_timer_start(struct vg_timer *t, int64_t delay_us, int64_t repeat_us)
{
    loop_assert_here(t->loop);
    struct ev_loop *ev = t->loop->ev;
    /* Before the loop runs its time stands still; a timer set then would fire early. */
    if (current_loop != t->loop)
        ev_now_update(ev);
    ev_timer_stop(ev, &t->ev);
    ev_timer_set(&t->ev, seconds(delay_us), seconds(repeat_us));
    ev_timer_start(ev, &t->ev);
}

void vg_timer_stop(struct vg_timer *t)
{
    loop_assert_here(t->loop);
    ev_timer_stop(t->loop->ev, &t->ev);
}

bool vg_timer_active(const struct vg_timer *t)
{
    return ev_is_active(&t->ev);
}

struct vg_timer *vg_timer_free(struct vg_timer *t)
{
    if (!t)
        return NULL;
    vg_timer_stop(t);
    free(t);
    return NULL;
}

/* --- descriptors -----------------------------------------------------------------------------------------
 */

static void on_io(struct ev_loop *ev, struct ev_io *w, int events)
{
    (void)ev;
    struct vg_io *io = WATCHER_OF(w, vg_io);
    int set = (events & EV_READ ? VG_IO_READ : 0) | (events & EV_WRITE ? VG_IO_WRITE : 0);
    /* EV_ERROR: the descriptor was closed under us; let the owner's next read or write find out. */
    io->fn(io->arg, set ? set : VG_IO_READ);
}

struct vg_io *vg_io_new(struct vg_loop *loop, int fd, vg_io_fn fn, void *arg)
{
    struct vg_io *io = calloc(1, sizeof *io);
    if (!io)
        return NULL;
    *io = (struct vg_io){.loop = loop, .fn = fn, .arg = arg};
    ev_io_init(&io->ev, on_io, fd, 0);
    return io;
}

void vg_io_set(struct vg_io *io, int events)
{
    loop_assert_here(io->loop);
    int want = (events & VG_IO_READ ? EV_READ : 0) | (events & VG_IO_WRITE ? EV_WRITE : 0);
    int have = ev_is_active(&io->ev) ? io->ev.events & (EV_READ | EV_WRITE) : 0;
    if (want == have)
        return;
    ev_io_stop(io->loop->ev, &io->ev);
    ev_io_set(&io->ev, io->ev.fd, want);
    if (want)
        ev_io_start(io->loop->ev, &io->ev);
}

struct vg_io *vg_io_free(struct vg_io *io)
{
    if (!io)
        return NULL;
    vg_io_set(io, 0);
    free(io);
    return NULL;
}
