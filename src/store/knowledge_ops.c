/* Search for engines: a job on the workers, answered on the loop that asked; see knowledge.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/workers.h"
#include "store/knowledge.h"

struct vg_knowledge {
    struct vg_workers *workers;
    int64_t timeout_us;
};

struct search {
    struct vg_job job;
    bool cancelled; /* LOOP */
    vg_passages_fn done;
    void *arg;
    unsigned top_k;
    char tenant_id[VG_ID_SIZE];
    char language[16];
    struct vg_found *found; /* the worker's until the job is done */
    char query[];
};

static int run(struct vg_job *job, void *worker_state)
{
    struct search *s = (struct search *)(void *)job;
    if (!worker_state)
        return VG_EUNAVAIL;
    return vg_knowledge_search(worker_state, s->tenant_id, s->language, s->query, NULL, s->top_k,
                               job->deadline_us, &s->found);
}

static void done(struct vg_job *job, int err)
{
    struct search *s = (struct search *)(void *)job;
    if (err && err != VG_ETIMEOUT)
        err = VG_EUNAVAIL;
    if (!s->cancelled)
        s->done(s->arg, err, err ? NULL : s->found->items, err ? 0 : s->found->count);
    vg_found_free(s->found);
    free(s);
}

static int start(void *knowledge_arg, struct vg_loop *loop, const char *tenant_id, const char *language,
                 const char *query, unsigned top_k, vg_passages_fn fn, void *arg, void **handle)
{
    struct vg_knowledge *k = knowledge_arg;
    struct search *s = calloc(1, sizeof *s + strlen(query) + 1);
    if (!s)
        return VG_ENOMEM;
    s->job =
        (struct vg_job){.loop = loop, .deadline_us = vg_mono_us() + k->timeout_us, .run = run, .done = done};
    s->done = fn;
    s->arg = arg;
    s->top_k = top_k;
    snprintf(s->tenant_id, sizeof s->tenant_id, "%s", tenant_id);
    snprintf(s->language, sizeof s->language, "%s", language ? language : "");
    strcpy(s->query, query);
    int err = vg_workers_submit(k->workers, &s->job);
    if (err) {
        free(s);
        return err;
    }
    if (handle)
        *handle = s;
    return 0;
}

static void cancel(void *knowledge_arg, void *handle)
{
    (void)knowledge_arg;
    struct search *s = handle;
    if (s)
        s->cancelled = true;
}

const struct vg_knowledge_ops vg_knowledge_ops = {.search = start, .cancel = cancel};

struct vg_knowledge *vg_knowledge_new(struct vg_workers *workers, int64_t timeout_us)
{
    struct vg_knowledge *k = calloc(1, sizeof *k);
    if (k) {
        k->workers = workers;
        k->timeout_us = timeout_us;
    }
    return k;
}

struct vg_knowledge *vg_knowledge_free(struct vg_knowledge *k)
{
    free(k);
    return NULL;
}
