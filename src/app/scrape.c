/* Live calls by tenant, bounded; see scrape.h. */
#include "app/scrape.h"

#include <stdlib.h>

#include "call/registry.h"
#include "obs/metrics.h"

enum { TENANTS_SHOWN = 100 };

struct tenant_load {
    char id[VG_ID_SIZE];
    uint32_t live;
};

struct loads {
    struct tenant_load *items;
    size_t count, cap;
};

static void add(void *arg, const char *tenant_id, uint32_t live)
{
    struct loads *l = arg;
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct tenant_load *grown = realloc(l->items, cap * sizeof *grown);
        if (!grown)
            return;
        l->items = grown;
        l->cap = cap;
    }
    struct tenant_load *t = &l->items[l->count++];
    snprintf(t->id, sizeof t->id, "%s", tenant_id);
    t->live = live;
}

static int busier(const void *a, const void *b)
{
    const struct tenant_load *x = a, *y = b;
    return x->live < y->live ? 1 : x->live > y->live ? -1 : 0;
}

void scrape_tenants(struct vg_calls *calls)
{
    struct loads l = {0};
    uint32_t other = 0;
    vg_calls_by_tenant(calls, add, &l);
    if (l.count)
        qsort(l.items, l.count, sizeof *l.items, busier);
    for (size_t i = 0; i < l.count; i++) {
        if (i < TENANTS_SHOWN)
            vg_metric_sample(VG_M_calls_live_tenant, l.items[i].id, NULL, l.items[i].live);
        else
            other += l.items[i].live;
    }
    if (other)
        vg_metric_sample(VG_M_calls_live_tenant, "other", NULL, other);
    free(l.items);
}
