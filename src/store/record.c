/* The record thread; see record.h. It reads the spool by a cursor, so deletions (done by the spool's thread)
 * may lag behind. Read next: record_apply.c. */
#include "store/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/metrics.h"
#include "store/pg.h"
#include "store/record_apply.h"
#include "store/spool_read.h"

enum {
    BATCH_MAX = 1000,
    GATHER_US = 5 * VG_US_PER_MS,
    IDLE_US = 2 * VG_US_PER_S,
    RETRY_MIN_US = 100 * VG_US_PER_MS,
    RETRY_MAX_US = VG_US_PER_S,
    FAREWELL_US = 3 * VG_US_PER_S,
    CHECKPOINT_EVERY = 4000, /* events; 8 to 10 kB of WAL each, as most are a commit of their own */
};
#define PARTITIONS_EVERY_US (3600LL * VG_US_PER_S)

struct vg_record {
    struct vg_spool *spool;
    char *instance_id;
    struct vg_pg *pg;            /* record thread */
    struct spool_reader *reader; /* record thread */
    int64_t cursor;              /* record thread: last event that PostgreSQL has */
    int64_t retry_us;            /* record thread */
    int64_t housekeeping_at_us;  /* record thread: not before this time, monotonic */
    int64_t partitions_at_us;    /* record thread: when they are looked after next, monotonic */
    int64_t born_us;             /* RO: Unix time; calls before it are of an earlier life */
    bool instance_recovered;     /* record thread */
    int since_checkpoint;        /* record thread */
    atomic_bool up;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stop;
    bool work;            /* the spool has committed since the last look */
    bool drained;         /* the last look found nothing */
    uint64_t asked, seen; /* flush requests, and those that the thread has noticed before a look */
};

/* --- record thread -----------------------------------------------------------------------------------------
 */

static void set_up(struct vg_record *r, bool up)
{
    if (atomic_exchange_explicit(&r->up, up, memory_order_relaxed) != up)
        vg_log_info("postgres.state", "up=%d problem=%s", up, up ? "" : vg_pg_problem(r->pg));
    vg_metric_set(VG_M_postgres_up, NULL, NULL, up ? 1 : 0);
}

/* Sleeps until `us` have passed, or earlier when told to stop or (if `for_work`) when there is work. */
static void sleep_us(struct vg_record *r, int64_t us, bool for_work)
{
    int64_t until_us = vg_mono_us() + us;
    struct timespec until = {.tv_sec = until_us / VG_US_PER_S, .tv_nsec = until_us % VG_US_PER_S * 1000};
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !(for_work && (r->work || r->asked != r->seen))) {
        if (pthread_cond_timedwait(&r->changed, &r->lock, &until))
            break;
    }
    pthread_mutex_unlock(&r->lock);
}

static int writer_query(struct vg_record *r, enum vg_sql sql, const char *const *params, size_t n)
{
    int err = vg_pg_begin_as(r->pg, VG_PG_WRITER, NULL, 0);
    return err ? err : vg_pg_end(r->pg, vg_pg_exec(r->pg, NULL, sql, params, n));
}

/* What is due besides the batches, when there is nothing to drain. Its failure is the next batch's to find.
 */
static void housekeeping(struct vg_record *r)
{
    int64_t now_us = vg_mono_us();
    if (now_us < r->housekeeping_at_us)
        return;
    r->housekeeping_at_us = now_us + IDLE_US - GATHER_US;
    if (r->since_checkpoint > 0) {
        spool_checkpoint(r->reader);
        r->since_checkpoint = 0;
    }
    int err = 0;
    if (now_us >= r->partitions_at_us) {
        err = writer_query(r, VG_SQL_record_partitions, NULL, 0);
        if (!err)
            r->partitions_at_us = now_us + PARTITIONS_EVERY_US;
    }
    if (!err && !r->instance_recovered) {
        char born[24];
        snprintf(born, sizeof born, "%lld", (long long)r->born_us);
        err = writer_query(r, VG_SQL_record_recover_instance, (const char *[]){r->instance_id, born}, 2);
        r->instance_recovered = !err;
    }
    if (!err)
        err = vg_pg_ping(r->pg, VG_US_PER_S);
    set_up(r, !err);
}

static void note_progress(struct vg_record *r, bool drained)
{
    pthread_mutex_lock(&r->lock);
    r->drained = drained;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* One look at the spool. Returns how many events went to PostgreSQL, 0 for none left, or negative: later. */
static int drain_once(struct vg_record *r)
{
    const struct spool_row *rows;
    int n = spool_read(r->reader, r->cursor, BATCH_MAX, &rows);
    if (n <= 0)
        return n;
    int64_t start_us = vg_mono_us();
    int err = record_apply(r->pg, r->spool, rows, n);
    set_up(r, err != VG_EUNAVAIL);
    if (err) {
        vg_log_warn("record.batch_failed", "error=%s sqlstate=%s problem=%s events=%d", vg_strerror(err),
                    vg_pg_sqlstate(r->pg), vg_pg_problem(r->pg), n);
        return err;
    }
    vg_observe_us(record_batch_seconds, vg_mono_us() - start_us);
    r->cursor = rows[n - 1].id;
    if (spool_ack(r->spool, rows[0].id, rows[n - 1].id))
        vg_log_warn("record.ack_failed", "events=%d",
                    n); /* replayed at the next start, which changes nothing */
    r->since_checkpoint += n;
    if (r->since_checkpoint >= CHECKPOINT_EVERY) {
        spool_checkpoint(r->reader);
        r->since_checkpoint = 0;
    }
    return n;
}

static bool stopping(struct vg_record *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    r->work = false;
    r->seen = r->asked;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *run(void *arg)
{
    struct vg_record *r = arg;
    pthread_setname_np(pthread_self(), "vg-record");
    while (!stopping(r)) {
        int n = drain_once(r);
        if (n > 0) {
            r->retry_us = 0;
            note_progress(r, false);
            if (n < BATCH_MAX)
                sleep_us(r, GATHER_US, false);
        } else if (n == 0) {
            note_progress(r, true);
            housekeeping(r);
            sleep_us(r, IDLE_US, true);
        } else {
            r->retry_us = r->retry_us ? r->retry_us * 2 : RETRY_MIN_US;
            if (r->retry_us > RETRY_MAX_US)
                r->retry_us = RETRY_MAX_US;
            sleep_us(r, r->retry_us, false);
        }
    }
    int64_t until_us = vg_mono_us() + FAREWELL_US;
    while (vg_mono_us() < until_us && drain_once(r) > 0)
        ;
    spool_checkpoint(r->reader);
    return NULL;
}

/* --- any thread --------------------------------------------------------------------------------------------
 */

/* Runs on the spool's thread. */
static void on_commit(void *arg)
{
    struct vg_record *r = arg;
    pthread_mutex_lock(&r->lock);
    r->work = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool vg_record_up(const struct vg_record *r)
{
    return atomic_load_explicit(&r->up, memory_order_relaxed);
}

int vg_record_flush(struct vg_record *r, int64_t timeout_us)
{
    int64_t until_us = vg_mono_us() + timeout_us;
    struct timespec until = {.tv_sec = until_us / VG_US_PER_S, .tv_nsec = until_us % VG_US_PER_S * 1000};
    int err = 0;
    pthread_mutex_lock(&r->lock);
    uint64_t mine = ++r->asked;
    r->drained = false;
    pthread_cond_broadcast(&r->changed);
    while (!(r->seen >= mine && r->drained) && !err) {
        if (pthread_cond_timedwait(&r->changed, &r->lock, &until))
            err = VG_ETIMEOUT;
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

static struct vg_record *destroy(struct vg_record *r)
{
    spool_reader_free(r->reader);
    vg_pg_free(r->pg);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->instance_id);
    free(r);
    return NULL;
}

int vg_record_new(struct vg_record **out, const struct vg_record_config *config)
{
    struct vg_record *r = calloc(1, sizeof *r);
    if (!r)
        return VG_ENOMEM;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&r->lock, NULL);
    r->spool = config->spool;
    r->born_us = vg_utc_us();
    r->instance_id = strdup(config->instance_id);
    int err = r->instance_id ? vg_pg_new(&r->pg, config->database_url) : VG_ENOMEM;
    if (!err)
        err = spool_reader_open(&r->reader, spool_path(config->spool));
    if (!err) {
        spool_on_commit(r->spool, on_commit, r);
        if (pthread_create(&r->thread, NULL, run, r))
            err = VG_EIO;
    }
    if (err) {
        spool_on_commit(config->spool, NULL, NULL);
        destroy(r);
        return err;
    }
    *out = r;
    return 0;
}

struct vg_record *vg_record_free(struct vg_record *r)
{
    if (!r)
        return NULL;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    spool_on_commit(r->spool, NULL, NULL);
    return destroy(r);
}
