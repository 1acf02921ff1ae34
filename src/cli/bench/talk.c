/* A call of the load generator that is up: audio and pings out, everything that comes in checked and timed.
 * See load.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench/load.h"

enum {
    LATE_US = 5000,
    BACKLOG_MAX_US = 2 * VG_US_PER_S,
    DEFAULT_LEAD_US = 300000,
    HEAD_BYTES = 200, /* type, seq and the other small members stand in here */
};

/* --- sending ---------------------------------------------------------------------------------------------
 */

void call_watch(struct call *c, bool writing)
{
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(c->worker->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static int keep(struct call *c, const uint8_t *data, size_t bytes)
{
    const struct frames *f = c->worker->load->frames;
    size_t second = f->offset[f->count] / f->count * 1000 / (size_t)f->shape->chunk_ms;
    size_t waiting = c->out_bytes - c->out_done;
    uint8_t *grown =
        waiting > second * (BACKLOG_MAX_US / VG_US_PER_S) + 65536 ? NULL : malloc(waiting + bytes);
    if (!grown) {
        call_fail(c, FAIL_BACKLOG);
        return VG_ECLOSED;
    }
    if (waiting)
        memcpy(grown, c->out + c->out_done, waiting);
    memcpy(grown + waiting, data, bytes);
    free(c->out);
    c->out = grown;
    c->out_bytes = waiting + bytes;
    c->out_done = 0;
    c->worker->stats.delayed_sends++;
    call_watch(c, true);
    return 0;
}

int call_send(struct call *c, const void *data, size_t bytes)
{
    if (c->out)
        return keep(c, data, bytes);
    ssize_t n = send(c->fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == (ssize_t)bytes)
        return 0;
    if (n < 0 && errno != EAGAIN) {
        call_fail(c, FAIL_CLOSED);
        return VG_ECLOSED;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    return keep(c, (const uint8_t *)data + sent, bytes - sent);
}

int call_send_text(struct call *c, const char *text)
{
    uint8_t frame[2048];
    size_t n = strlen(text);
    if (n > sizeof frame - WIRE_HEAD_MAX)
        return VG_ETOOBIG;
    return call_send(c, frame, wire_frame(frame, WIRE_TEXT, text, n));
}

static void flush(struct call *c)
{
    while (c->out) {
        ssize_t n =
            send(c->fd, c->out + c->out_done, c->out_bytes - c->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            call_fail(c, FAIL_CLOSED);
            return;
        }
        c->out_done += (size_t)n;
        if (c->out_done == c->out_bytes) {
            free(c->out);
            c->out = NULL;
            c->out_bytes = c->out_done = 0;
            call_watch(c, false);
        }
    }
}

/* --- talking ---------------------------------------------------------------------------------------------
 */

void call_talk(struct call *c)
{
    struct worker *w = c->worker;
    c->state = CALL_TALKING;
    w->setting_up--;
    w->talking++;
    c->first = c->at = worker_random(w) % w->load->frames->count;
    if (!c->lead_us)
        c->lead_us = DEFAULT_LEAD_US;
    w->stats.set_up++;
    w->stats.last_up_us = w->now_us;
    if (!w->stats.first_up_us)
        w->stats.first_up_us = w->now_us;
    hist_add(&w->stats.setup, w->now_us - c->begun_us);
    if (w->load->silent)
        return;
    wheel_add(w, WHEEL_AUDIO, c);
    wheel_add(w, WHEEL_PING, c);
}

void call_say(struct call *c)
{
    struct worker *w = c->worker;
    const struct frames *f = w->load->frames;
    size_t i = (size_t)(c->at % f->count);
    size_t bytes = f->offset[i + 1] - f->offset[i];
    if (call_send(c, f->bytes + f->offset[i], bytes))
        return;
    c->at++;
    w->stats.frames_sent++;
    w->stats.bytes_sent += bytes;
    if (f->closes[i])
        c->said_us = w->now_us;
    if (w->load->agent_text && f->due[i + 1] != f->due[i])
        (void)!call_send_text(c, w->load->agent_text);
}

void call_ping(struct call *c)
{
    struct worker *w = c->worker;
    if (c->ping_us) { /* not answered for a second: counts as long as it has waited */
        hist_add(&w->stats.ping, w->now_us - c->ping_us);
        return;
    }
    char text[48];
    snprintf(text, sizeof text, "{\"type\":\"ping\",\"id\":%u}", ++c->ping_id);
    c->ping_us = w->now_us;
    (void)!call_send_text(c, text);
}

void call_hang_up(struct call *c)
{
    struct worker *w = c->worker;
    uint8_t frame[64];
    if (w->load->rest) {
        int64_t due = frames_turns(w->load->frames, c->first, c->at);
        w->stats.turns_due += (uint64_t)due;
        /* One that was entered in its middle may count too. */
        w->stats.turns_missing += c->turns < due ? (uint64_t)(due - c->turns) : 0;
        w->stats.turns_split += c->turns > due + 1 ? (uint64_t)(c->turns - due - 1) : 0;
    }
    w->stats.hung_up++;
    w->talking--;
    w->ending++;
    c->state = CALL_ENDING;
    c->begun_us = w->now_us;
    for (int i = 0; i < WHEELS; i++)
        wheel_remove(i, c);
    if (w->load->rest) {
        (void)!call_send_text(c, "{\"type\":\"end\",\"reason\":\"bench\"}");
        return;
    }
    if (call_send(c, frame, wire_frame(frame, WIRE_CLOSE, "\x03\xe8", 2)) == 0)
        call_drop(c);
}

/* --- replies ---------------------------------------------------------------------------------------------
 */

/* A piece of a reply has its slot `lead` before the caller needs it. A stall is counted once: what follows is
 * measured from then on. */
static void reply_audio(struct call *c, int64_t length_us)
{
    struct stats *s = &c->worker->stats;
    int64_t now = c->worker->now_us;
    s->replies++;
    s->reply_audio_us += (uint64_t)length_us;
    if (!c->reply_us) {
        c->reply_us = now;
        c->reply_sent_us = 0;
        if (c->said_us)
            hist_add(&s->turn, now - c->said_us);
        c->said_us = 0;
    }
    int64_t ahead = c->reply_sent_us - c->lead_us;
    int64_t late = now - (c->reply_us + (ahead > 0 ? ahead : 0));
    c->reply_sent_us += length_us;
    if (!c->reply_judged)
        return;
    hist_add(&s->jitter, late);
    if (late > LATE_US)
        s->late++;
    if (late > 0 && ahead > 0)
        c->reply_us += late;
}

/* A reply's first message; with binary audio `audio_start` follows it. */
static void reply_begins(struct call *c)
{
    c->reply_us = 0;
    c->reply_next = 0;
    c->reply_judged = true;
}

static void on_response(struct call *c, const char *json, size_t bytes)
{
    int64_t index = wire_number(json, bytes < 4096 ? bytes : 4096, "index");
    if (index < 0)
        return; /* with binary audio it is text alone */
    if (index == 0)
        reply_begins(c);
    else if (index != c->reply_next)
        c->worker->stats.gaps++;
    c->reply_next = index + 1;
    const char *audio = memmem(json, bytes, "\"audio\":\"", 9);
    if (!audio || !c->worker->load->frames->shape->json)
        return;
    audio += 9;
    const char *end = memchr(audio, '"', bytes - (size_t)(audio - json));
    size_t characters = end ? (size_t)(end - audio) : 0;
    if (characters == 0)
        return;
    c->worker->stats.reply_bytes += characters;
    reply_audio(c, shape_reply_us(c->worker->load->frames->shape, characters / 4 * 3));
}

/* `loopback <turn> <ms>`, the turns counting up. */
static void on_final(struct call *c, const char *json, size_t bytes)
{
    char text[64];
    unsigned turn, ms;
    if (wire_text(json, bytes, "text", text, sizeof text) || strncmp(text, "loopback", 8) != 0)
        return; /* typed */
    c->worker->stats.transcripts++;
    c->turns++;
    if (sscanf(text, "loopback %u %u", &turn, &ms) != 2 || ms == 0 || (int64_t)turn <= c->last_turn)
        c->worker->stats.bad_transcripts++;
    else
        c->last_turn = turn;
}

static void on_ready(struct call *c, const char *json, size_t bytes)
{
    int64_t lead_ms = wire_number(json, bytes, "lead_ms");
    if (lead_ms >= 0)
        c->lead_us = lead_ms * VG_US_PER_MS;
    if (c->state == CALL_WAITING && --c->readies == 0)
        call_talk(c);
}

static void on_pong(struct call *c, const char *json, size_t bytes)
{
    if (wire_number(json, bytes, "id") != (int64_t)c->ping_id || !c->ping_us)
        return;
    hist_add(&c->worker->stats.ping, c->worker->now_us - c->ping_us);
    c->worker->stats.pongs++;
    c->ping_us = 0;
}

static void check_seq(struct call *c, int64_t seq)
{
    if (seq < 0)
        return; /* a server of the reduced protocol */
    if (seq != (int64_t)c->seq + 1)
        c->worker->stats.gaps++;
    c->seq = (uint64_t)seq;
}

static bool is(const char *type, const char *name)
{
    return strncmp(type, name, strlen(name)) == 0;
}

static void on_text(struct call *c, const char *json, size_t bytes)
{
    size_t head = bytes < HEAD_BYTES ? bytes : HEAD_BYTES;
    const char *type = memmem(json, head, "\"type\":\"", 8);
    if (!type)
        return;
    type += 8;
    check_seq(c, wire_number(json, head, "seq"));
    if (is(type, "pong\""))
        on_pong(c, json, head);
    else if (is(type, "response\""))
        on_response(c, json, bytes);
    else if (is(type, "transcript_final\""))
        on_final(c, json, bytes);
    else if (is(type, "ready\""))
        on_ready(c, json, bytes);
    else if (is(type, "audio_start\""))
        c->reply_us = 0;
    else if (is(type, "reply_held\"") || is(type, "interrupted\""))
        c->reply_judged = false; /* it stops or goes on when the caller is silent again */
    else if (is(type, "error\""))
        c->worker->stats.failed[FAIL_ERROR]++;
}

static void on_message(struct call *c, const struct wire_in *m)
{
    c->worker->stats.messages++;
    switch (m->opcode) {
    case WIRE_TEXT: on_text(c, (const char *)m->payload, m->bytes); return;
    case WIRE_BINARY:
        if (c->seq)
            c->seq++;
        c->worker->stats.reply_bytes += m->bytes;
        reply_audio(c, shape_reply_us(c->worker->load->frames->shape, m->bytes));
        return;
    case WIRE_PING: {
        uint8_t frame[WIRE_HEAD_MAX + 125];
        if (m->bytes <= 125)
            (void)!call_send(c, frame, wire_frame(frame, WIRE_PONG, m->payload, m->bytes));
        return;
    }
    case WIRE_CLOSE:
        if (c->state == CALL_ENDING) {
            uint8_t frame[WIRE_HEAD_MAX + 2];
            if (call_send(c, frame, wire_frame(frame, WIRE_CLOSE, "\x03\xe8", 2)) == 0)
                call_drop(c);
        } else {
            call_fail(c, FAIL_CLOSED);
        }
        return;
    default: return;
    }
}

/* --- receiving -------------------------------------------------------------------------------------------
 */

/* Works off what is in the buffer; returns bytes used. */
static size_t take(struct call *c, const uint8_t *data, size_t bytes)
{
    size_t used = 0;
    if (c->state == CALL_UPGRADING) {
        int64_t n = call_upgraded(c, (const char *)data, bytes);
        if (n <= 0)
            return 0;
        used = (size_t)n;
    }
    while (used < bytes && c->state != CALL_GONE) {
        struct wire_in m;
        int64_t n = wire_parse(data + used, bytes - used, &m);
        if (n < 0)
            call_fail(c, FAIL_PROTOCOL);
        if (n <= 0)
            break;
        used += (size_t)n;
        on_message(c, &m);
    }
    return used;
}

static void receive(struct call *c)
{
    struct worker *w = c->worker;
    if (c->rest_bytes)
        memcpy(w->buffer, c->rest, c->rest_bytes);
    ssize_t n = recv(c->fd, w->buffer + c->rest_bytes, BUFFER_BYTES - c->rest_bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        if (c->state == CALL_ENDING)
            call_drop(c);
        else
            call_fail(c, c->state == CALL_UPGRADING ? FAIL_UPGRADE : FAIL_CLOSED);
        return;
    }
    size_t bytes = c->rest_bytes + (size_t)n, used = take(c, w->buffer, bytes);
    if (c->state == CALL_GONE)
        return;
    size_t left = bytes - used;
    uint8_t *rest = left ? realloc(c->rest, left) : NULL;
    if (left && rest)
        memcpy(rest, w->buffer + used, left);
    if (!left)
        free(c->rest);
    c->rest = rest;
    c->rest_bytes = left;
    if (left == BUFFER_BYTES || (left && !rest))
        call_fail(c, FAIL_PROTOCOL);
}

void call_event(struct call *c, uint32_t events)
{
    if (c->state == CALL_GONE)
        return;
    if (c->state == CALL_CONNECTING) {
        call_connected(c);
        return;
    }
    if (events & EPOLLOUT)
        flush(c);
    if (c->state != CALL_GONE && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(c);
}
