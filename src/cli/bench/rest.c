/* `voxgate bench --rest`: one kind of request over kept connections, at a pace or as fast as answers come. At
 * a pace, a request's time runs from the moment at which it was due, so that a server that stalls is charged
 * with all requests that had to wait. Main thread. See bench.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench/bench.h"
#include "cli/options.h"

enum { EVENTS = 64, TIMELINE_US = 20000, ANSWERS_WAIT_US = 2 * VG_US_PER_S, UPGRADE_TIME_MS = 5000 };

struct rest_link {
    int fd; /* -1: opened anew at the next use */
    bool busy;
    int64_t due_us; /* of the request that is out */
    struct vg_buf in;
    struct rest_link *next_idle;
};

struct rest {
    const struct bench *bench;
    struct vg_buf request;   /* owned: the same for all */
    struct rest_link *links; /* owned */
    struct rest_link *idle;
    int epoll;
    int call_fd; /* WebSocket of the call that is asked for */
    int64_t begun_us, end_us;
    int64_t asked, answered, good, refused, broken;
    int64_t *timeline; /* owned: good answers by the end of each TIMELINE_US */
    size_t timeline_count;
    struct hist latency;
    struct proc_sample before, after;
    double client_cpu;
};

/* --- what is asked ---------------------------------------------------------------------------------------
 */

/* Connects the call's WebSocket, so that the call is live. */
static int attach(struct rest *r, const char *call_id, const char *token)
{
    const struct wire_url *url = &r->bench->load.url;
    struct vg_buf ask = VG_BUF_INIT;
    char answer[512] = "";
    struct pollfd p = {.fd = r->call_fd = wire_connect(url), .events = POLLOUT};
    vg_buf_printf(&ask,
                  "GET %s/ws/%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Authorization: Bearer %s\r\n\r\n",
                  url->path, call_id, url->host, token);
    bool sent = p.fd >= 0 && !ask.failed && poll(&p, 1, UPGRADE_TIME_MS) == 1 &&
                send(p.fd, ask.data, ask.len, MSG_NOSIGNAL) == (ssize_t)ask.len;
    p.events = POLLIN;
    bool came = sent && poll(&p, 1, UPGRADE_TIME_MS) == 1 && recv(p.fd, answer, sizeof answer - 1, 0) > 0;
    vg_buf_free(&ask);
    return came && strncmp(answer, "HTTP/1.1 101", 12) == 0 ? 0 : VG_EIO;
}

static int start_call(struct rest *r, const char *body, char id[VG_ID_SIZE])
{
    struct vg_buf answer = VG_BUF_INIT;
    char token[2048];
    int status =
        wire_request(&r->bench->load.url, "POST", "/call/start", r->bench->load.token, body, &answer);
    int err = status == 200 && wire_text(answer.data, answer.len, "call_id", id, VG_ID_SIZE) == 0 &&
                      wire_text(answer.data, answer.len, "session_token", token, sizeof token) == 0
                  ? attach(r, id, token)
                  : VG_EIO;
    vg_buf_free(&answer);
    return err;
}

static int make_request(struct rest *r)
{
    const struct load *load = &r->bench->load;
    struct vg_buf body = VG_BUF_INIT;
    char id[VG_ID_SIZE] = "";
    vg_buf_printf(&body, "{\"tenant_id\":\"%s\",\"user_id\":\"bench\",\"language\":\"en\"%s%s%s}",
                  load->tenant_id, load->agent_id ? ",\"agent_id\":\"" : "",
                  load->agent_id ? load->agent_id : "", load->agent_id ? "\"" : "");
    int err = body.failed ? VG_ENOMEM : 0;
    if (strcmp(r->bench->options->rest, "start") == 0) {
        vg_buf_printf(&r->request,
                      "POST %s/call/start HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      load->url.path, load->url.host, load->token, body.len, vg_buf_str(&body));
    } else if (!err) {
        err = start_call(r, vg_buf_str(&body), id);
        vg_buf_printf(&r->request, "GET %s/call/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n",
                      load->url.path, id, load->url.host, load->token);
    }
    vg_buf_free(&body);
    return err ? err : r->request.failed ? VG_ENOMEM : 0;
}

/* --- connections -----------------------------------------------------------------------------------------
 */

static void put_idle(struct rest *r, struct rest_link *l)
{
    l->busy = false;
    l->next_idle = r->idle;
    r->idle = l;
}

static void break_link(struct rest *r, struct rest_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    r->broken += l->busy;
    vg_buf_reset(&l->in);
    if (l->busy)
        put_idle(r, l);
}

/* Waits for the connection: there are few, and they are made once. */
static bool connect_link(struct rest *r, struct rest_link *l)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    struct pollfd p = {.fd = l->fd = wire_connect(&r->bench->load.url), .events = POLLOUT};
    int err = 0;
    socklen_t size = sizeof err;
    return p.fd >= 0 && poll(&p, 1, 1000) == 1 && getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &size) == 0 &&
           !err && epoll_ctl(r->epoll, EPOLL_CTL_ADD, p.fd, &e) == 0;
}

static void ask(struct rest *r, int64_t due_us)
{
    struct rest_link *l = r->idle;
    r->idle = l->next_idle;
    l->busy = true;
    l->due_us = due_us;
    r->asked++;
    if ((l->fd < 0 && !connect_link(r, l)) ||
        send(l->fd, r->request.data, r->request.len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)r->request.len)
        break_link(r, l);
}

static void note_time(struct rest *r, int64_t now_us)
{
    size_t slot = now_us > r->begun_us ? (size_t)((now_us - r->begun_us) / TIMELINE_US) : 0;
    if (slot < r->timeline_count)
        r->timeline[slot]++;
}

static void on_answer(struct rest *r, struct rest_link *l, const struct wire_answer *a)
{
    int64_t now = vg_mono_us();
    hist_add(&r->latency, now - l->due_us);
    r->answered++;
    if (a->status == 200) {
        r->good++;
        note_time(r, now);
    } else {
        r->refused++;
    }
    put_idle(r, l);
}

static void read_link(struct rest *r, struct rest_link *l)
{
    char part[16384];
    struct wire_answer a;
    ssize_t n = recv(l->fd, part, sizeof part, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        break_link(r, l);
        return;
    }
    const char *data = part;
    size_t bytes = (size_t)n;
    if (l->in.len) {
        vg_buf_add(&l->in, part, bytes);
        data = l->in.data;
        bytes = l->in.len;
    }
    int there = wire_answer(data, bytes, &a);
    if (there < 0 || (there && (!l->busy || a.size != bytes))) {
        break_link(r, l);
    } else if (there) {
        on_answer(r, l, &a);
        vg_buf_reset(&l->in);
    } else if (!l->in.len) {
        vg_buf_add(&l->in, part, bytes);
    }
}

/* --- pace ------------------------------------------------------------------------------------------------
 */

/* Asks what is due and gives how long to wait for the next one. */
static int64_t ask_what_is_due(struct rest *r, int64_t now)
{
    int64_t rate = r->bench->options->rate, due = now;
    while (r->idle && now < r->end_us) {
        if (rate) {
            due = r->begun_us + r->asked * VG_US_PER_S / rate;
            if (due > now)
                return due - now;
        }
        ask(r, due);
        now = vg_mono_us();
    }
    return 10000;
}

static int64_t outstanding(const struct rest *r)
{
    return r->asked - r->answered - r->broken;
}

static void run(struct rest *r)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int64_t now = vg_mono_us(), left = ask_what_is_due(r, now);
        if (now >= r->end_us && (outstanding(r) == 0 || now >= r->end_us + ANSWERS_WAIT_US))
            return;
        struct timespec timeout = {.tv_nsec = left * 1000};
        int n = epoll_pwait2(r->epoll, events, EVENTS, &timeout, NULL);
        if (n < 0 && errno == ENOSYS) /* as in worker.c */
            n = epoll_wait(r->epoll, events, EVENTS, (int)(left / 1000));
        for (int i = 0; i < n; i++)
            read_link(r, events[i].data.ptr);
    }
}

static int prepare(struct rest *r)
{
    const struct bench_options *o = r->bench->options;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->links = calloc((size_t)o->connections, sizeof *r->links);
    r->timeline_count = (size_t)((o->duration_s + 3) * VG_US_PER_S / TIMELINE_US);
    r->timeline = calloc(r->timeline_count, sizeof *r->timeline);
    if (r->epoll < 0 || !r->links || !r->timeline)
        return VG_ENOMEM;
    int err = make_request(r);
    for (int64_t i = 0; i < o->connections && !err; i++) {
        put_idle(r, &r->links[i]);
        r->links[i].fd = -1;
        err = connect_link(r, &r->links[i]) ? 0 : VG_EIO;
    }
    return err;
}

static void finish(struct rest *r)
{
    for (int64_t i = 0; r->links && i < r->bench->options->connections; i++) {
        if (r->links[i].fd > 0)
            close(r->links[i].fd);
        vg_buf_free(&r->links[i].in);
    }
    if (r->call_fd >= 0)
        close(r->call_fd);
    if (r->epoll >= 0)
        close(r->epoll);
    free(r->links);
    free(r->timeline);
    vg_buf_free(&r->request);
}

/* --- what came out ---------------------------------------------------------------------------------------
 */

static double per_second(const struct rest *r)
{
    return (double)r->good / (double)r->bench->options->duration_s;
}

static void print(const struct rest *r)
{
    const struct hist *h = &r->latency;
    printf(
        "%s: %lld asked, %lld answered 200 (%.0f/s), %lld otherwise, %lld broken; p50 %.2f ms, p95 %.2f ms, "
        "p99 %.2f ms, most %.2f ms\n",
        r->bench->options->rest, (long long)r->asked, (long long)r->good, per_second(r),
        (long long)r->refused, (long long)r->broken, (double)hist_quantile_us(h, 0.5) / 1000,
        (double)hist_quantile_us(h, 0.95) / 1000, (double)hist_quantile_us(h, 0.99) / 1000,
        (double)h->max_us / 1000);
}

static int write_json(const struct rest *r, const char *path)
{
    struct vg_buf text = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&text);
    double us = (double)(r->after.at_us - r->before.at_us);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "rest", r->bench->options->rest);
    vg_json_int(&j, "rate", r->bench->options->rate);
    vg_json_int(&j, "connections", r->bench->options->connections);
    vg_json_int(&j, "asked", r->asked);
    vg_json_int(&j, "good", r->good);
    vg_json_int(&j, "refused", r->refused);
    vg_json_int(&j, "broken", r->broken + outstanding(r));
    vg_json_num(&j, "good_per_second", per_second(r), 1);
    report_hist(&j, "latency", &r->latency);
    for (int g = 0; g < PROC_GROUPS; g++)
        vg_json_num(&j, proc_group_names[g], (double)(r->after.run_ns[g] - r->before.run_ns[g]) / 1e3 / us,
                    4);
    vg_json_num(&j, "client_cores", r->client_cpu, 3);
    report_machine(&j, &r->before, &r->after);
    vg_json_int(&j, "begun_mono_us", r->begun_us);
    vg_json_int(&j, "timeline_us", TIMELINE_US);
    vg_json_array(&j, "timeline_good");
    for (size_t i = 0; i < r->timeline_count; i++)
        vg_json_int(&j, NULL, r->timeline[i]);
    vg_json_end(&j);
    vg_json_end(&j);
    vg_buf_putc(&text, '\n');
    return report_file(path, &text);
}

int bench_rest(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct rest r = {.bench = b, .request = VG_BUF_INIT, .epoll = -1, .call_fd = -1};
    int err = prepare(&r);
    if (err) {
        fprintf(stderr, "voxgate bench: the requests cannot be made: %s\n", vg_strerror(err));
        finish(&r);
        return CLI_FAILED;
    }
    proc_sample(&r.before, o->pid);
    int64_t cpu = proc_own_cpu_us();
    r.begun_us = vg_mono_us();
    r.end_us = r.begun_us + o->duration_s * VG_US_PER_S;
    run(&r);
    proc_sample(&r.after, o->pid);
    r.client_cpu = (double)(proc_own_cpu_us() - cpu) / (double)(r.after.at_us - r.before.at_us);
    print(&r);
    err = o->json ? write_json(&r, o->json) : 0;
    int64_t bad = r.refused + r.broken + outstanding(&r);
    finish(&r);
    if (err)
        fputs("voxgate bench: a file cannot be written\n", stderr);
    return err || bad ? CLI_FAILED : CLI_OK;
}
