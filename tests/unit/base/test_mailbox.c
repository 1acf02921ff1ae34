/* Tests of src/base/mailbox.c, with real threads: four producers and one consumer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mailbox.h"

enum { PRODUCERS = 4, MESSAGES = 20000 };

struct letter {
    struct vg_message message;
    unsigned producer, number;
};

static struct {
    struct vg_mailbox box;
    sem_t ready;
    unsigned next[PRODUCERS]; /* consumer only */
    unsigned out_of_order, received;
    _Atomic unsigned wakes;
} post_office;

static void wake(void *arg)
{
    (void)arg;
    atomic_fetch_add(&post_office.wakes, 1);
    sem_post(&post_office.ready);
}

static void receive(struct vg_message *msg)
{
    struct letter *l = VG_MESSAGE_OF(msg, struct letter, message);
    if (l->number != post_office.next[l->producer]++)
        post_office.out_of_order++;
    post_office.received++;
    free(l);
}

static void *produce(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct letter *l = malloc(sizeof *l);
        VG_ASSERT(l);
        *l = (struct letter){.message.handle = receive, .producer = me, .number = i};
        vg_mailbox_post(&post_office.box, &l->message);
    }
    return NULL;
}

static void four_threads_are_heard_in_their_order(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    sem_init(&post_office.ready, 0, 0);
    vg_mailbox_init(&post_office.box, wake, NULL);
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
    size_t handled = 0;
    while (handled < PRODUCERS * MESSAGES) {
        sem_wait(&post_office.ready); /* a lost wake-up would hang here */
        handled += vg_mailbox_drain(&post_office.box);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(post_office.received, PRODUCERS * MESSAGES);
    assert_int_equal(post_office.out_of_order, 0);
    assert_true(post_office.wakes <= PRODUCERS * MESSAGES);
    assert_int_equal(vg_mailbox_drain(&post_office.box), 0);
}

static unsigned woken;
static void count_wake(void *arg)
{
    (void)arg;
    woken++;
}

static int order[8], ordered;
struct numbered {
    struct vg_message message;
    int number;
};
static struct vg_mailbox box;

static void note(struct vg_message *msg)
{
    struct numbered *n = VG_MESSAGE_OF(msg, struct numbered, message);
    order[ordered++] = n->number;
    if (n->number == 1) { /* a handler may post; that is for the next drain */
        n->number = 9;
        vg_mailbox_post(&box, msg);
    }
}

static void a_burst_wakes_once_and_keeps_its_order(void **state)
{
    (void)state;
    struct numbered n[3] = {{{NULL, note}, 0}, {{NULL, note}, 1}, {{NULL, note}, 2}};
    vg_mailbox_init(&box, count_wake, NULL);
    for (int i = 0; i < 3; i++)
        vg_mailbox_post(&box, &n[i].message);
    assert_int_equal(woken, 1);
    assert_int_equal(vg_mailbox_drain(&box), 3);
    assert_int_equal(woken, 2);
    assert_int_equal(vg_mailbox_drain(&box), 1);
    assert_int_equal(vg_mailbox_drain(&box), 0);
    static const int WANT[] = {0, 1, 2, 9};
    assert_memory_equal(order, WANT, sizeof WANT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_threads_are_heard_in_their_order),
        cmocka_unit_test(a_burst_wakes_once_and_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
