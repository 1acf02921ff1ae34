/* The gateway's half of the engine nursery: forks it, sends it requests, ends it; see nursery.h.
 *
 * A spawn makes the socketpair here and sends the far end away. One sendmsg() on a SOCK_SEQPACKET socket is
 * atomic, so all loops share the control socket without a lock. Read nursery_process.c next. */
#include "net/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "net/nursery_process.h"

enum { FREE_WAIT_MS = 1000 };

struct vg_nursery {
    int control_fd;                                              /* RO after start */
    pid_t pid;                                                   /* RO after start */
    size_t count;                                                /* RO after start */
    struct vg_nursery_program programs[VG_NURSERY_PROGRAMS_MAX]; /* RO after start */
};

/* A spawn on its way to `done`; only its own loop's thread touches it after the request was sent. */
struct spawn {
    struct vg_message message;
    vg_nursery_fn done;
    void *arg;
    int fd; /* owned until `done` */
    bool forgotten;
};

int vg_nursery_start(struct vg_nursery **out, const struct vg_nursery_program *programs, size_t count)
{
    if (!programs || count == 0 || count > VG_NURSERY_PROGRAMS_MAX)
        return VG_EINVAL;
    struct vg_nursery *n = calloc(1, sizeof *n);
    if (!n)
        return VG_ENOMEM;
    n->count = count;
    memcpy(n->programs, programs, count * sizeof *programs);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        free(n);
        return VG_EIO;
    }
    pid_t gateway = getpid();
    n->pid = fork();
    if (n->pid == 0) {
        close(pair[0]);
        nursery_process_run(pair[1], n->programs, n->count, gateway);
    }
    close(pair[1]);
    n->control_fd = pair[0];
    if (n->pid < 0) {
        close(n->control_fd);
        free(n);
        return VG_EIO;
    }
    *out = n;
    return 0;
}

int vg_nursery_wait(struct vg_nursery *n, int timeout_ms)
{
    struct pollfd p = {.fd = n->control_fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&p, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return VG_ETIMEOUT;
    struct nursery_status status;
    ssize_t got = recv(n->control_fd, &status, sizeof status, MSG_DONTWAIT);
    return got == sizeof status ? status.err : VG_EUNAVAIL;
}

bool vg_nursery_alive(const struct vg_nursery *n)
{
    struct pollfd p = {.fd = n->control_fd};
    return poll(&p, 1, 0) == 0;
}

pid_t vg_nursery_pid(const struct vg_nursery *n)
{
    return n->pid;
}

/* ------------------------------------------------------------------------------------------------ spawning
 */
static int find_program(const struct vg_nursery *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->programs[i].name, name) == 0)
            return (int)i;
    return VG_ENOENT;
}

static int send_request(int control_fd, int program, int far_fd)
{
    struct nursery_request request = {.program = (uint32_t)program};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &far_fd, sizeof far_fd);
    ssize_t sent;
    do {
        sent = sendmsg(control_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    if (errno == EPIPE || errno == ECONNRESET)
        return VG_EUNAVAIL;
    return errno == EAGAIN || errno == ETOOMANYREFS ? VG_ECAPACITY : VG_EIO;
}

/* Makes the child's socketpair and sends its far end; returns the near end or VG_E*. */
static int request_child(struct vg_nursery *n, int program)
{
    int type = n->programs[program].stream ? SOCK_STREAM : SOCK_SEQPACKET;
    int pair[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
        return VG_EIO;
    int err = 0;
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
        err = VG_EIO;
    if (!err)
        err = send_request(n->control_fd, program, pair[1]);
    close(pair[1]);
    if (err) {
        close(pair[0]);
        return err;
    }
    return pair[0];
}

static void spawn_done(struct vg_message *msg)
{
    struct spawn *s = VG_MESSAGE_OF(msg, struct spawn, message);
    if (!s->forgotten)
        s->done(s->arg, s->fd);
    free(s);
}

int vg_nursery_spawn(struct vg_nursery *n, struct vg_loop *loop, const char *program, vg_nursery_fn done,
                     void *arg, void **handle)
{
    int index = find_program(n, program);
    if (index < 0)
        return index;
    struct spawn *s = calloc(1, sizeof *s);
    if (!s)
        return VG_ENOMEM;
    s->fd = request_child(n, index);
    if (s->fd < 0) {
        int err = s->fd;
        free(s);
        return err;
    }
    s->done = done;
    s->arg = arg;
    s->message.handle = spawn_done;
    if (handle)
        *handle = s;
    vg_loop_post(loop, &s->message);
    return 0;
}

void vg_nursery_forget(struct vg_nursery *n, void *handle)
{
    (void)n;
    struct spawn *s = handle;
    if (!s)
        return;
    close(s->fd);
    s->forgotten = true; /* its message is still in the loop's mailbox and frees it */
}

/* -------------------------------------------------------------------------------------------------- ending
 */
struct vg_nursery *vg_nursery_free(struct vg_nursery *n)
{
    if (!n)
        return NULL;
    close(n->control_fd);
    int pidfd = pidfd_open(n->pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0 && poll(&p, 1, FREE_WAIT_MS) != 1) {
        vg_log_warn("nursery.killed", "pid=%d", (int)n->pid);
        kill(n->pid, SIGKILL);
    }
    if (pidfd >= 0)
        close(pidfd);
    waitpid(n->pid, NULL, 0);
    free(n);
    return NULL;
}
