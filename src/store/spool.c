/* The spool's appender; see spool.h. One thread owns the writing SQLite connection: it takes everything that
 * waits in the mailbox into one transaction, commits, and only then acknowledges. The acknowledgements of a
 * commit are chained and posted to each loop as one message. Read next: spool_read.c, record.c. */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "net/loop.h"
#include "obs/metrics.h"
#include "store/spool_read.h"
#include "store/spool_schema.h"

enum { WAITING_MAX = 65536, GROUP_MAX = 1024, LOOPS_MAX = 64, REFUSED_FOR_US = 10000000 };

enum op { OP_APPEND, OP_ACK, OP_POISON };

struct request {
    struct vg_message message;
    struct request *next; /* in `group`, then in the chain of one loop */
    struct vg_spool *spool;
    enum op op;
    int err;
    struct vg_loop *loop;
    vg_spool_fn done;
    void *arg;
    struct vg_record_event event; /* strings point into `text` */
    int64_t first, last;          /* OP_ACK; OP_POISON uses `first` */
    char text[];
};

enum statement { S_APPEND, S_LIVE_START, S_LIVE_TOUCH, S_LIVE_END, S_ACK, S_POISON, S_FORGET, S_COUNT };

struct vg_spool {
    char *path;
    int lock_fd;
    sqlite3 *db;                  /* spool thread */
    sqlite3_stmt *stmts[S_COUNT]; /* spool thread */
    pthread_t thread;
    struct vg_mailbox mailbox;
    sem_t wake;
    atomic_bool stop;
    atomic_uint waiting;           /* appended, not yet committed */
    _Atomic int64_t depth;         /* rows in `events` */
    _Atomic int64_t busy_since_us; /* monotonic: when the present group was begun, 0: idle */
    _Atomic int64_t refused_us;    /* monotonic: the newest commit that failed, 0: the newest succeeded */
    struct request *group, **group_end; /* spool thread: handled, not yet committed */
    int group_count;
    int64_t group_depth;
    int group_err;
    pthread_mutex_t on_commit_lock; /* guards the two below */
    void (*on_commit)(void *arg);
    void *on_commit_arg;
};

static const char *const SQL[S_COUNT] = {
    [S_APPEND] = "insert or ignore into events (kind, tenant_id, call_id, owner_epoch, ordinal, body) "
                 "values (?, ?, ?, ?, ?, ?)",
    [S_LIVE_START] =
        "insert into live (call_id, tenant_id, owner_epoch, started_us, last_us) "
        "values (?1, ?2, ?3, ?4, ?4) on conflict (call_id) do update set owner_epoch = ?3, last_us = ?4",
    [S_LIVE_TOUCH] = "update live set last_us = ?2 where call_id = ?1",
    [S_LIVE_END] = "delete from live where call_id = ?1",
    [S_ACK] = "delete from events where id between ? and ?",
    [S_POISON] = "insert or replace into poison select *, ?2, ?3 from events where id = ?1",
    [S_FORGET] = "delete from events where id = ?1",
};

/* --- spool thread ------------------------------------------------------------------------------------------
 */

static int step(struct vg_spool *s, enum statement which)
{
    int rc = sqlite3_step(s->stmts[which]);
    sqlite3_reset(s->stmts[which]);
    return rc == SQLITE_DONE ? 0 : VG_EIO;
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

/* Keeps the table of calls that are under way: what recovery ends after a kill. */
static int track_live(struct vg_spool *s, const struct vg_record_event *e)
{
    enum statement which = e->kind == VG_RECORD_CALL_STARTED ? S_LIVE_START
                           : e->kind == VG_RECORD_CALL_ENDED ? S_LIVE_END
                                                             : S_LIVE_TOUCH;
    sqlite3_stmt *stmt = s->stmts[which];
    bind_text(stmt, 1, e->call_id);
    if (which == S_LIVE_START) {
        bind_text(stmt, 2, e->tenant_id);
        sqlite3_bind_int64(stmt, 3, e->owner_epoch);
        sqlite3_bind_int64(stmt, 4, vg_utc_us());
    } else if (which == S_LIVE_TOUCH) {
        sqlite3_bind_int64(stmt, 2, vg_utc_us());
    }
    return step(s, which);
}

static int do_append(struct vg_spool *s, const struct vg_record_event *e)
{
    sqlite3_stmt *stmt = s->stmts[S_APPEND];
    sqlite3_bind_int(stmt, 1, (int)e->kind);
    bind_text(stmt, 2, e->tenant_id);
    bind_text(stmt, 3, e->call_id);
    sqlite3_bind_int64(stmt, 4, e->owner_epoch);
    sqlite3_bind_int64(stmt, 5, e->ordinal);
    bind_text(stmt, 6, e->body);
    int err = step(s, S_APPEND);
    if (err)
        return err;
    int inserted = sqlite3_changes(s->db);
    s->group_depth += inserted;
    return inserted ? track_live(s, e) : 0;
}

static int do_ack(struct vg_spool *s, const struct request *r)
{
    sqlite3_bind_int64(s->stmts[S_ACK], 1, r->first);
    sqlite3_bind_int64(s->stmts[S_ACK], 2, r->last);
    int err = step(s, S_ACK);
    if (!err)
        s->group_depth -= sqlite3_changes(s->db);
    return err;
}

static int do_poison(struct vg_spool *s, const struct request *r)
{
    sqlite3_bind_int64(s->stmts[S_POISON], 1, r->first);
    bind_text(s->stmts[S_POISON], 2, r->text);
    sqlite3_bind_int64(s->stmts[S_POISON], 3, vg_utc_us());
    int err = step(s, S_POISON);
    sqlite3_bind_int64(s->stmts[S_FORGET], 1, r->first);
    if (!err)
        err = step(s, S_FORGET);
    if (!err)
        s->group_depth -= sqlite3_changes(s->db);
    return err;
}

static void run_chain(struct vg_message *msg)
{
    struct request *r = VG_MESSAGE_OF(msg, struct request, message);
    while (r) {
        struct request *next = r->next;
        r->done(r->arg, r->err);
        free(r);
        r = next;
    }
}

/* Posts each loop the chain of its acknowledgements, in the order of the appends. */
static void acknowledge(struct request *list)
{
    struct {
        struct vg_loop *loop;
        struct request *first, *last;
    } chains[LOOPS_MAX];
    size_t n = 0;
    while (list) {
        struct request *r = list;
        list = r->next;
        r->next = NULL;
        r->message.handle = run_chain;
        if (!r->done) {
            free(r);
            continue;
        }
        size_t i = 0;
        while (i < n && chains[i].loop != r->loop)
            i++;
        if (i < n) {
            chains[i].last->next = r;
            chains[i].last = r;
        } else if (n < LOOPS_MAX) {
            chains[n].loop = r->loop;
            chains[n].first = chains[n].last = r;
            n++;
        } else {
            vg_loop_post(r->loop, &r->message);
        }
    }
    for (size_t i = 0; i < n; i++)
        vg_loop_post(chains[i].loop, &chains[i].first->message);
}

/* Deletions of a commit that failed are tried again with the next one; appends have told their callers. */
static struct request *keep_failed_deletions(struct vg_spool *s, struct request *list)
{
    struct request *answered = NULL, **end = &answered;
    while (list) {
        struct request *r = list;
        list = r->next;
        r->next = NULL;
        if (r->op == OP_APPEND) {
            r->err = VG_EIO;
            *end = r;
            end = &r->next;
        } else {
            *s->group_end = r;
            s->group_end = &r->next;
        }
    }
    return answered;
}

static void group_commit(struct vg_spool *s)
{
    struct request *list = s->group;
    int appended = s->group_count;
    s->group = NULL;
    s->group_end = &s->group;
    s->group_count = 0;
    if (!list && sqlite3_get_autocommit(s->db))
        return;
    int64_t start = vg_mono_us();
    if (!s->group_err && sqlite3_exec(s->db, "commit", NULL, NULL, NULL) != SQLITE_OK)
        s->group_err = VG_EIO;
    if (s->group_err) {
        vg_log_error("spool.commit_failed", "problem=%s events=%d", sqlite3_errmsg(s->db), appended);
        atomic_store_explicit(&s->refused_us, vg_mono_us(), memory_order_relaxed);
        if (!sqlite3_get_autocommit(s->db))
            sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
        list = keep_failed_deletions(s, list);
    } else {
        atomic_store_explicit(&s->refused_us, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->depth, s->group_depth, memory_order_relaxed);
        vg_observe_us(spool_commit_seconds, vg_mono_us() - start);
        vg_metric_set(VG_M_spool_depth_events, NULL, NULL, (double)vg_spool_depth(s));
    }
    bool added = !s->group_err && appended > 0;
    s->group_err = 0;
    s->group_depth = 0;
    atomic_fetch_sub_explicit(&s->waiting, (unsigned)appended, memory_order_relaxed);
    atomic_store_explicit(&s->busy_since_us, vg_mono_us(), memory_order_relaxed); /* of the next, if any */
    acknowledge(list);
    pthread_mutex_lock(&s->on_commit_lock);
    if (added && s->on_commit)
        s->on_commit(s->on_commit_arg);
    pthread_mutex_unlock(&s->on_commit_lock);
}

static void perform(struct vg_spool *s, struct request *r)
{
    if (sqlite3_get_autocommit(s->db) && !s->group_err &&
        sqlite3_exec(s->db, "begin immediate", NULL, NULL, NULL) != SQLITE_OK)
        s->group_err = VG_EIO;
    if (s->group_err)
        return;
    switch (r->op) {
    case OP_APPEND: s->group_err = do_append(s, &r->event); break;
    case OP_ACK: s->group_err = do_ack(s, r); break;
    case OP_POISON: s->group_err = do_poison(s, r); break;
    }
}

static void handle(struct vg_message *msg)
{
    struct request *r = VG_MESSAGE_OF(msg, struct request, message);
    struct vg_spool *s = r->spool;
    if (s->group_count == 0 && s->group && sqlite3_get_autocommit(s->db)) {
        for (struct request *kept = s->group; kept; kept = kept->next)
            perform(s, kept); /* deletions that an earlier commit could not make */
    }
    perform(s, r);
    r->next = NULL;
    *s->group_end = r;
    s->group_end = &r->next;
    if (r->op == OP_APPEND && ++s->group_count >= GROUP_MAX)
        group_commit(s);
}

static void *run(void *arg)
{
    struct vg_spool *s = arg;
    pthread_setname_np(pthread_self(), "vg-spool");
    for (;;) {
        while (sem_wait(&s->wake) && errno == EINTR)
            ;
        /* Acquire pairs with the release in free: what was appended before it is in the mailbox. */
        bool stop = atomic_load_explicit(&s->stop, memory_order_acquire);
        atomic_store_explicit(&s->busy_since_us, vg_mono_us(), memory_order_relaxed);
        vg_mailbox_drain(&s->mailbox);
        if (!sqlite3_get_autocommit(s->db) || s->group_err)
            group_commit(s);
        atomic_store_explicit(&s->busy_since_us, 0, memory_order_relaxed);
        if (stop)
            return NULL;
    }
}

static void wake(void *arg)
{
    sem_post(arg);
}

/* --- any thread --------------------------------------------------------------------------------------------
 */

static char *put_text(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *here = memcpy(*at, text, n);
    *at += n;
    return here;
}

int vg_spool_append(struct vg_spool *s, const struct vg_record_event *e, struct vg_loop *loop,
                    vg_spool_fn done, void *arg)
{
    VG_ASSERT(loop || !done);
    if (atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed) >= WAITING_MAX) {
        atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
        return VG_EFULL;
    }
    size_t bytes = strlen(e->tenant_id) + strlen(e->call_id) + strlen(e->body) + 3;
    struct request *r = malloc(sizeof *r + bytes);
    if (!r) {
        atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
        return VG_ENOMEM;
    }
    *r = (struct request){.message.handle = handle,
                          .spool = s,
                          .op = OP_APPEND,
                          .loop = loop,
                          .done = done,
                          .arg = arg,
                          .event = *e};
    char *at = r->text;
    r->event.tenant_id = put_text(&at, e->tenant_id);
    r->event.call_id = put_text(&at, e->call_id);
    r->event.body = put_text(&at, e->body);
    vg_mailbox_post(&s->mailbox, &r->message);
    return 0;
}

static int ask(struct vg_spool *s, enum op op, int64_t first, int64_t last, const char *text)
{
    struct request *r = malloc(sizeof *r + strlen(text) + 1);
    if (!r)
        return VG_ENOMEM;
    *r = (struct request){.message.handle = handle, .spool = s, .op = op, .first = first, .last = last};
    char *at = r->text;
    put_text(&at, text);
    vg_mailbox_post(&s->mailbox, &r->message);
    return 0;
}

int spool_ack(struct vg_spool *s, int64_t first, int64_t last)
{
    return ask(s, OP_ACK, first, last, "");
}

int spool_poison(struct vg_spool *s, int64_t id, const char *why)
{
    return ask(s, OP_POISON, id, id, why);
}

bool vg_spool_ok(const struct vg_spool *s)
{
    int64_t refused_us = atomic_load_explicit(&s->refused_us, memory_order_relaxed);
    return !vg_spool_hangs(s) && (!refused_us || vg_mono_us() - refused_us > REFUSED_FOR_US);
}

bool vg_spool_hangs(const struct vg_spool *s)
{
    int64_t since_us = atomic_load_explicit(&s->busy_since_us, memory_order_relaxed);
    return since_us && vg_mono_us() - since_us > VG_SPOOL_DEADLINE_US;
}

uint64_t vg_spool_depth(const struct vg_spool *s)
{
    int64_t depth = atomic_load_explicit(&s->depth, memory_order_relaxed);
    return (depth > 0 ? (uint64_t)depth : 0) + atomic_load_explicit(&s->waiting, memory_order_relaxed);
}

const char *spool_path(const struct vg_spool *s)
{
    return s->path;
}

void spool_on_commit(struct vg_spool *s, void (*on_commit)(void *arg), void *arg)
{
    pthread_mutex_lock(&s->on_commit_lock);
    s->on_commit = on_commit;
    s->on_commit_arg = arg;
    pthread_mutex_unlock(&s->on_commit_lock);
}

/* --- open and close ----------------------------------------------------------------------------------------
 */

/* Two gateways on one spool would take each other's live calls for dead ones. */
static int lock_file(struct vg_spool *s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.lock", s->path);
    s->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return VG_EIO;
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return VG_ESTATE;
    return 0;
}

static int open_database(struct vg_spool *s)
{
    int64_t depth;
    int err = spool_schema_open(&s->db, s->path, &depth);
    if (err)
        return err;
    atomic_store_explicit(&s->depth, depth, memory_order_relaxed);
    for (int i = 0; i < S_COUNT; i++) {
        if (sqlite3_prepare_v3(s->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[i], NULL) !=
            SQLITE_OK) {
            vg_log_error("spool.open_failed", "problem=%s", sqlite3_errmsg(s->db));
            return VG_EIO;
        }
    }
    return 0;
}

static void close_all(struct vg_spool *s)
{
    for (int i = 0; i < S_COUNT; i++)
        sqlite3_finalize(s->stmts[i]);
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->on_commit_lock);
    sem_destroy(&s->wake);
    free(s->path);
    free(s);
}

int vg_spool_open(struct vg_spool **out, const char *path)
{
    struct vg_spool *s = calloc(1, sizeof *s);
    if (!s)
        return VG_ENOMEM;
    s->lock_fd = -1;
    s->group_end = &s->group;
    pthread_mutex_init(&s->on_commit_lock, NULL);
    sem_init(&s->wake, 0, 0);
    vg_mailbox_init(&s->mailbox, wake, &s->wake);
    s->path = strdup(path);
    int err = s->path ? lock_file(s) : VG_ENOMEM;
    if (!err)
        err = open_database(s);
    if (!err && pthread_create(&s->thread, NULL, run, s))
        err = VG_EIO;
    if (err) {
        close_all(s);
        return err;
    }
    *out = s;
    return 0;
}

struct vg_spool *vg_spool_free(struct vg_spool *s)
{
    if (!s)
        return NULL;
    atomic_store_explicit(&s->stop, true, memory_order_release);
    sem_post(&s->wake);
    pthread_join(s->thread, NULL);
    for (struct request *r = s->group, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    close_all(s);
    return NULL;
}
