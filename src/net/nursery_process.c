/* The nursery process: loads the programs' models, forks a child for each request, reaps, ends with the
 * gateway; see nursery.h. Single-threaded; it never starts a thread, so that fork() is safe.
 *
 * It keeps a copy of each child's socket, only to see the gateway close the near end: a child that hangs does
 * not see that itself. */
#include "net/nursery_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    CHILD_FD = 3,
    GRACE_US = 500 * VG_US_PER_MS, /* from the closing of the near end to the kill */
    FIXED_POLLS = 2,               /* control socket, signals */
};

struct child {
    pid_t pid;
    int fd;          /* our copy of the far end; -1 once the near end is closed */
    int64_t kill_us; /* when to kill it; 0: the near end is open */
};

struct nursery {
    int control_fd;
    int signal_fd;
    pid_t pid;
    const struct vg_nursery_program *programs;
    size_t program_count;
    bool broken[VG_NURSERY_PROGRAMS_MAX]; /* its preload failed */
    size_t child_count;
    struct child children[VG_NURSERY_CHILDREN_MAX];
    struct pollfd polls[FIXED_POLLS + VG_NURSERY_CHILDREN_MAX];
};

/* Dies with `parent`. The check closes the race with a parent that died before the prctl. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
}

/* A terminal's or a service manager's signals reach the whole group, but the gateway alone decides when to
 * end: it drains first, and needs its engines for that. */
static void ignore_stop_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < VG_COUNT_OF(ignored); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

/* Standard input from nowhere; what an engine library prints must not mix with the gateway's output. */
static void settle_streams(void)
{
    int null_fd = open("/dev/null", O_RDWR);
    if (null_fd < 0)
        return;
    dup2(null_fd, STDIN_FILENO);
    dup2(fcntl(STDERR_FILENO, F_GETFD) >= 0 ? STDERR_FILENO : null_fd, STDOUT_FILENO);
    if (null_fd > STDERR_FILENO)
        close(null_fd);
}

/* Keeps the standard streams and `fd`, which becomes CHILD_FD. */
static int keep_only(int fd)
{
    if (fd != CHILD_FD && dup2(fd, CHILD_FD) < 0)
        _exit(1);
    close_range(CHILD_FD + 1, ~0U, 0);
    return CHILD_FD;
}

static void preload(struct nursery *n)
{
    struct nursery_status status = {0};
    for (size_t i = 0; i < n->program_count; i++) {
        const struct vg_nursery_program *p = &n->programs[i];
        int64_t began_us = vg_mono_us();
        int err = p->preload ? p->preload(p->config) : 0;
        if (err) {
            vg_log_error("nursery.preload_failed", "program=%s error=%s", p->name, vg_strerror(err));
            n->broken[i] = true;
            if (!status.err)
                status.err = err;
        } else {
            vg_log_debug("nursery.loaded", "program=%s ms=%d", p->name,
                         (int)((vg_mono_us() - began_us) / VG_US_PER_MS));
        }
    }
    /* Nobody may be waiting; that is fine. */
    (void)!send(n->control_fd, &status, sizeof status, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ------------------------------------------------------------------------------------------------ children
 */
static _Noreturn void child_run(const struct nursery *n, const struct vg_nursery_program *p, int fd)
{
    die_with(n->pid);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char name[16] = "vg-";
    strncat(name, p->name, sizeof name - 4);
    prctl(PR_SET_NAME, name);
    _exit(p->run(keep_only(fd), p->config) & 0xff);
}

/* Takes `fd`. A request that cannot be served is answered by closing it. */
static void child_start(struct nursery *n, uint32_t program, int fd)
{
    if (program >= n->program_count || n->broken[program] || n->child_count == VG_NURSERY_CHILDREN_MAX) {
        close(fd);
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        child_run(n, &n->programs[program], fd);
    if (pid < 0) {
        vg_log_error("nursery.fork_failed", "error=%s", strerror(errno));
        close(fd);
        return;
    }
    n->children[n->child_count++] = (struct child){.pid = pid, .fd = fd};
}

static void child_gone(struct nursery *n, pid_t pid, int status)
{
    for (size_t i = 0; i < n->child_count; i++) {
        struct child *c = &n->children[i];
        if (c->pid != pid)
            continue;
        if (WIFSIGNALED(status) && !c->kill_us)
            vg_log_warn("nursery.child_crashed", "pid=%d signal=%d", (int)pid, WTERMSIG(status));
        if (c->fd >= 0)
            close(c->fd);
        *c = n->children[--n->child_count];
        return;
    }
}

static void reap(struct nursery *n)
{
    struct signalfd_siginfo info;
    while (read(n->signal_fd, &info, sizeof info) > 0)
        ;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        child_gone(n, pid, status);
}

/* Kills children whose grace is over; returns the time to the next one in milliseconds, -1 for none. */
static int kill_late(struct nursery *n, int64_t now_us)
{
    int64_t next_us = -1;
    for (size_t i = 0; i < n->child_count; i++) {
        struct child *c = &n->children[i];
        if (!c->kill_us)
            continue;
        int64_t left_us = c->kill_us - now_us;
        if (left_us <= 0) {
            kill(c->pid, SIGKILL);
            c->kill_us = INT64_MAX; /* once; the reaper does the rest */
        } else if (c->kill_us != INT64_MAX && (next_us < 0 || left_us < next_us)) {
            next_us = left_us;
        }
    }
    return next_us < 0 ? -1 : (int)(next_us / VG_US_PER_MS) + 1;
}

/* --------------------------------------------------------------------------------------------------- loop */
/* Serves one request; false at the end of the control socket. */
static bool take_request(struct nursery *n)
{
    struct nursery_request request;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(n->control_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (!c || c->cmsg_type != SCM_RIGHTS)
        return true; /* we had no descriptor left for it: the near end sees the end of file */
    int fd;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    if (got == sizeof request)
        child_start(n, request.program, fd);
    else
        close(fd);
    return true;
}

/* Waits; then notes the children whose near end was closed. Returns the events of the control socket. */
static short wait_for_events(struct nursery *n, int timeout_ms)
{
    n->polls[0] = (struct pollfd){.fd = n->control_fd, .events = POLLIN};
    n->polls[1] = (struct pollfd){.fd = n->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < n->child_count; i++)
        n->polls[FIXED_POLLS + i] = (struct pollfd){.fd = n->children[i].fd};
    if (poll(n->polls, FIXED_POLLS + n->child_count, timeout_ms) <= 0)
        return 0;
    int64_t now_us = vg_mono_us();
    for (size_t i = 0; i < n->child_count; i++) {
        struct child *c = &n->children[i];
        if (c->fd < 0 || !(n->polls[FIXED_POLLS + i].revents & (POLLHUP | POLLERR)))
            continue;
        close(c->fd);
        c->fd = -1;
        c->kill_us = now_us + GRACE_US;
    }
    if (n->polls[1].revents)
        reap(n); /* last: it reorders the children */
    return n->polls[0].revents;
}

static int block_sigchld(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

_Noreturn void nursery_process_run(int control_fd, const struct vg_nursery_program *programs, size_t count,
                                   pid_t gateway)
{
    die_with(gateway);
    prctl(PR_SET_NAME, "voxgate-nursery");
    ignore_stop_signals();
    settle_streams();
    struct nursery *n = calloc(1, sizeof *n);
    if (!n)
        _exit(1);
    n->control_fd = keep_only(control_fd);
    n->signal_fd = block_sigchld();
    n->pid = getpid();
    n->programs = programs;
    n->program_count = count;
    preload(n);
    for (;;) {
        short events = wait_for_events(n, kill_late(n, vg_mono_us()));
        /* The children die with us, by their parent-death signal. */
        if ((events & (POLLIN | POLLHUP | POLLERR)) && !take_request(n))
            _exit(0);
    }
}
