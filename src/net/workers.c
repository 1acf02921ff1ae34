/* The pool of request workers: one queue, a lock, and threads that run blocking work; see workers.h. The lock
 * is held for a few instructions and never while a job runs. */
#include "net/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

struct vg_workers {
    struct vg_workers_config config; /* RO */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct vg_message *first, **last; /* under lock: waiting jobs, oldest first */
    unsigned queued;                  /* under lock */
    bool ending;                      /* under lock */
    unsigned started;                 /* threads to join */
    pthread_t threads[];
};

static struct vg_job *job_of(struct vg_message *msg)
{
    return VG_MESSAGE_OF(msg, struct vg_job, message);
}

/* Runs on the job's loop. */
static void on_done(struct vg_message *msg)
{
    struct vg_job *job = job_of(msg);
    job->done(job, job->err);
}

static void finish(struct vg_job *job, int err)
{
    job->err = err;
    job->message = (struct vg_message){.handle = on_done};
    vg_loop_post(job->loop, &job->message);
}

/* Waits for a job; NULL when the pool ends. */
static struct vg_job *take(struct vg_workers *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->ending)
        pthread_cond_wait(&w->changed, &w->lock);
    struct vg_message *msg = w->ending ? NULL : w->first;
    if (msg) {
        w->first = msg->next;
        if (!w->first)
            w->last = &w->first;
        w->queued--;
    }
    pthread_mutex_unlock(&w->lock);
    return msg ? job_of(msg) : NULL;
}

static void *work(void *arg)
{
    struct vg_workers *w = arg;
    void *state = w->config.state_new ? w->config.state_new(w->config.arg) : NULL;
    for (struct vg_job *job; (job = take(w));) {
        bool late = vg_mono_us() > job->deadline_us;
        finish(job, late ? VG_ETIMEOUT : job->run(job, state));
    }
    if (w->config.state_free)
        w->config.state_free(state);
    return NULL;
}

struct vg_workers *vg_workers_new(const struct vg_workers_config *config)
{
    unsigned threads = config->threads ? config->threads : 1;
    struct vg_workers *w = calloc(1, sizeof *w + threads * sizeof w->threads[0]);
    if (!w)
        return NULL;
    w->config = *config;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    /* Signals belong to the main thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    while (w->started < threads && !pthread_create(&w->threads[w->started], NULL, work, w))
        w->started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (w->started < threads)
        vg_log_warn("net.workers_short", "wanted=%u started=%u", threads, w->started);
    return w->started ? w : vg_workers_free(w);
}

int vg_workers_submit(struct vg_workers *w, struct vg_job *job)
{
    job->message = (struct vg_message){0};
    pthread_mutex_lock(&w->lock);
    int err = w->ending ? VG_ECANCELED : w->queued >= w->config.queue_max ? VG_EFULL : 0;
    if (!err) {
        *w->last = &job->message;
        w->last = &job->message.next;
        w->queued++;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return err;
}

struct vg_workers *vg_workers_free(struct vg_workers *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->started; i++)
        pthread_join(w->threads[i], NULL);
    for (struct vg_message *msg = w->first, *next; msg; msg = next) {
        next = msg->next;
        finish(job_of(msg), VG_ECANCELED);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}
