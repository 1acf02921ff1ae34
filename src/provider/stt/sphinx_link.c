/* The adapter's end of a PocketSphinx process; see sphinx_link.h. */
#include "provider/stt/sphinx_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/nursery.h"
#include "provider/stt/adapters.h"

struct sphinx_link {
    const struct vg_engine_env *env;
    sphinx_answer_fn on_answer;
    sphinx_broken_fn on_broken;
    void *arg;

    void *spawning; /* the nursery's handle until the socket is here */
    int fd;         /* -1: none */
    struct vg_io *io;
    uint32_t epoch; /* counts stops, so that a callback's caller sees that it stopped */
    bool *freed;    /* set while a callback runs: tells its caller that the link is gone */

    /* Packets that wait, each a uint32_t of its length and its bytes, from `at` to `end`. */
    char *pending;
    size_t pending_at, pending_end;
};

struct sphinx_link *sphinx_link_new(const struct vg_engine_env *env, sphinx_answer_fn on_answer,
                                    sphinx_broken_fn on_broken, void *arg)
{
    struct sphinx_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct sphinx_link){
        .env = env, .on_answer = on_answer, .on_broken = on_broken, .arg = arg, .fd = -1};
    return l;
}

struct sphinx_link *sphinx_link_free(struct sphinx_link *l)
{
    if (!l)
        return NULL;
    sphinx_link_stop(l);
    if (l->freed)
        *l->freed = true;
    free(l->pending);
    free(l);
    return NULL;
}

bool sphinx_link_started(const struct sphinx_link *l)
{
    return l->spawning || l->fd >= 0;
}

void sphinx_link_stop(struct sphinx_link *l)
{
    if (l->spawning)
        vg_nursery_forget(l->env->nursery, l->spawning);
    l->spawning = NULL;
    l->io = vg_io_free(l->io);
    if (l->fd >= 0)
        close(l->fd); /* which ends the process */
    l->fd = -1;
    l->pending_at = l->pending_end = 0;
    l->epoch++;
}

static void broken(struct sphinx_link *l, int err)
{
    sphinx_link_stop(l);
    l->on_broken(l->arg, err);
}

/* ------------------------------------------------------------------------------------------------- sending
 */
static bool anything_pending(const struct sphinx_link *l)
{
    return l->pending_end > l->pending_at;
}

static void watch(struct sphinx_link *l)
{
    vg_io_set(l->io, VG_IO_READ | (anything_pending(l) ? VG_IO_WRITE : 0));
}

/* 0, VG_EAGAIN or VG_ECLOSED. */
static int send_now(int fd, struct iovec *parts, size_t count)
{
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    return errno == EAGAIN || errno == ENOBUFS ? VG_EAGAIN : VG_ECLOSED;
}

static int queue(struct sphinx_link *l, const struct iovec *parts, size_t count)
{
    uint32_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (uint32_t)parts[i].iov_len;
    if (!l->pending)
        l->pending = malloc(SPHINX_LINK_PENDING_BYTES);
    if (!l->pending)
        return VG_ENOMEM;
    if (l->pending_end + sizeof len + len > SPHINX_LINK_PENDING_BYTES) {
        memmove(l->pending, l->pending + l->pending_at, l->pending_end - l->pending_at);
        l->pending_end -= l->pending_at;
        l->pending_at = 0;
    }
    if (l->pending_end + sizeof len + len > SPHINX_LINK_PENDING_BYTES)
        return VG_EFULL;
    memcpy(l->pending + l->pending_end, &len, sizeof len);
    l->pending_end += sizeof len;
    for (size_t i = 0; i < count; i++) {
        memcpy(l->pending + l->pending_end, parts[i].iov_base, parts[i].iov_len);
        l->pending_end += parts[i].iov_len;
    }
    return 0;
}

int sphinx_link_send(struct sphinx_link *l, const struct sphinx_request *request, const void *payload,
                     size_t bytes)
{
    if (!sphinx_link_started(l))
        return VG_ESTATE;
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request},
                             {.iov_base = (void *)(uintptr_t)payload, .iov_len = bytes}};
    size_t count = bytes ? 2 : 1;
    if (l->fd >= 0 && !anything_pending(l)) {
        int err = send_now(l->fd, parts, count);
        if (err != VG_EAGAIN)
            return err;
    }
    int err = queue(l, parts, count);
    if (!err && l->io)
        watch(l);
    return err;
}

/* Sends what waits; 0 or VG_ECLOSED. */
static int flush(struct sphinx_link *l)
{
    while (anything_pending(l)) {
        uint32_t len;
        memcpy(&len, l->pending + l->pending_at, sizeof len);
        struct iovec part = {.iov_base = l->pending + l->pending_at + sizeof len, .iov_len = len};
        int err = send_now(l->fd, &part, 1);
        if (err)
            return err == VG_EAGAIN ? 0 : err;
        l->pending_at += sizeof len + len;
    }
    l->pending_at = l->pending_end = 0;
    return 0;
}

/* ----------------------------------------------------------------------------------------------- receiving
 */
/* Takes answers until there are none, or the link was stopped by the one who got them. */
static void receive(struct sphinx_link *l)
{
    struct {
        struct sphinx_answer head;
        char text[SPHINX_TEXT_BYTES_MAX];
    } packet;
    uint32_t epoch = l->epoch;
    bool freed = false;
    while (l->epoch == epoch) {
        ssize_t got = recv(l->fd, &packet, sizeof packet, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got < (ssize_t)sizeof packet.head) {
            broken(l, VG_ECLOSED);
            return;
        }
        l->freed = &freed;
        l->on_answer(l->arg, &packet.head, packet.text, (size_t)got - sizeof packet.head);
        if (freed)
            return;
        l->freed = NULL;
    }
}

static void on_io(void *arg, int events)
{
    struct sphinx_link *l = arg;
    if ((events & VG_IO_WRITE) && flush(l) != 0) {
        broken(l, VG_ECLOSED);
        return;
    }
    if (events & VG_IO_WRITE)
        watch(l);
    if (events & VG_IO_READ)
        receive(l);
}

static void on_spawned(void *arg, int fd)
{
    struct sphinx_link *l = arg;
    l->spawning = NULL;
    if (fd < 0) {
        broken(l, fd);
        return;
    }
    l->fd = fd;
    l->io = vg_io_new(l->env->loop, fd, on_io, l);
    if (!l->io) {
        broken(l, VG_ENOMEM);
        return;
    }
    if (flush(l) != 0) {
        broken(l, VG_ECLOSED);
        return;
    }
    watch(l);
}

int sphinx_link_start(struct sphinx_link *l)
{
    VG_ASSERT(!sphinx_link_started(l));
    return vg_nursery_spawn(l->env->nursery, l->env->loop, vg_stt_pocketsphinx_program.name, on_spawned, l,
                            &l->spawning);
}
