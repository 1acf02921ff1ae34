/* The media clock with its real thread: who is stepped, when, and that no poke is lost. */
#include "cmocka_all.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "call/media_clock.h"

enum { CLIENTS = 200, WAIT_MS = 3000 };

struct client {
    struct vg_media_client client;
    struct vg_message message;
    struct vg_media_clock *clock;
    _Atomic int ticks, work;
    _Atomic int64_t wants_us; /* from now; -1: not before it is poked */
    _Atomic bool left;
};

static int64_t tick(struct vg_media_client *client, int64_t now_us)
{
    struct client *c = (struct client *)(void *)client;
    atomic_fetch_add(&c->ticks, 1);
    atomic_store_explicit(&c->work, 0, memory_order_relaxed);
    int64_t wants_us = atomic_load(&c->wants_us);
    return wants_us < 0 ? INT64_MAX : now_us + wants_us;
}

static void join(struct vg_message *msg)
{
    struct client *c = VG_MESSAGE_OF(msg, struct client, message);
    assert_int_equal(vg_media_clock_add(c->clock, &c->client), 0);
}

static void leave(struct vg_message *msg)
{
    struct client *c = VG_MESSAGE_OF(msg, struct client, message);
    vg_media_clock_remove(c->clock, &c->client);
    atomic_store(&c->left, true);
}

static void send(struct client *c, void (*handle)(struct vg_message *msg))
{
    c->message.handle = handle;
    vg_media_clock_post(c->clock, &c->message);
}

static bool reaches(const _Atomic int *value, int at_least)
{
    for (int ms = 0; ms < WAIT_MS && atomic_load(value) < at_least; ms++)
        usleep(1000);
    return atomic_load(value) >= at_least;
}

static void remove_all(struct client *list, int n)
{
    for (int i = 0; i < n; i++)
        send(&list[i], leave);
    for (int i = 0; i < n; i++) {
        while (!atomic_load(&list[i].left))
            usleep(1000);
    }
}

static void open_clients(struct client *list, int n, struct vg_media_clock *clock, int64_t wants_us)
{
    for (int i = 0; i < n; i++) {
        list[i] = (struct client){.client = {.tick = tick}, .clock = clock, .wants_us = wants_us};
        send(&list[i], join);
    }
    for (int i = 0; i < n; i++)
        assert_true(reaches(&list[i].ticks, 1)); /* the first step is at once */
}

static void idle_client_is_stepped_when_it_is_poked_and_hardly_else(void **state)
{
    (void)state;
    struct vg_media_clock *clock = vg_media_clock_new("media");
    static struct client list[CLIENTS]; /* several rows in each phase */
    open_clients(list, CLIENTS, clock, -1);
    usleep(300000);
    int idle = 0;
    for (int i = 0; i < CLIENTS; i++)
        idle += atomic_load(&list[i].ticks);
    assert_in_range(idle, CLIENTS, CLIENTS * 15); /* every 100 ms, not every 10 */
    for (int i = 0; i < CLIENTS; i++) {
        int before = atomic_load(&list[i].ticks);
        vg_media_clock_poke(&list[i].client);
        assert_true(reaches(&list[i].ticks, before + 1));
    }
    remove_all(list, CLIENTS);
    vg_media_clock_poke(&list[0].client); /* nobody is there any more */
    vg_media_clock_free(clock);
}

static void client_that_wants_every_period_gets_every_period(void **state)
{
    (void)state;
    struct vg_media_clock *clock = vg_media_clock_new("media");
    static struct client list[2];
    open_clients(list, 2, clock, 0);
    atomic_store(&list[1].wants_us, -1);
    int before = atomic_load(&list[0].ticks);
    int64_t began_us = vg_mono_us();
    assert_true(reaches(&list[0].ticks, before + 20));
    assert_true(vg_mono_us() - began_us >= 150000);
    remove_all(list, 2);
    vg_media_clock_free(clock);
}

/* What a poke announces is seen by a step after it, however the two meet. */
static void what_a_poke_announces_is_seen(void **state)
{
    (void)state;
    struct vg_media_clock *clock = vg_media_clock_new("media");
    static struct client list[1];
    open_clients(list, 1, clock, -1);
    for (int i = 0; i < 100; i++) {
        atomic_store_explicit(&list[0].work, 1, memory_order_relaxed);
        vg_media_clock_poke(&list[0].client);
        int ms = 0;
        while (atomic_load_explicit(&list[0].work, memory_order_relaxed) && ms++ < WAIT_MS)
            usleep((useconds_t)(i * 100 % 1700));
        assert_int_equal(atomic_load(&list[0].work), 0);
    }
    remove_all(list, 1);
    vg_media_clock_free(clock);
}

static void seats_are_used_again(void **state)
{
    (void)state;
    struct vg_media_clock *clock = vg_media_clock_new("media");
    static struct client list[CLIENTS];
    for (int round = 0; round < 3; round++) {
        open_clients(list, CLIENTS, clock, 0);
        remove_all(list, CLIENTS);
        int after = atomic_load(&list[7].ticks);
        usleep(30000);
        assert_int_equal(atomic_load(&list[7].ticks), after);
    }
    vg_media_clock_free(clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_client_is_stepped_when_it_is_poked_and_hardly_else),
        cmocka_unit_test(client_that_wants_every_period_gets_every_period),
        cmocka_unit_test(what_a_poke_announces_is_seen),
        cmocka_unit_test(seats_are_used_again),
    };
    return cmocka_run_group_tests_name("call media clock", tests, NULL, NULL);
}
