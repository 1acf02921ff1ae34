/* The fake network: its numbers, and the way of a call through it; see fake.h. The line of a call (samples,
 * keys, listening) is in fake_line.c. */
#include "telephony/fake.h"

#include <string.h>

#include "base/clock.h"
#include "telephony/fake_line.h"

enum { NUMBERS_MAX = 256 };

struct number {
    char tenant_id[VG_ID_SIZE], number_id[VG_ID_SIZE];
    char did[24];
};

struct vg_telephony {
    struct vg_loop *loop;
    struct vg_telephony_host host;
    struct number numbers[NUMBERS_MAX];
    size_t number_count;
    struct fake_call *calls; /* that are not over */
    bool closing;
};

/* --- numbers ---------------------------------------------------------------------------------------------
 */

static struct number *find_number(struct vg_telephony *t, const char *did)
{
    for (size_t i = 0; i < t->number_count; i++) {
        if (strcmp(t->numbers[i].did, did) == 0)
            return &t->numbers[i];
    }
    return NULL;
}

static int fake_register(struct vg_telephony *t, const char *tenant_id, const char *phone_number_id,
                         const char *did_number)
{
    struct number *n = find_number(t, did_number);
    if (n && strcmp(n->tenant_id, tenant_id) != 0)
        return VG_EEXIST;
    if (strlen(did_number) >= sizeof n->did || *did_number != '+')
        return VG_EINVAL;
    if (!n && t->number_count == NUMBERS_MAX)
        return VG_EFULL;
    if (!n)
        n = &t->numbers[t->number_count++];
    snprintf(n->tenant_id, sizeof n->tenant_id, "%s", tenant_id);
    snprintf(n->number_id, sizeof n->number_id, "%s", phone_number_id);
    snprintf(n->did, sizeof n->did, "%s", did_number);
    return 0;
}

static int fake_unregister(struct vg_telephony *t, const char *tenant_id, const char *phone_number_id,
                           const char *did_number)
{
    struct number *n = find_number(t, did_number);
    if (!n || strcmp(n->tenant_id, tenant_id) != 0 || strcmp(n->number_id, phone_number_id) != 0)
        return VG_ENOENT;
    *n = t->numbers[--t->number_count];
    return 0;
}

/* --- the way of a call -----------------------------------------------------------------------------------
 */

static int announce(struct fake_call *c, enum vg_telephony_event_type type, struct vg_leg *leg)
{
    struct vg_telephony_event event = {.type = type, .call = c->metadata, .timestamp_us = vg_utc_us()};
    return c->network->host.event(c->network->host.host_arg, &event, leg);
}

static void unlink_call(struct fake_call *c)
{
    struct fake_call **at = &c->network->calls;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
}

static void finish(struct fake_call *c)
{
    struct vg_fake_result result = {.last = c->last,
                                    .code = c->code,
                                    .reason = c->reason,
                                    .heard = c->heard,
                                    .heard_samples = c->heard_samples,
                                    .answered_us = c->answered_us ? c->over_us - c->answered_us : 0};
    int err = announce(c, c->last, NULL);
    (void)err; /* the call is over either way */
    unlink_call(c);
    if (c->script.over && !c->network->closing)
        c->script.over(c->script.arg, &result);
    fake_line_free(c);
}

static void on_over(void *arg)
{
    finish(arg);
}

void fake_call_over(struct fake_call *c, enum vg_telephony_event_type last, int code, const char *reason)
{
    c->leg.host = NULL;
    c->last = last;
    c->code = code;
    c->over_us = vg_loop_now_us(c->leg.loop);
    snprintf(c->reason, sizeof c->reason, "%s", reason);
    vg_timer_stop(c->frame_timer);
    vg_timer_start(c->over_timer, 0, 0); /* a leg does not free itself inside a callback of its own */
}

/* The ringing has an end: the network connects the caller. */
static void on_answer(void *arg)
{
    struct fake_call *c = arg;
    c->answered_us = vg_loop_now_us(c->leg.loop);
    int err = announce(c, VG_TEL_ANSWERED, &c->leg);
    if (err) {
        c->answered_us = 0;
        fake_call_over(c, VG_TEL_FAILED, 0, vg_strerror(err));
        return;
    }
    fake_line_start(c);
}

static struct vg_call_metadata metadata_of(const struct number *n, const struct vg_fake_script *script)
{
    struct vg_call_metadata m = {.direction = VG_CALL_INBOUND, .timestamp_us = vg_utc_us()};
    snprintf(m.tenant_id, sizeof m.tenant_id, "%s", n->tenant_id);
    snprintf(m.phone_number_id, sizeof m.phone_number_id, "%s", n->number_id);
    snprintf(m.called_number, sizeof m.called_number, "%s", n->did);
    snprintf(m.caller_number, sizeof m.caller_number, "%s",
             script->caller_number ? script->caller_number : "");
    vg_id_new(m.external_id, "fake_");
    return m;
}

int vg_fake_dial(struct vg_telephony *t, const char *did_number, const struct vg_fake_script *script)
{
    const struct number *n = find_number(t, did_number);
    if (!n)
        return VG_ENOENT;
    struct fake_call *c = fake_line_new(t, t->loop, script);
    if (!c)
        return VG_ENOMEM;
    c->metadata = metadata_of(n, script);
    c->answer_timer = vg_timer_new(t->loop, on_answer, c);
    c->over_timer = vg_timer_new(t->loop, on_over, c);
    int err = c->answer_timer && c->over_timer ? announce(c, VG_TEL_INITIATED, NULL) : VG_ENOMEM;
    if (err) {
        fake_line_free(c);
        return err;
    }
    c->next = t->calls;
    t->calls = c;
    err = announce(c, VG_TEL_RINGING, NULL);
    vg_timer_start(c->answer_timer, err ? 0 : script->ring_us, 0);
    return 0;
}

size_t vg_fake_calls(const struct vg_telephony *t)
{
    size_t n = 0;
    for (const struct fake_call *c = t->calls; c; c = c->next)
        n++;
    return n;
}

/* --- opening and closing ---------------------------------------------------------------------------------
 */

static int fake_open(struct vg_telephony **out, struct vg_loop *loop, const struct vg_telephony_host *host)
{
    struct vg_telephony *t = calloc(1, sizeof *t);
    if (!t)
        return VG_ENOMEM;
    t->loop = loop;
    t->host = *host;
    *out = t;
    return 0;
}

/* Calls that are under way are dropped, as a network that fails drops them. */
static void fake_close(struct vg_telephony *t)
{
    t->closing = true;
    while (t->calls) {
        struct fake_call *c = t->calls;
        if (c->leg.host)
            c->leg.host_ops->gone(c->leg.host, "the network was closed");
        fake_call_over(c, VG_TEL_FAILED, 0, "the network was closed");
        finish(c);
    }
    free(t);
}

const struct vg_telephony_ops vg_telephony_fake = {
    .version = 1,
    .name = "fake",
    .open = fake_open,
    .register_number = fake_register,
    .unregister_number = fake_unregister,
    .close = fake_close,
};
