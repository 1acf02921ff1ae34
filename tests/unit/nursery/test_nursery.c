/* The engine nursery with real processes: spawning, hand-over, hanging and crashing children, and its own
 * end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/nursery.h"

enum { PATIENCE_MS = 10000 };

static int preloaded_value;

static int preload(const void *config)
{
    preloaded_value = *(const int *)config;
    return 0;
}

static int preload_fails(const void *config)
{
    (void)config;
    return VG_EIO;
}

/* Sends its pid, the preloaded value and how many descriptors it has; then gives back what it gets. */
static int echo(int fd, const void *config)
{
    (void)config;
    int hello[3] = {(int)getpid(), preloaded_value, 0};
    for (int i = 0; i < 256; i++)
        hello[2] += fcntl(i, F_GETFD) >= 0;
    if (send(fd, hello, sizeof hello, MSG_NOSIGNAL) < 0)
        return 1;
    char packet[256];
    ssize_t got;
    while ((got = recv(fd, packet, sizeof packet, 0)) > 0)
        if (send(fd, packet, (size_t)got, MSG_NOSIGNAL) < 0)
            return 1;
    return 0;
}

/* Says its pid and never looks at its socket again. */
static int hang(int fd, const void *config)
{
    (void)config;
    int hello[3] = {(int)getpid(), 0, 0};
    ssize_t sent = send(fd, hello, sizeof hello, MSG_NOSIGNAL);
    while (sent > 0)
        pause();
    return 1;
}

struct world {
    struct vg_nursery *nursery;
    struct vg_loop *loop;
    int fd; /* what `done` gave last */
    unsigned done_calls;
};

static int setup(void **state)
{
    static const int value = 4711;
    static const struct vg_nursery_program programs[] = {
        {.name = "echo", .preload = preload, .run = echo, .config = &value},
        {.name = "stream", .run = echo, .stream = true},
        {.name = "broken", .preload = preload_fails, .run = echo},
        {.name = "hang", .run = hang},
    };
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(vg_nursery_start(&w->nursery, programs, VG_COUNT_OF(programs)), 0);
    assert_int_equal(vg_nursery_wait(w->nursery, PATIENCE_MS), VG_EIO); /* of "broken" */
    w->loop = vg_loop_new("test");
    assert_non_null(w->loop);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    vg_nursery_free(w->nursery);
    vg_loop_free(w->loop);
    free(w);
    return 0;
}

static void spawned(void *arg, int fd)
{
    struct world *w = arg;
    w->fd = fd;
    w->done_calls++;
    vg_loop_stop(w->loop);
}

static int spawn(struct world *w, const char *program)
{
    void *handle = NULL;
    w->fd = -1;
    assert_int_equal(vg_nursery_spawn(w->nursery, w->loop, program, spawned, w, &handle), 0);
    assert_int_equal(w->fd, -1);
    vg_loop_run(w->loop);
    assert_true(w->fd >= 0);
    return w->fd;
}

static ssize_t receive(int fd, void *out, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    return recv(fd, out, size, MSG_DONTWAIT);
}

static void until_gone(pid_t pid)
{
    for (int i = 0; i < PATIENCE_MS && kill(pid, 0) == 0; i++)
        poll(NULL, 0, 1);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void child_shares_what_was_preloaded_and_has_one_descriptor(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "echo");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    assert_int_equal(hello[1], 4711);
    assert_int_equal(hello[2], 4);
    assert_int_equal(send(fd, "ping", 4, 0), 4);
    char answer[8];
    assert_int_equal(receive(fd, answer, sizeof answer), 4);
    close(fd);
    until_gone(hello[0]);
}

static void packets_keep_their_bounds_unless_a_stream_is_asked_for(void **state)
{
    struct world *w = *state;
    int type;
    socklen_t len = sizeof type;
    int packets = spawn(w, "echo");
    assert_int_equal(getsockopt(packets, SOL_SOCKET, SO_TYPE, &type, &len), 0);
    assert_int_equal(type, SOCK_SEQPACKET);
    int stream = spawn(w, "stream");
    assert_int_equal(getsockopt(stream, SOL_SOCKET, SO_TYPE, &type, &len), 0);
    assert_int_equal(type, SOCK_STREAM);
    close(packets);
    close(stream);
}

static void killed_child_shows_as_end_of_file(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "echo");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    kill(hello[0], SIGKILL);
    char byte;
    assert_int_equal(receive(fd, &byte, 1), 0);
    close(fd);
}

static void hung_child_is_killed_when_its_near_end_is_closed(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "hang");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    close(fd);
    until_gone(hello[0]);
}

static void stopped_child_is_killed_when_its_near_end_is_closed(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "echo");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    kill(hello[0], SIGSTOP);
    close(fd);
    until_gone(hello[0]);
}

static void program_whose_preload_failed_ends_at_once(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "broken");
    char byte;
    assert_int_equal(receive(fd, &byte, 1), 0);
    close(fd);
}

static void unknown_program_is_refused(void **state)
{
    struct world *w = *state;
    void *handle = NULL;
    assert_int_equal(vg_nursery_spawn(w->nursery, w->loop, "nobody", spawned, w, &handle), VG_ENOENT);
}

static void forgotten_spawn_is_never_reported_and_its_child_ends(void **state)
{
    struct world *w = *state;
    unsigned calls = w->done_calls;
    void *handle = NULL;
    assert_int_equal(vg_nursery_spawn(w->nursery, w->loop, "hang", spawned, w, &handle), 0);
    vg_nursery_forget(w->nursery, handle);
    int fd = spawn(w, "echo");
    assert_int_equal(w->done_calls, calls + 1);
    close(fd);
}

static void hundred_children_at_once_all_answer(void **state)
{
    enum { COUNT = 100 };
    struct world *w = *state;
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++)
        fds[i] = spawn(w, "echo");
    for (int i = 0; i < COUNT; i++) {
        int hello[3];
        assert_int_equal(receive(fds[i], hello, sizeof hello), sizeof hello);
        close(fds[i]);
    }
}

static void stop_signals_do_not_end_it(void **state)
{
    struct world *w = *state;
    kill(vg_nursery_pid(w->nursery), SIGINT);
    kill(vg_nursery_pid(w->nursery), SIGTERM);
    int fd = spawn(w, "echo");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    close(fd);
    assert_true(vg_nursery_alive(w->nursery));
}

enum { LOOPS = 4, SPAWNS = 25 };

struct shard {
    struct world *world;
    struct vg_loop *loop;
    unsigned answered;
};

static void shard_spawned(void *arg, int fd)
{
    struct shard *s = arg;
    int hello[3];
    assert_true(vg_loop_here(s->loop));
    assert_true(fd >= 0);
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    close(fd);
    if (++s->answered == SPAWNS)
        vg_loop_stop(s->loop);
}

static void *shard_run(void *arg)
{
    struct shard *s = arg;
    for (int i = 0; i < SPAWNS; i++) {
        void *handle;
        assert_int_equal(vg_nursery_spawn(s->world->nursery, s->loop, "echo", shard_spawned, s, &handle), 0);
    }
    vg_loop_run(s->loop);
    return NULL;
}

static void loops_spawn_at_the_same_time_and_each_gets_its_own(void **state)
{
    struct shard shards[LOOPS];
    pthread_t threads[LOOPS];
    for (int i = 0; i < LOOPS; i++) {
        shards[i] = (struct shard){.world = *state, .loop = vg_loop_new("shard")};
        assert_int_equal(pthread_create(&threads[i], NULL, shard_run, &shards[i]), 0);
    }
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(shards[i].answered, SPAWNS);
        vg_loop_free(shards[i].loop);
    }
}

/* Last: it ends the nursery. */
static void nursery_that_died_takes_its_children_and_refuses(void **state)
{
    struct world *w = *state;
    int fd = spawn(w, "hang");
    int hello[3];
    assert_int_equal(receive(fd, hello, sizeof hello), sizeof hello);
    kill(vg_nursery_pid(w->nursery), SIGKILL);
    char byte;
    assert_int_equal(receive(fd, &byte, 1), 0);
    close(fd);
    /* The orphan may stay a zombie where nobody reaps; its socket being closed says that it is dead. */
    for (int i = 0; i < PATIENCE_MS && vg_nursery_alive(w->nursery); i++)
        poll(NULL, 0, 1);
    assert_false(vg_nursery_alive(w->nursery));
    void *handle = NULL;
    assert_int_equal(vg_nursery_spawn(w->nursery, w->loop, "echo", spawned, w, &handle), VG_EUNAVAIL);
}

static void nursery_ends_when_its_gateway_is_killed(void **state)
{
    (void)state;
    int report[2];
    assert_int_equal(pipe(report), 0);
    pid_t gateway = fork();
    if (gateway == 0) {
        static const struct vg_nursery_program program = {.name = "hang", .run = hang};
        struct vg_nursery *n;
        if (vg_nursery_start(&n, &program, 1) != 0)
            _exit(1);
        pid_t pid = vg_nursery_pid(n);
        (void)!write(report[1], &pid, sizeof pid);
        for (;;)
            pause();
    }
    close(report[1]);
    pid_t nursery;
    assert_int_equal(read(report[0], &nursery, sizeof nursery), sizeof nursery);
    kill(gateway, SIGKILL);
    assert_int_equal(waitpid(gateway, NULL, 0), gateway);
    /* The nursery does not hold the pipe (it keeps the standard streams only), so wait by its id; it may stay
     * a zombie where the first process does not reap. */
    for (int i = 0; i < PATIENCE_MS; i++) {
        char path[64], text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)nursery);
        FILE *f = fopen(path, "r");
        if (!f)
            break;
        size_t got = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        const char *state_letter = got ? strrchr(text, ')') : NULL;
        if (state_letter && state_letter[2] == 'Z')
            break;
        assert_true(i < PATIENCE_MS - 1);
        poll(NULL, 0, 1);
    }
    close(report[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_shares_what_was_preloaded_and_has_one_descriptor),
        cmocka_unit_test(packets_keep_their_bounds_unless_a_stream_is_asked_for),
        cmocka_unit_test(killed_child_shows_as_end_of_file),
        cmocka_unit_test(hung_child_is_killed_when_its_near_end_is_closed),
        cmocka_unit_test(stopped_child_is_killed_when_its_near_end_is_closed),
        cmocka_unit_test(program_whose_preload_failed_ends_at_once),
        cmocka_unit_test(unknown_program_is_refused),
        cmocka_unit_test(forgotten_spawn_is_never_reported_and_its_child_ends),
        cmocka_unit_test(hundred_children_at_once_all_answer),
        cmocka_unit_test(stop_signals_do_not_end_it),
        cmocka_unit_test(nursery_ends_when_its_gateway_is_killed),
        cmocka_unit_test(loops_spawn_at_the_same_time_and_each_gets_its_own),
        cmocka_unit_test(nursery_that_died_takes_its_children_and_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
