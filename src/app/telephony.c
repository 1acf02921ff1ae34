/* From a phone network's call to one of the core; see telephony.h. A call is made while it rings (tenant,
 * agent, spec, spool), so that it is there when the network answers; a leg that is answered earlier waits. */
#include "app/telephony.h"

#include <string.h>

#include "api/call_spec.h"
#include "base/log.h"
#include "base/map.h"
#include "call/call.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/directory.h"
#include "telephony/list.h"

enum { ADAPTERS_MAX = 8, CLOSE_INTERNAL = 1011, CLOSE_POLICY = 1008 };

/* One adapter, open; what its events come with. */
struct adapter {
    struct telephony *t;
    const struct vg_telephony_ops *ops;
    struct vg_telephony *handle;
};

struct telephony {
    struct vg_shard *shard;
    struct vg_directory *directory;
    struct adapter adapters[ADAPTERS_MAX];
    size_t adapter_count;
    struct vg_map *calls;  /* external id -> struct phone_call */
    struct vg_map *agents; /* number id -> agent id, owned */
};

enum phone_state { PHONE_MAKING, PHONE_READY, PHONE_CONNECTED, PHONE_FAILED };

struct phone_call {
    struct telephony *t;
    const char *channel; /* the adapter's name */
    struct vg_call_metadata metadata;
    enum phone_state state;
    int err;                     /* of a call that failed */
    bool over;                   /* the network is done with it */
    uint32_t concurrent_limit;   /* of the tenant */
    struct vg_call_entry *entry; /* a reference, once it is made */
    struct vg_leg *leg;          /* answered, waits for the call to be made */
};

/* --- the life of a phone call ----------------------------------------------------------------------------
 */

static void phone_free(struct phone_call *p)
{
    vg_map_remove(p->t->calls, p->metadata.external_id);
    if (p->entry)
        vg_call_entry_put(p->entry);
    free(p);
}

static int attach(struct phone_call *p, struct vg_leg *leg)
{
    int err = vg_call_attach(p->t->shard, p->entry, leg, &(struct vg_joining){0});
    if (!err)
        p->state = PHONE_CONNECTED;
    return err;
}

/* Making the call came to an end, well or not. */
static void made(struct phone_call *p, int err)
{
    p->state = err ? PHONE_FAILED : PHONE_READY;
    p->err = err;
    if (err)
        vg_log_warn("telephony.refused", "tenant_id=%s called=%s reason=%s", p->metadata.tenant_id,
                    p->metadata.called_number, vg_strerror(err));
    struct vg_leg *leg = p->leg;
    p->leg = NULL;
    if (p->over) { /* the caller gave up meanwhile */
        if (p->entry)
            vg_call_end(p->t->shard, p->entry, "caller_gave_up", NULL, NULL);
        phone_free(p);
    } else if (leg) {
        err = err ? err : attach(p, leg);
        if (err)
            leg->ops->close(leg, err == VG_ECAPACITY || err == VG_ELIMIT ? CLOSE_POLICY : CLOSE_INTERNAL,
                            vg_strerror(err));
    }
}

static void on_created(void *arg, int err, struct vg_call_entry *entry, uint32_t limit, uint32_t used)
{
    struct phone_call *p = arg;
    (void)limit;
    (void)used;
    if (!err && !(p->entry = vg_calls_find(p->t->shard->calls, entry->spec->call_id)))
        err = VG_ENOENT;
    made(p, err);
}

static void on_agent(void *arg, int err, const struct vg_agent *agent)
{
    struct phone_call *p = arg;
    const struct vg_shard *shard = p->t->shard;
    struct call_wish wish = {.tenant_id = p->metadata.tenant_id,
                             .user_id = p->metadata.caller_number,
                             .language = "auto",
                             .channel = p->channel,
                             .direction = p->metadata.direction == VG_CALL_INBOUND ? "inbound" : "outbound",
                             .caller_number = p->metadata.caller_number,
                             .called_number = p->metadata.called_number};
    struct vg_bind_details details = {0};
    struct vg_call_spec *spec = NULL;
    if (!err)
        err = call_spec_make(&spec, &wish, agent, shard->config, shard->engines, &details);
    if (err) {
        made(p, err);
        return;
    }
    vg_call_create(p->t->shard, spec, p->concurrent_limit, on_created, p);
}

static void on_tenant(void *arg, int err, const struct vg_tenant *tenant)
{
    struct phone_call *p = arg;
    if (!err && tenant->status != VG_TENANT_ACTIVE)
        err = VG_EFORBIDDEN;
    if (err) {
        made(p, err);
        return;
    }
    p->concurrent_limit = tenant->concurrent_calls_max ? tenant->concurrent_calls_max
                                                       : (uint32_t)p->t->shard->config->concurrent_calls;
    vg_directory_agent(p->t->directory, p->t->shard->loop, p->metadata.tenant_id,
                       vg_map_get(p->t->agents, p->metadata.phone_number_id), on_agent, p);
}

/* --- what the networks say -------------------------------------------------------------------------------
 */

static int on_initiated(const struct adapter *a, const struct vg_telephony_event *event)
{
    struct telephony *t = a->t;
    struct phone_call *p = calloc(1, sizeof *p);
    if (!p)
        return VG_ENOMEM;
    p->t = t;
    p->channel = a->ops->name;
    p->metadata = event->call;
    if (vg_map_get(t->calls, p->metadata.external_id) || vg_map_put(t->calls, p->metadata.external_id, p)) {
        free(p);
        return VG_EEXIST;
    }
    vg_directory_tenant(t->directory, t->shard->loop, p->metadata.tenant_id, on_tenant, p);
    if (p->state != PHONE_FAILED)
        return 0;
    int err = p->err; /* known at once: the network need not ring */
    phone_free(p);
    return err;
}

static int on_answered(struct phone_call *p, struct vg_leg *leg)
{
    switch (p->state) {
    case PHONE_MAKING: p->leg = leg; return 0;
    case PHONE_READY: return attach(p, leg);
    case PHONE_FAILED: return p->err;
    case PHONE_CONNECTED: break;
    }
    return VG_ESTATE;
}

static void on_over(struct phone_call *p)
{
    p->over = true;
    p->leg = NULL;
    if (p->state == PHONE_MAKING)
        return; /* made() goes on */
    if (p->state == PHONE_READY)
        vg_call_end(p->t->shard, p->entry, "caller_gave_up", NULL, NULL);
    phone_free(p);
}

static int on_event(void *arg, const struct vg_telephony_event *event, struct vg_leg *leg)
{
    static const char *const NAMES[] = {[VG_TEL_INITIATED] = "initiated",
                                        [VG_TEL_RINGING] = "ringing",
                                        [VG_TEL_ANSWERED] = "answered",
                                        [VG_TEL_ENDED] = "ended",
                                        [VG_TEL_FAILED] = "failed"};
    const struct adapter *a = arg;
    vg_log_debug("telephony.event", "event_type=%s external_id=%s tenant_id=%s", NAMES[event->type],
                 event->call.external_id, event->call.tenant_id);
    if (event->type == VG_TEL_INITIATED)
        return on_initiated(a, event);
    struct phone_call *p = vg_map_get(a->t->calls, event->call.external_id);
    if (!p)
        return VG_ENOENT;
    if (event->type == VG_TEL_ANSWERED)
        return on_answered(p, leg);
    if (event->type == VG_TEL_ENDED || event->type == VG_TEL_FAILED)
        on_over(p);
    return 0;
}

/* --- numbers ---------------------------------------------------------------------------------------------
 */

static struct adapter *find(struct telephony *t, const char *name)
{
    for (size_t i = 0; i < t->adapter_count; i++) {
        if (strcmp(t->adapters[i].ops->name, name) == 0)
            return &t->adapters[i];
    }
    return NULL;
}

struct vg_telephony *telephony_adapter(struct telephony *t, const char *adapter)
{
    const struct adapter *a = find(t, adapter);
    return a ? a->handle : NULL;
}

int telephony_register(struct telephony *t, const char *adapter, const struct telephony_number *n)
{
    const struct adapter *a = find(t, adapter);
    if (!a)
        return VG_ENOENT;
    char *agent = n->agent_id ? strdup(n->agent_id) : NULL;
    if (n->agent_id && !agent)
        return VG_ENOMEM;
    int err = a->ops->register_number(a->handle, n->tenant_id, n->number_id, n->did_number);
    if (!err)
        free(vg_map_remove(t->agents, n->number_id));
    if (!err && agent)
        err = vg_map_put(t->agents, n->number_id, agent);
    if (err)
        free(agent);
    return err;
}

int telephony_unregister(struct telephony *t, const char *adapter, const struct telephony_number *n)
{
    const struct adapter *a = find(t, adapter);
    if (!a)
        return VG_ENOENT;
    int err = a->ops->unregister_number(a->handle, n->tenant_id, n->number_id, n->did_number);
    if (!err)
        free(vg_map_remove(t->agents, n->number_id));
    return err;
}

/* --- opening and closing ---------------------------------------------------------------------------------
 */

int telephony_new(struct telephony **out, struct vg_shard *shard, struct vg_directory *directory)
{
    struct telephony *t = calloc(1, sizeof *t);
    if (!t)
        return VG_ENOMEM;
    t->shard = shard;
    t->directory = directory;
    t->calls = vg_map_new();
    t->agents = vg_map_new();
    int err = t->calls && t->agents ? 0 : VG_ENOMEM;
    for (size_t i = 0; !err && i < vg_telephony_list_count && i < ADAPTERS_MAX; i++) {
        struct adapter *a = &t->adapters[i];
        struct vg_telephony_host host = {.event = on_event, .host_arg = a};
        *a = (struct adapter){.t = t, .ops = vg_telephony_list[i]};
        err = a->ops->open(&a->handle, shard->loop, &host);
        t->adapter_count += !err;
    }
    if (err)
        telephony_free(t);
    else
        *out = t;
    return err;
}

/* Frees what a map holds, and the map. */
static void free_map(struct vg_map *m, void (*value_free)(void *value))
{
    size_t cursor = 0;
    void *value;
    while (m && (value = vg_map_next(m, &cursor, NULL)))
        value_free(value);
    vg_map_free(m);
}

static void drop_call(void *value)
{
    struct phone_call *p = value;
    if (p->entry)
        vg_call_entry_put(p->entry);
    free(p);
}

struct telephony *telephony_free(struct telephony *t)
{
    if (!t)
        return NULL;
    for (size_t i = 0; i < t->adapter_count; i++)
        t->adapters[i].ops->close(t->adapters[i].handle);
    free_map(t->calls, drop_call);
    free_map(t->agents, free);
    free(t);
    return NULL;
}
