/* The life of a WebSocket leg; see ws_leg.h. */
#include "ws/ws_leg.h"

#include "base/log.h"
#include "config/config.h"
#include "obs/metrics.h"
#include "ws/ws_internal.h"

enum { CLOSE_NORMAL = 1000, CLOSE_NO_CODE = 1005, CLOSE_POLICY = 1008, CLOSE_INTERNAL = 1011 };

static struct ws_leg *leg_free(struct ws_leg *l)
{
    ws_up_free(l);
    vg_timer_free(l->hold_timer);
    vg_timer_free(l->watch_timer);
    if (l->entry)
        vg_call_entry_put(l->entry);
    free(l);
    return NULL;
}

void ws_fail(struct ws_leg *l, const char *code, const char *message, int close_code)
{
    if (!l->ws || l->close_code)
        return;
    l->close_code = close_code;
    snprintf(l->close_reason, sizeof l->close_reason, "%s", message);
    /* The core numbers the error, maybe on another loop; ws_event() closes behind it. */
    ws_send_error(l, code, message, true);
}

/* --- what the core asks -----------------------------------------------------------------------------------
 */

static void on_close(struct vg_leg *leg, int code, const char *reason)
{
    struct ws_leg *l = (struct ws_leg *)(void *)leg;
    l->core_done = true;
    l->leg.host = NULL;
    if (l->ws)
        vg_ws_close(l->ws, code, reason); /* freed in on_closed() */
    else
        leg_free(l);
}

static const struct vg_leg_ops LEG_OPS = {.channel = "websocket", .event = ws_event, .close = on_close};

/* --- what the socket says ---------------------------------------------------------------------------------
 */

static void watch(void *arg)
{
    struct ws_leg *l = arg;
    int64_t now = vg_loop_now_us(l->leg.loop);
    int64_t silent_us = l->shard->config->silent_seconds * 1000000;
    ws_up_second(l, now);
    if (l->close_code && l->ws) { /* the core had no answer: it is ending the call */
        vg_ws_close(l->ws, l->close_code, l->close_reason);
        return;
    }
    if (now - l->last_rx_us > silent_us && l->ws) {
        vg_count1(ws_bad_input_total, "SILENT_SOCKET");
        ws_fail(l, "SILENT_SOCKET", "nothing was received for too long", CLOSE_POLICY);
    }
}

void ws_opened(struct ws_leg *l, struct vg_ws *ws)
{
    l->ws = ws;
    l->last_rx_us = vg_loop_now_us(l->leg.loop);
    vg_count1(ws_connections_total, "connected");
    vg_timer_start(l->watch_timer, 1000000, 1000000);
    l->leg.settings = ws_settings(l);
    struct vg_call_entry *entry = l->entry;
    int err = vg_call_attach(l->shard, entry, &l->leg, &l->how);
    if (err == 0) {
        l->entry = NULL;
        vg_call_entry_put(entry);
        ws_hold_if_needed(l); /* what a resuming client says at once waits for the core */
        return;
    }
    l->core_done = true;
    if (err == VG_ESTATE)
        ws_fail(l, "CALL_ENDED", "the call is connected already or has ended", CLOSE_POLICY);
    else
        ws_fail(l, "INTERNAL_ERROR", vg_strerror(err), CLOSE_INTERNAL);
}

/* The client has said goodbye, by a normal close or one without a code; everything else is a lost connection,
 * which may be resumed. */
static bool is_goodbye(int code)
{
    return code == CLOSE_NORMAL || code == CLOSE_NO_CODE;
}

void ws_closed(struct ws_leg *l, int code)
{
    l->ws = NULL;
    vg_timer_stop(l->watch_timer);
    vg_timer_stop(l->hold_timer);
    vg_count1(ws_connections_total, "disconnected");
    if (l->leg.host) {
        struct vg_leg_in end = {.type = VG_IN_END, .text = "client_closed"};
        if (is_goodbye(code) && !l->core_done)
            l->leg.host_ops->message(l->leg.host, &end);
        l->leg.host_ops->gone(l->leg.host, "closed");
        leg_free(l);
    } else if (l->core_done || l->entry) {
        leg_free(l);
    } /* else the core is about to take it over: ws_event() tells it with the first event */
}

void ws_abandon(struct ws_leg *l)
{
    l->leg.host_ops->gone(l->leg.host, "closed before it was taken");
    leg_free(l);
}

int vg_ws_leg_accept(struct vg_shard *shard, struct vg_call_entry *entry, const struct vg_joining *how,
                     struct vg_ws_accept *accept)
{
    struct ws_leg *l = calloc(1, sizeof *l);
    if (!l)
        return VG_ENOMEM;
    l->leg.ops = &LEG_OPS;
    l->leg.loop = shard->loop;
    l->shard = shard;
    l->how = *how;
    l->hold_timer = vg_timer_new(shard->loop, ws_hold_poll, l);
    l->watch_timer = vg_timer_new(shard->loop, watch, l);
    if (!l->hold_timer || !l->watch_timer || ws_up_init(l)) {
        leg_free(l);
        return VG_ENOMEM;
    }
    l->entry = entry;
    *accept = (struct vg_ws_accept){.events = &ws_socket_events, .arg = l};
    return 0;
}
