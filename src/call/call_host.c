/* The boundary between a call and its leg. The leg lives on the loop that accepted its connection; where that
 * is another shard's, everything crosses by posted copies, except the caller's samples, which the leg's loop
 * puts into the media's uplink ring itself. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "bus/bus.h"
#include "bus/events.h"
#include "call/call_internal.h"
#include "proto/base64.h"

enum { PUBLISH_SAMPLES = VG_RATE_HZ / 10 }; /* audio:{call_id} carries 100 ms a message */

struct vg_leg_host {
    struct vg_call *call;                 /* RO */
    struct vg_leg *leg;                   /* RO; LEG's loop alone looks inside */
    struct vg_loop *leg_loop, *call_loop; /* RO */
    bool same_loop;                       /* RO */
    struct vg_media *media;               /* RO */
    bool gone_told;                       /* OWNER */
    bool closing;                         /* OWNER */
    struct vg_message gone_message, close_message, closed_message;
    int close_code; /* OWNER writes it, with the reason, before it posts close_message */
    char close_reason[96];
    int16_t *publish; /* LEG: samples for audio:{call_id}, NULL if not asked for */
    bool leg_gone;    /* LEG: the leg freed itself; not beside OWNER's flags, which are read in one word */
    size_t published; /* LEG: samples in it */
    uint64_t publish_seq; /* LEG */
};

/* --- leg's loop ------------------------------------------------------------------------------------------
 */

struct publish_job {
    struct vg_message message;
    struct vg_bus *bus;
    char channel[VG_ID_SIZE + 8];
    char *payload;
    size_t bytes;
};

static void run_publish(struct vg_message *msg)
{
    struct publish_job *job = VG_MESSAGE_OF(msg, struct publish_job, message);
    vg_bus_publish(job->bus, job->channel, job->payload, job->bytes);
    free(job->payload);
    free(job);
}

static void publish_chunk(struct vg_leg_host *h)
{
    const struct vg_call_spec *spec = h->call->spec;
    size_t bytes = PUBLISH_SAMPLES * sizeof(int16_t);
    char text[VG_BASE64_BOUND(PUBLISH_SAMPLES * sizeof(int16_t)) + 1];
    text[vg_base64_encode(text, h->publish, bytes)] = 0;
    struct vg_buf data = VG_BUF_INIT, payload = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&data);
    vg_json_object(&j, NULL);
    vg_json_int(&j, "seq", (int64_t)++h->publish_seq);
    vg_json_int(&j, "rate", VG_RATE_HZ);
    vg_json_str(&j, "encoding", "pcm_s16le");
    vg_json_str(&j, "audio", text);
    vg_json_end(&j);
    vg_event_write(&payload, "audio", spec->call_id, vg_utc_us(), vg_buf_str(&data));
    vg_buf_free(&data);
    struct publish_job *job = calloc(1, sizeof *job);
    if (job) {
        job->message.handle = run_publish;
        job->bus = h->call->shard->bus;
        snprintf(job->channel, sizeof job->channel, "audio:%s", spec->call_id);
        job->bytes = payload.len;
        job->payload = vg_buf_take(&payload);
    }
    if (!job || !job->payload) {
        vg_buf_free(&payload);
        free(job);
        return;
    }
    if (h->same_loop)
        run_publish(&job->message);
    else
        vg_loop_post(h->call_loop, &job->message);
}

static void publish_audio(struct vg_leg_host *h, const int16_t *pcm, size_t samples)
{
    while (samples > 0) {
        size_t take = PUBLISH_SAMPLES - h->published;
        if (take > samples)
            take = samples;
        memcpy(h->publish + h->published, pcm, take * sizeof *pcm);
        h->published += take;
        pcm += take;
        samples -= take;
        if (h->published == PUBLISH_SAMPLES) {
            publish_chunk(h);
            h->published = 0;
        }
    }
}

static int on_audio(struct vg_leg_host *h, const int16_t *pcm, size_t samples, int64_t arrival_us)
{
    if (h->publish)
        publish_audio(h, pcm, samples);
    return vg_media_uplink(h->media, pcm, samples, arrival_us);
}

static size_t on_space(struct vg_leg_host *h)
{
    return vg_media_uplink_space(h->media);
}

static void on_chunk(struct vg_leg_host *h, int64_t length_us)
{
    vg_media_set_chunk(h->media, length_us);
}

/* A message of the leg on its way to another loop. */
struct in_job {
    struct vg_message message;
    struct vg_leg_host *host;
    struct vg_leg_in in;
    char text[];
};

static void run_in(struct vg_message *msg)
{
    struct in_job *job = VG_MESSAGE_OF(msg, struct in_job, message);
    if (!job->host->closing)
        call_message(job->host->call, &job->in);
    free(job);
}

static void on_message(struct vg_leg_host *h, const struct vg_leg_in *in)
{
    if (h->same_loop) {
        call_message(h->call, in);
        return;
    }
    size_t n = in->text ? strlen(in->text) + 1 : 0;
    struct in_job *job = calloc(1, sizeof *job + n);
    if (!job)
        return;
    job->message.handle = run_in;
    job->host = h;
    job->in = *in;
    if (n)
        job->in.text = memcpy(job->text, in->text, n);
    /* `code` has static life */
    vg_loop_post(h->call_loop, &job->message);
}

static void run_gone(struct vg_message *msg)
{
    struct vg_leg_host *h = VG_MESSAGE_OF(msg, struct vg_leg_host, gone_message);
    h->gone_told = true;
    if (!h->closing)
        call_leg_gone(h->call, h);
}

static void on_gone(struct vg_leg_host *h, const char *why)
{
    (void)why;
    h->leg_gone = true;
    h->gone_message.handle = run_gone;
    if (h->same_loop)
        run_gone(&h->gone_message);
    else
        vg_loop_post(h->call_loop, &h->gone_message);
}

static const struct vg_leg_host_ops HOST_OPS = {
    .audio = on_audio, .space = on_space, .chunk = on_chunk, .message = on_message, .gone = on_gone};

/* --- owner's loop ----------------------------------------------------------------------------------------
 */

static void bind_leg(struct vg_message *msg)
{
    struct vg_leg_host *h = VG_MESSAGE_OF(msg, struct vg_leg_host, gone_message);
    h->leg->host_ops = &HOST_OPS;
    h->leg->host = h;
}

struct vg_leg_host *host_new(struct vg_call *c, struct vg_leg *leg)
{
    struct vg_leg_host *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->call = c;
    h->leg = leg;
    h->leg_loop = leg->loop;
    h->call_loop = c->shard->loop;
    h->same_loop = leg->loop == c->shard->loop;
    h->media = c->media;
    if (c->spec->publish_audio)
        h->publish = calloc(PUBLISH_SAMPLES, sizeof *h->publish);
    if (h->same_loop) {
        bind_leg(&h->gone_message);
    } else {
        h->gone_message.handle = bind_leg;
        vg_loop_post(leg->loop, &h->gone_message);
    }
    return h;
}

void host_discard(struct vg_leg_host *h)
{
    if (!h)
        return;
    h->leg->host = NULL;
    free(h->publish);
    free(h);
}

struct out_job {
    struct vg_message message;
    struct vg_leg_host *host;
    struct held_out *out;
};

static void run_out(struct vg_message *msg)
{
    struct out_job *job = VG_MESSAGE_OF(msg, struct out_job, message);
    if (!job->host->leg_gone)
        job->host->leg->ops->event(job->host->leg, held_out_get(job->out));
    held_out_free(job->out);
    free(job);
}

void host_send(struct vg_leg_host *h, const struct vg_leg_out *out)
{
    if (h->closing || h->gone_told)
        return;
    if (h->same_loop) {
        h->leg->ops->event(h->leg, out);
        return;
    }
    struct out_job *job = calloc(1, sizeof *job);
    struct held_out *copy = held_out_new(out, true);
    if (!job || !copy) {
        free(job);
        held_out_free(copy);
        return;
    }
    *job = (struct out_job){.message.handle = run_out, .host = h, .out = copy};
    vg_loop_post(h->leg_loop, &job->message);
}

static void host_closed(struct vg_message *msg)
{
    struct vg_leg_host *h = VG_MESSAGE_OF(msg, struct vg_leg_host, closed_message);
    struct vg_call *c = h->call;
    free(h->publish);
    free(h);
    call_leg_closed(c);
}

static void run_close(struct vg_message *msg)
{
    struct vg_leg_host *h = VG_MESSAGE_OF(msg, struct vg_leg_host, close_message);
    if (!h->leg_gone) {
        h->leg->host = NULL;
        h->leg->ops->close(h->leg, h->close_code, h->close_reason);
    }
    h->closed_message.handle = host_closed;
    vg_loop_post(h->call_loop, &h->closed_message); /* behind a `gone` that is under way */
}

void host_close(struct vg_leg_host *h, int code, const char *reason)
{
    VG_ASSERT(!h->closing);
    h->closing = true;
    h->close_code = code;
    snprintf(h->close_reason, sizeof h->close_reason, "%s", reason);
    h->close_message.handle = run_close;
    /* Also on the same loop by the mailbox: close() must not run inside the leg's own callback. */
    vg_loop_post(h->leg_loop, &h->close_message);
}
