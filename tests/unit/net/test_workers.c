/* The pool of request workers. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/workers.h"
#include "unit/net/fixture.h"

struct work {
    struct vg_job job;
    sem_t *gate; /* run waits for it */
    atomic_int *ran, *done;
    atomic_int err;
    void *state;
};

static int run(struct vg_job *job, void *state)
{
    struct work *w = (struct work *)(void *)job;
    if (w->gate)
        sem_wait(w->gate);
    w->state = state;
    atomic_fetch_add(w->ran, 1);
    return VG_ENOENT;
}

static void done(struct vg_job *job, int err)
{
    struct work *w = (struct work *)(void *)job;
    assert_true(vg_loop_here(job->loop));
    atomic_store(&w->err, err);
    atomic_fetch_add(w->done, 1);
}

static struct work work_for(struct vg_loop *loop, atomic_int *ran, atomic_int *finished, sem_t *gate)
{
    return (struct work){
        .job = {.loop = loop, .deadline_us = vg_mono_us() + 10 * VG_US_PER_S, .run = run, .done = done},
        .gate = gate,
        .ran = ran,
        .done = finished};
}

static atomic_int states;

static void *state_new(void *arg)
{
    atomic_fetch_add(&states, 1);
    return arg;
}

static void state_free(void *state)
{
    (void)state;
    atomic_fetch_sub(&states, 1);
}

static void jobs_run_with_their_threads_state_and_report_on_the_loop(void **state)
{
    (void)state;
    struct fixture_loop f;
    fixture_loop_start(&f);
    int mark;
    struct vg_workers_config config = {3, 100, state_new, state_free, &mark};
    struct vg_workers *pool = vg_workers_new(&config);
    atomic_int ran = 0, finished = 0;
    struct work w[50];
    for (int i = 0; i < 50; i++) {
        w[i] = work_for(f.loop, &ran, &finished, NULL);
        assert_int_equal(vg_workers_submit(pool, &w[i].job), 0);
    }
    assert_true(wait_for(&finished, 50));
    assert_int_equal(atomic_load(&ran), 50);
    assert_int_equal(atomic_load(&w[7].err), VG_ENOENT);
    assert_ptr_equal(w[7].state, &mark);
    vg_workers_free(pool);
    assert_int_equal(atomic_load(&states), 0);
    fixture_loop_end(&f);
}

static void a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    struct fixture_loop f;
    fixture_loop_start(&f);
    struct vg_workers_config config = {.threads = 1, .queue_max = 2};
    struct vg_workers *pool = vg_workers_new(&config);
    sem_t gate;
    sem_init(&gate, 0, 0);
    atomic_int ran = 0, finished = 0;
    struct work w[5];
    int taken = 0, refused = 0;
    for (int i = 0; i < 5; i++) {
        w[i] = work_for(f.loop, &ran, &finished, &gate);
        int err = vg_workers_submit(pool, &w[i].job);
        assert_true(err == 0 || err == VG_EFULL);
        taken += err == 0;
        refused += err == VG_EFULL;
    }
    assert_true(refused >= 2);
    for (int i = 0; i < taken; i++)
        sem_post(&gate);
    assert_true(wait_for(&finished, taken));
    vg_workers_free(pool);
    assert_int_equal(atomic_load(&finished), taken);
    fixture_loop_end(&f);
    sem_destroy(&gate);
}

static void a_job_past_its_deadline_is_not_run(void **state)
{
    (void)state;
    struct fixture_loop f;
    fixture_loop_start(&f);
    struct vg_workers_config config = {.threads = 1, .queue_max = 2};
    struct vg_workers *pool = vg_workers_new(&config);
    atomic_int ran = 0, finished = 0;
    struct work w = work_for(f.loop, &ran, &finished, NULL);
    w.job.deadline_us = vg_mono_us() - 1;
    assert_int_equal(vg_workers_submit(pool, &w.job), 0);
    assert_true(wait_for(&finished, 1));
    assert_int_equal(atomic_load(&ran), 0);
    assert_int_equal(atomic_load(&w.err), VG_ETIMEOUT);
    vg_workers_free(pool);
    fixture_loop_end(&f);
}

static void *open_gate(void *gate)
{
    struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
    sem_post(gate);
    return NULL;
}

static void the_end_cancels_what_waits(void **state)
{
    (void)state;
    struct fixture_loop f;
    fixture_loop_start(&f);
    struct vg_workers_config config = {.threads = 1, .queue_max = 10};
    struct vg_workers *pool = vg_workers_new(&config);
    sem_t gate;
    sem_init(&gate, 0, 0);
    atomic_int ran = 0, finished = 0;
    struct work w[3];
    for (int i = 0; i < 3; i++) {
        w[i] = work_for(f.loop, &ran, &finished, i ? NULL : &gate);
        assert_int_equal(vg_workers_submit(pool, &w[i].job), 0);
    }
    pthread_t opener;
    pthread_create(&opener, NULL, open_gate, &gate);
    vg_workers_free(pool);
    pthread_join(opener, NULL);
    assert_true(wait_for(&finished, 3));
    assert_int_equal(atomic_load(&w[2].err), VG_ECANCELED);
    fixture_loop_end(&f);
    sem_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_with_their_threads_state_and_report_on_the_loop),
        cmocka_unit_test(a_full_queue_refuses_at_once),
        cmocka_unit_test(a_job_past_its_deadline_is_not_run),
        cmocka_unit_test(the_end_cancels_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
