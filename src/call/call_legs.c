/* Legs that come, are lost and come again: attach, resume, take-over. Owner's loop. */
#include "base/clock.h"
#include "base/log.h"
#include "call/call_internal.h"

#define TAKEN_OVER "taken over by another connection"

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_GONE = 4404,
    CLOSE_TAKEN_OVER = 4409,
};

void call_leg_gone(struct vg_call *c, struct vg_leg_host *host)
{
    if (c->host == host && !c->ending)
        vg_log_info("call.connection_lost", "call_id=%s", c->spec->call_id);
    c->detached_us = vg_loop_now_us(c->shard->loop);
    c->state.connected = false;
    call_publish_state(c);
    vg_media_set_connected(c->media, false);
    c->host_closing = true;
    c->host = NULL;
    host_close(host, CLOSE_NORMAL, "");
}

/* A leg on its way to the call: from its own loop to the owner's, where it may wait for the old leg to close.
 */
struct leg_arrival {
    struct vg_message message;
    struct vg_call_entry *entry; /* a reference */
    struct vg_leg *leg;
    struct vg_leg_settings
        settings; /* of the leg as it was sent off: only its own loop may look at it later */
    struct vg_joining how;
    int close_code; /* of one that is turned away, with the reason */
    const char *close_reason;
};

static void arrival_free(struct leg_arrival *a)
{
    vg_call_entry_put(a->entry);
    free(a);
}

/* On the leg's loop. */
static void close_arrival(struct vg_message *msg)
{
    struct leg_arrival *a = VG_MESSAGE_OF(msg, struct leg_arrival, message);
    a->leg->ops->close(a->leg, a->close_code, a->close_reason);
    arrival_free(a);
}

static void turn_away(struct leg_arrival *a, int code, const char *reason)
{
    a->close_code = code;
    a->close_reason = reason;
    a->message.handle = close_arrival;
    vg_loop_post(a->leg->loop, &a->message);
}

static void refuse(struct leg_arrival *a)
{
    turn_away(a, CLOSE_GONE, "the call has ended");
}

void call_refuse_arrival(struct vg_call *c)
{
    if (c->arrival)
        refuse(c->arrival);
    c->arrival = NULL;
}

static void take_arrival(struct vg_call *c)
{
    struct leg_arrival *a = c->arrival;
    c->arrival = NULL;
    bool other_shard = a->leg->loop != c->shard->loop; /* once it has the host it may be gone any moment */
    struct vg_leg_host *host = host_new(c, a->leg);
    if (!host) {
        refuse(a);
        return;
    }
    c->host = host;
    c->token_expires_s = a->how.token_expires_s;
    struct vg_leg_settings s = a->settings;
    s.lead_ms = c->settings.lead_ms;
    s.endpointing_ms = c->settings.endpointing_ms;
    s.barge_in = c->settings.barge_in;
    if (call_apply_settings(c, &s))
        vg_log_warn("call.resume_settings", "call_id=%s", c->spec->call_id);
    vg_media_set_connected(c->media, true);
    c->state.connected = true;
    call_publish_state(c);
    vg_log_info("call.resumed", "call_id=%s shard=%u other_shard=%d", c->spec->call_id, c->shard->index,
                other_shard);
    call_outbox_replay(c, a->how.last_seq); /* first, so that numbers only go up */
    call_send_ready(c, true);
    arrival_free(a);
}

void call_leg_closed(struct vg_call *c)
{
    c->host_closing = false;
    if (c->ending)
        call_free_if_done(c);
    else if (c->arrival)
        take_arrival(c);
}

static void resume(struct vg_message *msg)
{
    struct leg_arrival *a = VG_MESSAGE_OF(msg, struct leg_arrival, message);
    struct vg_call *c = a->entry->call;
    if (!c || c->ending) {
        refuse(a);
        return;
    }
    if (c->arrival) /* of two that resume at once the later one is the second connection */
        turn_away(c->arrival, CLOSE_TAKEN_OVER, TAKEN_OVER);
    c->arrival = a;
    if (c->host) {
        struct vg_leg_host *old = c->host;
        c->host = NULL;
        c->host_closing = true;
        c->detached_us = vg_loop_now_us(c->shard->loop);
        host_close(old, CLOSE_TAKEN_OVER, TAKEN_OVER);
    } else if (!c->host_closing) {
        take_arrival(c);
    }
}

int vg_call_attach(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_leg *leg,
                   const struct vg_joining *how)
{
    if (!how->resume)
        return call_attach_first(shard, entry, leg, how->token_expires_s);
    struct vg_shard *owner = vg_call_owner(entry);
    if (!owner)
        return VG_ESTATE;
    struct leg_arrival *a = calloc(1, sizeof *a);
    if (!a)
        return VG_ENOMEM;
    *a = (struct leg_arrival){.message.handle = resume,
                              .entry = vg_call_entry_get(entry),
                              .leg = leg,
                              .settings = leg->settings,
                              .how = *how};
    vg_loop_post(owner->loop, &a->message);
    return 0;
}
