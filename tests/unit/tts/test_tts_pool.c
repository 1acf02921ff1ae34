/* The synthesis pool and the engine processes: bounds, cancellation, crashes, hangs, two loops at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tts_run.h"

static struct vg_loop *loop;

static int setup(void **state)
{
    (void)state;
    loop = vg_loop_new("test");
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = vg_loop_free(loop);
    return 0;
}

static struct vg_synth_pool *pool_with(const struct vg_synth_config *config)
{
    struct vg_synth_pool *pool = NULL;
    assert_int_equal(vg_synth_pool_new(&pool, config), 0);
    return pool;
}

/* The process id of a child of ours, 0 if there is none. */
static pid_t child_of_ours(void)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *e;
    while (dir && !found && (e = readdir(dir))) {
        char path[300];
        int pid = 0, parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%d (%*[^)]) %*c %d", &pid, &parent) == 2 && parent == getpid())
            found = pid;
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Writes a program that stands in for espeak-ng; its path is `out`. */
static void fake_engine(char out[64], const char *script)
{
    strcpy(out, "/tmp/vg-espeak-XXXXXX");
    int fd = mkstemp(out);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    fchmod(fd, 0700);
    close(fd);
}

static void a_full_queue_refuses_and_the_rest_is_done(void **state)
{
    (void)state;
    const struct vg_synth_config config = {.threads = 1, .processes = 1, .queue_max = 3};
    const struct vg_tts_ops *const engines[] = {&vg_tts_flite, &vg_tts_espeak};
    for (size_t e = 0; e < 2; e++) {
        struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
        struct tts_run runs[32] = {0};
        unsigned open = 0, refused = 0, done = 0;
        for (size_t i = 0; i < 32; i++) {
            runs[i] = (struct tts_run){.ops = engines[e], .env = env, .open = &open};
            int err =
                tts_run_start(&runs[i], "One of very many sentences that were asked for at the same time.",
                              "en", NULL);
            assert_true(err == 0 || err == VG_ECAPACITY);
            refused += err != 0;
        }
        assert_true(refused >= 20 && refused < 32);
        assert_true(tts_run_loop(loop, &open, 20 * VG_US_PER_S));
        for (size_t i = 0; i < 32; i++) {
            done += runs[i].dones;
            if (runs[i].tts)
                tts_run_close(&runs[i]);
        }
        assert_int_equal(done + refused, 32);
        struct vg_synth_stats stats;
        vg_synth_pool_stats(env.synth, &stats);
        assert_int_equal(stats.refused, refused);
        assert_int_equal(stats.started, done);
        vg_synth_pool_free(env.synth);
    }
}

static void closing_a_waiting_clause_makes_room(void **state)
{
    (void)state;
    const struct vg_synth_config config = {.threads = 1, .processes = 1, .queue_max = 2};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    unsigned open = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct tts_run run = {.ops = &vg_tts_flite, .env = env, .open = &open};
        int err = tts_run_start(&run, "Again and again and again.", "en", NULL);
        assert_int_equal(err, 0);
        tts_run_close(&run);
    }
    vg_synth_pool_free(env.synth);
}

static void a_pool_that_ends_fails_what_is_left_once(void **state)
{
    (void)state;
    const struct vg_synth_config config = {.threads = 1, .processes = 1, .queue_max = 16};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    struct tts_run runs[8] = {0};
    unsigned open = 0, cancelled = 0;
    for (size_t i = 0; i < 8; i++) {
        runs[i] = (struct tts_run){.ops = i % 2 ? &vg_tts_espeak : &vg_tts_flite, .env = env, .open = &open};
        assert_int_equal(tts_run_start(&runs[i],
                                       "This will not be finished, for the gateway is about to end.", "en",
                                       NULL),
                         0);
    }
    vg_synth_pool_free(env.synth);
    assert_true(tts_run_loop(loop, &open, VG_US_PER_S));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(runs[i].dones + runs[i].faileds, 1);
        cancelled += runs[i].err == VG_ECANCELED;
        runs[i].ops->close(runs[i].tts);
    }
    assert_true(cancelled >= 4);
}

static void a_killed_process_fails_its_clause_once(void **state)
{
    (void)state;
    char program[64];
    fake_engine(program, "#!/bin/sh\nespeak-ng \"$@\" | head -c 20000\nexec sleep 60\n");
    const struct vg_synth_config config = {
        .threads = 1, .processes = 1, .queue_max = 4, .espeak_program = program};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    unsigned open = 0;
    struct tts_run run = {.ops = &vg_tts_espeak, .env = env, .open = &open};
    assert_int_equal(tts_run_start(&run, "A sentence that is cut off in the middle by a crash.", "en", NULL),
                     0);
    for (unsigned i = 0; i < 100 && run.samples < 5000; i++)
        tts_run_idle(loop, 20000);
    assert_true(run.samples >= 5000);
    pid_t pid = child_of_ours();
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    assert_true(tts_run_loop(loop, &open, 5 * VG_US_PER_S));
    assert_int_equal(run.faileds, 1);
    assert_int_equal(run.err, VG_ECLOSED);
    run.ops->close(run.tts);
    /* ... and the next clause is not harmed. */
    open = 0;
    struct tts_run next = {.ops = &vg_tts_espeak, .env = env, .open = &open};
    assert_int_equal(tts_run_start(&next, "Next.", "en", NULL), 0);
    tts_run_idle(loop, 100000);
    tts_run_close(&next);
    vg_synth_pool_free(env.synth);
    assert_int_equal(child_of_ours(), 0);
    unlink(program);
}

static void a_process_that_hangs_is_killed_in_time(void **state)
{
    (void)state;
    char program[64];
    fake_engine(program, "#!/bin/sh\nexec sleep 60\n");
    const struct vg_synth_config config = {.threads = 1,
                                           .processes = 1,
                                           .queue_max = 4,
                                           .espeak_program = program,
                                           .process_timeout_us = 200000};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    struct tts_run run = tts_run_whole(&vg_tts_espeak, &env, "Hello.", "en", NULL);
    assert_int_equal(run.err, VG_ETIMEOUT);
    assert_true(run.ended_us - run.started_us < VG_US_PER_S);
    assert_int_equal(child_of_ours(), 0);
    /* Closing kills it long before that. */
    struct tts_run closed = {.ops = &vg_tts_espeak, .env = env};
    assert_int_equal(tts_run_start(&closed, "Hello.", "en", NULL), 0);
    tts_run_idle(loop, 50000);
    assert_true(child_of_ours() > 0);
    tts_run_close(&closed);
    tts_run_idle(loop, 60000);
    assert_int_equal(child_of_ours(), 0);
    vg_synth_pool_free(env.synth);
    unlink(program);
}

static void a_process_that_talks_nonsense_fails_its_clause(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int err;
    } cases[] = {
        {"#!/bin/sh\necho short\n", VG_EPARSE},
        {"#!/bin/sh\nexec head -c 5000 /dev/zero\n", VG_EPARSE},
        {"#!/bin/sh\nexit 0\n", VG_EPARSE},
        {"#!/bin/sh\nexit 3\n", VG_EUNAVAIL},
        {"#!/bin/sh\nespeak-ng \"$@\"\ncat /dev/zero\n", VG_ETOOBIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[64];
        fake_engine(program, cases[i].script);
        const struct vg_synth_config config = {
            .threads = 1, .processes = 1, .queue_max = 4, .espeak_program = program};
        struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
        struct tts_run run = tts_run_whole(&vg_tts_espeak, &env, "Hello.", "en", NULL);
        assert_int_equal(run.err, cases[i].err);
        vg_synth_pool_free(env.synth);
        unlink(program);
    }
    const struct vg_synth_config config = {
        .threads = 1, .processes = 1, .queue_max = 4, .espeak_program = "/nonexistent"};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    assert_int_equal(tts_run_whole(&vg_tts_espeak, &env, "Hello.", "en", NULL).err, VG_EUNAVAIL);
    vg_synth_pool_free(env.synth);
}

/* The text stands on no command line, and the process has none of our descriptors or secrets. */
static void the_process_sees_nothing_of_ours(void **state)
{
    (void)state;
    char program[64];
    char seen[] = "/tmp/vg-seen-XXXXXX";
    close(mkstemp(seen));
    char script[300];
    snprintf(script, sizeof script,
             "#!/bin/sh\n(echo \"$@\"; env; ls /proc/$$/fd | wc -l) > %s\nespeak-ng \"$@\"\n", seen);
    fake_engine(program, script);
    setenv("VG_TEST_SECRET", "hunter2", 1);
    const struct vg_synth_config config = {
        .threads = 1, .processes = 1, .queue_max = 4, .espeak_program = program};
    struct vg_engine_env env = {.loop = loop, .synth = pool_with(&config)};
    assert_int_equal(tts_run_whole(&vg_tts_espeak, &env, "confidential words", "en", NULL).dones, 1);
    vg_synth_pool_free(env.synth);
    char text[4096] = "";
    FILE *f = fopen(seen, "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_null(strstr(text, "confidential"));
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "-v en-us"));
    unlink(program);
    unlink(seen);
}

/* --- two loops on one pool -------------------------------------------------------------------------------
 */
struct shard {
    pthread_t thread;
    struct vg_synth_pool *pool;
    unsigned seed;
    unsigned done, closed, refused;
};

static void *shard_main(void *arg)
{
    struct shard *s = arg;
    struct vg_loop *own = vg_loop_new("shard");
    struct vg_engine_env env = {.loop = own, .synth = s->pool};
    for (unsigned round = 0; round < 6; round++) {
        struct tts_run runs[10] = {0};
        unsigned open = 0;
        for (size_t i = 0; i < 10; i++) {
            runs[i] =
                (struct tts_run){.ops = i % 3 ? &vg_tts_flite : &vg_tts_espeak, .env = env, .open = &open};
            if (i % 2)
                runs[i].close_after_samples = 1 + rand_r(&s->seed) % 20000;
            const char *voice = i % 3 == 0 ? NULL : i % 3 == 1 ? "rms" : "slt";
            s->refused += tts_run_start(&runs[i], "Some words, more or less.", "en", voice) != 0;
        }
        if (runs[4].tts)
            tts_run_close(&runs[4]);
        VG_ASSERT(tts_run_loop(own, &open, 60 * VG_US_PER_S));
        for (size_t i = 0; i < 10; i++) {
            s->done += runs[i].dones;
            s->closed += runs[i].closed;
            VG_ASSERT(runs[i].faileds == 0);
            if (runs[i].tts)
                tts_run_close(&runs[i]);
        }
    }
    tts_run_idle(own, 100000);
    return own;
}

static void two_loops_share_a_pool(void **state)
{
    (void)state;
    const struct vg_synth_config config = {.threads = 2, .processes = 2, .queue_max = 64};
    struct shard shards[2] = {{.seed = 1}, {.seed = 2}};
    struct vg_synth_pool *pool = pool_with(&config);
    struct vg_loop *loops[2];
    for (size_t i = 0; i < 2; i++) {
        shards[i].pool = pool;
        assert_int_equal(pthread_create(&shards[i].thread, NULL, shard_main, &shards[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(shards[i].thread, (void **)&loops[i]);
    vg_synth_pool_free(pool);
    for (size_t i = 0; i < 2; i++) {
        vg_loop_free(loops[i]);
        assert_int_equal(shards[i].done + shards[i].closed + shards[i].refused, 60);
        assert_true(shards[i].done >= 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_refuses_and_the_rest_is_done),
        cmocka_unit_test(closing_a_waiting_clause_makes_room),
        cmocka_unit_test(a_pool_that_ends_fails_what_is_left_once),
        cmocka_unit_test(a_killed_process_fails_its_clause_once),
        cmocka_unit_test(a_process_that_hangs_is_killed_in_time),
        cmocka_unit_test(a_process_that_talks_nonsense_fails_its_clause),
        cmocka_unit_test(the_process_sees_nothing_of_ours),
        cmocka_unit_test(two_loops_share_a_pool),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
