/* Threads and bounded queues of the synthesis pool; see synth_pool.h. Read synth_job.h next. */
#include "provider/tts/synth_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "provider/tts/flite_voice.h"
#include "provider/tts/synth_job.h"

struct pool_lane {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct vg_tts *head, *tail;  /* under lock: oldest first */
    unsigned waiting, running;   /* under lock */
    struct vg_synth_stats count; /* under lock: the totals */
};

struct pool_thread {
    pthread_t id;
    struct vg_synth_pool *pool;
    struct pool_lane *lane;
    struct synth_worker worker;
};

struct vg_synth_pool {
    atomic_uint refs;              /* ATOMIC: one of the owner, one a clause; the last one frees */
    struct vg_synth_config config; /* RO */
    char *espeak_program;          /* RO; owned */
    atomic_bool stopping;          /* ATOMIC: set once; relaxed, a hint to running clauses */
    struct pool_lane lanes[SYNTH_LANES];
    struct pool_thread *threads; /* RO */
    unsigned thread_count;       /* threads that really run */
};

struct vg_synth_config vg_synth_config_default(void)
{
    return (struct vg_synth_config){.threads = 2, .processes = 2, .queue_max = 64};
}

/* --- the queue -------------------------------------------------------------------------------------------
 */
static void lane_append(struct pool_lane *lane, struct vg_tts *job)
{
    job->prev = lane->tail;
    job->next = NULL;
    *(lane->tail ? &lane->tail->next : &lane->head) = job;
    lane->tail = job;
    job->queued = true;
    lane->waiting++;
}

static void lane_remove(struct pool_lane *lane, struct vg_tts *job)
{
    *(job->prev ? &job->prev->next : &lane->head) = job->next;
    *(job->next ? &job->next->prev : &lane->tail) = job->prev;
    job->queued = false;
    lane->waiting--;
}

int synth_pool_submit(struct vg_synth_pool *pool, struct vg_tts *job)
{
    struct pool_lane *lane = &pool->lanes[job->lane];
    pthread_mutex_lock(&lane->lock);
    int err = 0;
    if (synth_pool_stopping(pool))
        err = VG_EUNAVAIL;
    else if (lane->waiting >= pool->config.queue_max)
        err = VG_ECAPACITY;
    if (err) {
        lane->count.refused++;
    } else {
        lane->count.started++;
        lane_append(lane, job);
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&lane->lock);
    return err;
}

bool synth_pool_withdraw(struct vg_synth_pool *pool, struct vg_tts *job)
{
    struct pool_lane *lane = &pool->lanes[job->lane];
    pthread_mutex_lock(&lane->lock);
    bool waited = job->queued;
    if (waited) {
        lane_remove(lane, job);
        lane->count.cancelled++;
    }
    pthread_mutex_unlock(&lane->lock);
    return waited;
}

bool synth_pool_stopping(const struct vg_synth_pool *pool)
{
    return atomic_load_explicit(&pool->stopping, memory_order_relaxed);
}

/* --- the threads -----------------------------------------------------------------------------------------
 */
/* Waits for a clause; NULL when the pool ends. */
static struct vg_tts *lane_next(struct vg_synth_pool *pool, struct pool_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (!lane->head && !synth_pool_stopping(pool))
        pthread_cond_wait(&lane->work, &lane->lock);
    struct vg_tts *job = lane->head;
    if (job) {
        lane_remove(lane, job);
        lane->running++;
    }
    pthread_mutex_unlock(&lane->lock);
    return job;
}

static void lane_account(struct pool_lane *lane, int err)
{
    pthread_mutex_lock(&lane->lock);
    lane->running--;
    if (err == VG_ECANCELED)
        lane->count.cancelled++;
    else if (err)
        lane->count.failed++;
    pthread_mutex_unlock(&lane->lock);
}

static void *pool_main(void *arg)
{
    struct pool_thread *thread = arg;
    struct vg_tts *job;
    while ((job = lane_next(thread->pool, thread->lane))) {
        int64_t cpu_us = vg_thread_cpu_us();
        int err = VG_ECANCELED;
        if (!synth_job_cancelled(job) && !synth_pool_stopping(thread->pool))
            err = job->run(job, &thread->worker);
        job->total.engine_cpu_us += vg_thread_cpu_us() - cpu_us;
        lane_account(thread->lane, err);
        synth_job_finish(job, err);
    }
    return NULL;
}

static int thread_start(struct vg_synth_pool *pool, enum synth_lane lane)
{
    struct pool_thread *thread = &pool->threads[pool->thread_count];
    thread->pool = pool;
    thread->lane = &pool->lanes[lane];
    thread->worker.config = &pool->config;
    if (lane == SYNTH_THREAD && !(thread->worker.flite = flite_voices_new()))
        return VG_ENOMEM;
    /* Signals belong to the main thread; SIGPIPE becomes an error of write(). */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread->id, NULL, pool_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        thread->worker.flite = flite_voices_free(thread->worker.flite);
        return VG_EIO;
    }
    pthread_setname_np(thread->id, lane == SYNTH_THREAD ? "vg-synth" : "vg-synth-proc");
    pool->thread_count++;
    return 0;
}

int vg_synth_pool_new(struct vg_synth_pool **out, const struct vg_synth_config *config)
{
    if (config->threads < 1 || config->threads > 64 || config->processes < 1 || config->processes > 64 ||
        config->queue_max < 1 || config->queue_max > 65536)
        return VG_EINVAL;
    struct vg_synth_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return VG_ENOMEM;
    atomic_init(&pool->refs, 1);
    pool->config = *config;
    for (unsigned i = 0; i < SYNTH_LANES; i++) {
        pthread_mutex_init(&pool->lanes[i].lock, NULL);
        pthread_cond_init(&pool->lanes[i].work, NULL);
    }
    pool->espeak_program = strdup(config->espeak_program ? config->espeak_program : "espeak-ng");
    pool->config.espeak_program = pool->espeak_program;
    if (pool->config.process_timeout_us <= 0)
        pool->config.process_timeout_us = 5 * VG_US_PER_S;
    pool->threads = calloc(config->threads + config->processes, sizeof *pool->threads);
    int err = pool->threads && pool->espeak_program ? 0 : VG_ENOMEM;
    for (unsigned i = 0; !err && i < config->threads; i++)
        err = thread_start(pool, SYNTH_THREAD);
    for (unsigned i = 0; !err && i < config->processes; i++)
        err = thread_start(pool, SYNTH_PROCESS);
    if (err) {
        vg_synth_pool_free(pool);
        return err;
    }
    *out = pool;
    return 0;
}

struct vg_synth_pool *vg_synth_pool_free(struct vg_synth_pool *pool)
{
    if (!pool)
        return NULL;
    atomic_store_explicit(&pool->stopping, true, memory_order_relaxed);
    for (unsigned i = 0; i < SYNTH_LANES; i++) {
        pthread_mutex_lock(&pool->lanes[i].lock);
        pthread_cond_broadcast(&pool->lanes[i].work);
        pthread_mutex_unlock(&pool->lanes[i].lock);
    }
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i].id, NULL);
        flite_voices_free(pool->threads[i].worker.flite);
    }
    synth_pool_unref(pool);
    return NULL;
}

void synth_pool_ref(struct vg_synth_pool *pool)
{
    atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
}

void synth_pool_unref(struct vg_synth_pool *pool)
{
    /* Release what this holder did with the pool; the last one acquires all of it before freeing. */
    if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < SYNTH_LANES; i++) {
        pthread_cond_destroy(&pool->lanes[i].work);
        pthread_mutex_destroy(&pool->lanes[i].lock);
    }
    free(pool->threads);
    free(pool->espeak_program);
    free(pool);
}

void vg_synth_pool_stats(struct vg_synth_pool *pool, struct vg_synth_stats *out)
{
    *out = (struct vg_synth_stats){0};
    for (unsigned i = 0; i < SYNTH_LANES; i++) {
        struct pool_lane *lane = &pool->lanes[i];
        pthread_mutex_lock(&lane->lock);
        out->started += lane->count.started;
        out->refused += lane->count.refused;
        out->cancelled += lane->count.cancelled;
        out->failed += lane->count.failed;
        out->waiting += lane->waiting;
        out->running += lane->running;
        pthread_mutex_unlock(&lane->lock);
    }
}
