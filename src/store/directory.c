/* The directory's cache; see directory.h. One map under one lock that is held for a look and never across
 * I/O. Whoever misses first starts a job on the workers, the others wait in the entry's list ("single
 * flight"); the answer goes to each waiter on its own loop. Read next: directory_load.c, directory_listen.c.
 */
#include "store/directory.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "net/workers.h"
#include "store/directory_load.h"
#include "store/directory_private.h"

enum {
    FRESH_US = 30 * VG_US_PER_S,
    RENEW_US = 15 * VG_US_PER_S, /* older than this: renewed in the background while it is served */
    UNKNOWN_US = 5 * VG_US_PER_S,
    LOAD_US = VG_US_PER_S, /* how long a look-up may wait for the database */
    AWAY_US = VG_US_PER_S, /* after a failure, stale entries are served at once for this long */
    ENTRIES_MAX = 65536,
};

enum kind { KIND_KEY, KIND_KEY_ID, KIND_TENANT, KIND_AGENT };

struct waiter {
    struct vg_message message;
    struct waiter *next;
    struct vg_loop *loop;
    enum kind kind;
    union {
        vg_key_fn key;
        vg_tenant_fn tenant;
        vg_agent_fn agent;
    } done;
    void *arg;
    int err;
    struct directory_value value;
};

struct entry {
    enum kind kind;
    char tenant_id[VG_ID_SIZE];  /* whose it is, where known */
    char id[VG_SHA256_HEX_SIZE]; /* hash, key id or agent id ("" for the default) */
    bool known;                  /* err and value are set */
    bool stale;                  /* changed in the database since it was loaded */
    bool loading;
    int err; /* 0 or VG_ENOENT */
    struct directory_value value;
    int64_t loaded_us;
    uint64_t generation; /* counts invalidations */
    struct waiter *waiters;
    char name[]; /* its key in the map */
};

struct load {
    struct vg_job job;
    struct vg_directory *directory;
    struct entry *entry;
    uint64_t generation;
    enum kind kind; /* copies: the entry belongs to the lock */
    char tenant_id[VG_ID_SIZE], id[VG_SHA256_HEX_SIZE];
    struct directory_value value;
};

struct vg_directory {
    atomic_uint changes; /* told of by invalidation */
    atomic_uint refs;    /* the owner and every load under way */
    struct vg_workers *workers;
    struct directory_listener *listener;
    pthread_mutex_t lock; /* guards what follows */
    struct vg_map *entries;
    int64_t away_until_us;
};

/* --- answers -----------------------------------------------------------------------------------------------
 */

static void answer(struct waiter *w)
{
    bool ok = w->err == 0;
    switch (w->kind) {
    case KIND_KEY:
    case KIND_KEY_ID: w->done.key(w->arg, w->err, ok ? &w->value.key->key : NULL, w->value.tenant); break;
    case KIND_TENANT: w->done.tenant(w->arg, w->err, w->value.tenant); break;
    case KIND_AGENT: w->done.agent(w->arg, w->err, w->value.agent); break;
    }
    directory_value_put(&w->value);
}

static void answer_posted(struct vg_message *msg)
{
    struct waiter *w = VG_MESSAGE_OF(msg, struct waiter, message);
    answer(w);
    free(w);
}

/* What an entry says now; a stale good value is better than none. Under the lock. */
static int read_entry(const struct entry *e, struct directory_value *value)
{
    if (!e->known)
        return VG_EUNAVAIL;
    if (!e->err)
        *value = directory_value_get(&e->value);
    return e->err;
}

/* Gives every waiter of the list the answer; those of `here` at once. Not under the lock. */
static void answer_all(struct waiter *list, struct vg_loop *here)
{
    while (list) {
        struct waiter *w = list;
        list = w->next;
        w->message.handle = answer_posted;
        if (w->loop == here)
            answer_posted(&w->message);
        else
            vg_loop_post(w->loop, &w->message);
    }
}

/* Takes the waiters, oldest first, with the entry's answer filled in. Under the lock. */
static struct waiter *take_waiters(struct entry *e, int err_if_unknown)
{
    struct waiter *oldest = NULL;
    while (e->waiters) {
        struct waiter *w = e->waiters;
        e->waiters = w->next;
        w->err = read_entry(e, &w->value);
        if (w->err == VG_EUNAVAIL)
            w->err = err_if_unknown;
        w->next = oldest;
        oldest = w;
    }
    return oldest;
}

/* --- loading -----------------------------------------------------------------------------------------------
 */

static void directory_unref(struct vg_directory *d);

static int load_run(struct vg_job *job, void *worker_state)
{
    struct load *l = (struct load *)(void *)job;
    struct vg_pg *pg = worker_state;
    if (!pg)
        return VG_EUNAVAIL;
    switch (l->kind) {
    case KIND_KEY: return directory_load_key(pg, l->id, NULL, job->deadline_us, &l->value);
    case KIND_KEY_ID: return directory_load_key(pg, NULL, l->id, job->deadline_us, &l->value);
    case KIND_TENANT: return directory_load_tenant(pg, l->tenant_id, job->deadline_us, &l->value);
    case KIND_AGENT: return directory_load_agent(pg, l->tenant_id, l->id, job->deadline_us, &l->value);
    }
    return VG_EINVAL;
}

static void load_done(struct vg_job *job, int err)
{
    struct load *l = (struct load *)(void *)job;
    struct vg_directory *d = l->directory;
    struct entry *e = l->entry;
    struct directory_value old = {0};
    pthread_mutex_lock(&d->lock);
    int64_t now_us = vg_mono_us();
    if (err == 0 || err == VG_ENOENT) {
        old = e->value;
        e->value = l->value;
        e->err = err;
        e->known = true;
        e->loaded_us = now_us;
        e->stale = e->generation != l->generation;
        if (l->value.key && l->kind != KIND_TENANT)
            memcpy(e->tenant_id, l->value.key->key.tenant_id, sizeof e->tenant_id);
        d->away_until_us = 0;
    } else {
        d->away_until_us = now_us + AWAY_US;
        if (e->err) /* what was unknown may be known by now: not an answer any more */
            e->known = false;
    }
    e->loading = false;
    struct waiter *waiters = take_waiters(e, VG_EUNAVAIL);
    pthread_mutex_unlock(&d->lock);
    directory_value_put(&old);
    answer_all(waiters, job->loop);
    free(l);
    directory_unref(d);
}

/* Starts a load; under the lock. */
static int start_load(struct vg_directory *d, struct entry *e, struct vg_loop *loop)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        return VG_ENOMEM;
    l->job = (struct vg_job){
        .loop = loop, .deadline_us = vg_mono_us() + LOAD_US, .run = load_run, .done = load_done};
    l->directory = d;
    l->entry = e;
    l->generation = e->generation;
    l->kind = e->kind;
    memcpy(l->tenant_id, e->tenant_id, sizeof l->tenant_id);
    memcpy(l->id, e->id, sizeof l->id);
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    int err = vg_workers_submit(d->workers, &l->job);
    if (err) {
        atomic_fetch_sub_explicit(&d->refs, 1, memory_order_relaxed);
        free(l);
        return err;
    }
    e->loading = true;
    return 0;
}

/* --- entries -----------------------------------------------------------------------------------------------
 */

static void entry_free(struct entry *e)
{
    directory_value_put(&e->value);
    free(e);
}

/* Makes room when the map is full: entries that are of no use go first, then any. Under the lock. */
static void make_room(struct vg_directory *d)
{
    struct entry **all = calloc(ENTRIES_MAX, sizeof(struct entry *));
    size_t cursor = 0, n = 0;
    struct entry *e;
    while (all && n < ENTRIES_MAX && (e = vg_map_next(d->entries, &cursor, NULL)))
        all[n++] = e;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n && vg_map_count(d->entries) > ENTRIES_MAX * 3 / 4; i++) {
            if (!all[i] || all[i]->loading || (round == 0 && all[i]->known && !all[i]->err))
                continue;
            vg_map_remove(d->entries, all[i]->name);
            entry_free(all[i]);
            all[i] = NULL;
        }
    }
    free(all);
}

static struct entry *entry_of(struct vg_directory *d, enum kind kind, const char *tenant_id, const char *id)
{
    char name[160];
    name[0] = "hkta"[kind];
    vg_text_join(name + 1, sizeof name - 1, (const char *[]){tenant_id, "/", id, NULL});
    struct entry *e = vg_map_get(d->entries, name);
    if (e)
        return e;
    if (vg_map_count(d->entries) >= ENTRIES_MAX)
        make_room(d);
    e = calloc(1, sizeof *e + strlen(name) + 1);
    if (!e)
        return NULL;
    e->kind = kind;
    strcpy(e->name, name);
    vg_text_copy(e->tenant_id, sizeof e->tenant_id, tenant_id);
    vg_text_copy(e->id, sizeof e->id, id);
    if (vg_map_put(d->entries, name, e)) {
        free(e);
        return NULL;
    }
    return e;
}

/* True if the entry's value may be given without asking the database. Under the lock. */
static bool is_servable(const struct vg_directory *d, const struct entry *e, int64_t now_us)
{
    if (!e->known)
        return false;
    int64_t age_us = now_us - e->loaded_us;
    if (!e->stale && age_us < (e->err ? UNKNOWN_US : FRESH_US))
        return true;
    return !e->err && now_us < d->away_until_us;
}

static int wait_for(struct entry *e, const struct waiter *w)
{
    struct waiter *copy = malloc(sizeof *copy);
    if (!copy)
        return VG_ENOMEM;
    *copy = *w;
    copy->next = e->waiters;
    e->waiters = copy;
    return 0;
}

/* The look-up: answers at once, or leaves a copy of `w` waiting. */
static void look_up(struct vg_directory *d, struct waiter *w, const char *tenant_id, const char *id)
{
    int64_t now_us = vg_mono_us();
    bool now = true;
    struct waiter *failed = NULL;
    pthread_mutex_lock(&d->lock);
    struct entry *e = entry_of(d, w->kind, tenant_id, id);
    if (!e) {
        w->err = VG_ENOMEM;
    } else if (is_servable(d, e, now_us)) {
        w->err = read_entry(e, &w->value);
        bool due = e->stale || now_us - e->loaded_us > RENEW_US;
        if (due && !e->err && !e->loading && now_us >= d->away_until_us && start_load(d, e, w->loop))
            due = false; /* the next look-up tries again */
    } else if (!wait_for(e, w)) {
        now = false;
        if (!e->loading && start_load(d, e, w->loop))
            failed = take_waiters(e, VG_EUNAVAIL);
    } else {
        w->err = VG_ENOMEM;
    }
    pthread_mutex_unlock(&d->lock);
    if (now)
        answer(w);
    answer_all(failed, w->loop);
}

/* --- the interface -----------------------------------------------------------------------------------------
 */

void vg_directory_key(struct vg_directory *d, struct vg_loop *loop, const char *sha256_hex, vg_key_fn done,
                      void *arg)
{
    struct waiter w = {.loop = loop, .kind = KIND_KEY, .done.key = done, .arg = arg, .err = VG_ENOENT};
    if (strlen(sha256_hex) == VG_SHA256_HEX_SIZE - 1)
        look_up(d, &w, "", sha256_hex);
    else
        answer(&w);
}

void vg_directory_key_by_id(struct vg_directory *d, struct vg_loop *loop, const char *key_id, vg_key_fn done,
                            void *arg)
{
    struct waiter w = {.loop = loop, .kind = KIND_KEY_ID, .done.key = done, .arg = arg, .err = VG_ENOENT};
    if (vg_id_valid(key_id, VG_ID_KEY))
        look_up(d, &w, "", key_id);
    else
        answer(&w);
}

void vg_directory_tenant(struct vg_directory *d, struct vg_loop *loop, const char *tenant_id,
                         vg_tenant_fn done, void *arg)
{
    struct waiter w = {.loop = loop, .kind = KIND_TENANT, .done.tenant = done, .arg = arg, .err = VG_ENOENT};
    if (vg_id_valid(tenant_id, VG_ID_TENANT))
        look_up(d, &w, tenant_id, "");
    else
        answer(&w);
}

void vg_directory_agent(struct vg_directory *d, struct vg_loop *loop, const char *tenant_id,
                        const char *agent_id, vg_agent_fn done, void *arg)
{
    struct waiter w = {.loop = loop, .kind = KIND_AGENT, .done.agent = done, .arg = arg, .err = VG_ENOENT};
    if (vg_id_valid(tenant_id, VG_ID_TENANT) && (!agent_id || vg_id_valid(agent_id, VG_ID_AGENT)))
        look_up(d, &w, tenant_id, agent_id ? agent_id : "");
    else
        answer(&w);
}

void vg_directory_invalidate(struct vg_directory *d, const char *tenant_id)
{
    size_t cursor = 0;
    struct entry *e;
    pthread_mutex_lock(&d->lock);
    while ((e = vg_map_next(d->entries, &cursor, NULL))) {
        /* A key that was unknown may be this tenant's new one. */
        if (tenant_id && strcmp(e->tenant_id, tenant_id) != 0 && !e->err && e->known)
            continue;
        e->stale = true;
        e->generation++;
    }
    d->away_until_us = 0;
    pthread_mutex_unlock(&d->lock);
    atomic_fetch_add_explicit(&d->changes, 1, memory_order_release);
}

unsigned vg_directory_changes(struct vg_directory *d)
{
    return atomic_load_explicit(&d->changes, memory_order_acquire);
}

int vg_directory_new(struct vg_directory **out, struct vg_workers *workers)
{
    struct vg_directory *d = calloc(1, sizeof *d);
    if (!d)
        return VG_ENOMEM;
    d->entries = vg_map_new();
    if (!d->entries) {
        free(d);
        return VG_ENOMEM;
    }
    d->workers = workers;
    atomic_init(&d->refs, 1);
    pthread_mutex_init(&d->lock, NULL);
    *out = d;
    return 0;
}

static void directory_unref(struct vg_directory *d)
{
    if (atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    size_t cursor = 0;
    struct entry *e;
    while ((e = vg_map_next(d->entries, &cursor, NULL)))
        entry_free(e);
    vg_map_free(d->entries);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

int vg_directory_listen(struct vg_directory *d, const char *database_url)
{
    return d->listener ? VG_ESTATE : directory_listener_start(&d->listener, d, database_url);
}

struct vg_directory *vg_directory_free(struct vg_directory *d)
{
    if (!d)
        return NULL;
    d->listener = directory_listener_stop(d->listener);
    directory_unref(d);
    return NULL;
}
