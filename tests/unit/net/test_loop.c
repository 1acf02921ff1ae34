/* The loop: timers, descriptors, messages from many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"
#include "unit/net/fixture.h"

struct tick {
    struct vg_loop *loop;
    struct vg_timer *timer;
    int count, stop_at;
};

static void on_tick(void *arg)
{
    struct tick *t = arg;
    if (++t->count == t->stop_at)
        vg_loop_stop(t->loop);
}

static void a_timer_fires_once_not_before_its_time(void **state)
{
    (void)state;
    struct vg_loop *loop = vg_loop_new("test");
    struct tick t = {loop, NULL, 0, 1};
    t.timer = vg_timer_new(loop, on_tick, &t);
    assert_false(vg_timer_active(t.timer));
    int64_t start = vg_mono_us();
    vg_timer_start(t.timer, 20 * VG_US_PER_MS, 0);
    assert_true(vg_timer_active(t.timer));
    vg_loop_run(loop);
    assert_int_equal(t.count, 1);
    assert_true(vg_mono_us() - start >= 19 * VG_US_PER_MS);
    assert_false(vg_timer_active(t.timer));
    assert_true(vg_loop_now_us(loop) >= start);
    vg_timer_free(t.timer);
    vg_loop_free(loop);
}

static void a_timer_repeats_until_stopped(void **state)
{
    (void)state;
    struct vg_loop *loop = vg_loop_new("test");
    struct tick t = {loop, NULL, 0, 5};
    t.timer = vg_timer_new(loop, on_tick, &t);
    vg_timer_start(t.timer, 0, 2 * VG_US_PER_MS);
    vg_loop_run(loop);
    assert_in_range(t.count, 5, 50); /* the stop is a message: a late loop may tick again before it */
    vg_timer_stop(t.timer);
    assert_false(vg_timer_active(t.timer));
    vg_timer_free(t.timer);
    vg_loop_free(loop);
}

struct free_self {
    struct vg_loop *loop;
    struct vg_timer *timer;
};

static void on_free_self(void *arg)
{
    struct free_self *s = arg;
    s->timer = vg_timer_free(s->timer);
    vg_loop_stop(s->loop);
}

static void a_timer_may_free_itself(void **state)
{
    (void)state;
    struct free_self s = {.loop = vg_loop_new("test")};
    s.timer = vg_timer_new(s.loop, on_free_self, &s);
    vg_timer_start(s.timer, 0, VG_US_PER_MS);
    vg_loop_run(s.loop);
    assert_null(s.timer);
    vg_loop_free(s.loop);
}

struct pipe_end {
    struct vg_loop *loop;
    struct vg_io *io;
    int fd;
    int events;
};

static void on_readable(void *arg, int events)
{
    struct pipe_end *p = arg;
    char c;
    p->events = events;
    assert_int_equal(read(p->fd, &c, 1), 1);
    p->io = vg_io_free(p->io);
    vg_loop_stop(p->loop);
}

static void a_descriptor_is_told_readable(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe_end p = {.loop = vg_loop_new("test"), .fd = fds[0]};
    p.io = vg_io_new(p.loop, fds[0], on_readable, &p);
    vg_io_set(p.io, VG_IO_READ);
    assert_int_equal(write(fds[1], "x", 1), 1);
    vg_loop_run(p.loop);
    assert_int_equal(p.events, VG_IO_READ);
    vg_loop_free(p.loop);
    close(fds[0]);
    close(fds[1]);
}

enum { POSTERS = 4, POSTS = 5000 };

struct counted {
    struct vg_message message;
    struct poster *poster;
    int number;
};

struct poster {
    struct vg_loop *loop;
    int last; /* LOOP: */
    atomic_int *total;
};

static void on_message(struct vg_message *msg)
{
    struct counted *c = VG_MESSAGE_OF(msg, struct counted, message);
    assert_true(vg_loop_here(c->poster->loop));
    assert_int_equal(c->number, c->poster->last + 1);
    c->poster->last = c->number;
    atomic_fetch_add(c->poster->total, 1);
    free(c);
}

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 1; i <= POSTS; i++) {
        struct counted *c = calloc(1, sizeof *c);
        c->message.handle = on_message;
        c->poster = p;
        c->number = i;
        vg_loop_post(p->loop, &c->message);
    }
    return NULL;
}

static void messages_of_many_threads_come_in_order(void **state)
{
    (void)state;
    struct fixture_loop f;
    fixture_loop_start(&f);
    atomic_int total = 0;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){f.loop, 0, &total};
        pthread_create(&threads[i], NULL, post_many, &posters[i]);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(wait_for(&total, POSTERS * POSTS));
    assert_false(vg_loop_here(f.loop));
    fixture_loop_end(&f);
}

static void a_stop_before_the_run_counts(void **state)
{
    (void)state;
    struct vg_loop *loop = vg_loop_new("test");
    vg_loop_stop(loop);
    vg_loop_run(loop);
    vg_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_fires_once_not_before_its_time),
        cmocka_unit_test(a_timer_repeats_until_stopped),
        cmocka_unit_test(a_timer_may_free_itself),
        cmocka_unit_test(a_descriptor_is_told_readable),
        cmocka_unit_test(messages_of_many_threads_come_in_order),
        cmocka_unit_test(a_stop_before_the_run_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
