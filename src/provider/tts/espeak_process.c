/* Runs espeak-ng once; see espeak_process.h. */
#include "provider/tts/espeak_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audio/block.h"
#include "audio/codec.h"
#include "base/clock.h"

enum {
    LOOK_MS = 10,          /* how often a run looks whether it was cancelled */
    READ_SAMPLES = 2048,   /* 93 ms at 22,050 Hz */
    WAV_HEADER_BYTES = 44, /* what espeak-ng writes: RIFF, fmt of 16 bytes, data; length unknown */
};

struct child {
    pid_t pid;
    int out; /* its standard output, non-blocking */
};

/* The WAV stream as it comes in. */
struct wav_in {
    uint8_t header[WAV_HEADER_BYTES];
    size_t header_bytes;
    uint8_t data[READ_SAMPLES * 2 + 1];
    size_t data_bytes; /* 0 or 1: a half sample from the read before */
    struct vg_resampler *resampler;
    int16_t *out;
    size_t out_cap;
};

static int child_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, reset;
    sigemptyset(&none);
    sigfillset(&reset);
    return posix_spawnattr_setflags(attr,
                                    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) ||
           posix_spawnattr_setsigmask(attr, &none) || posix_spawnattr_setsigdefault(attr, &reset) ||
           posix_spawnattr_setpgroup(attr, 0);
}

static int child_spawn(pid_t *pid, const struct espeak_run *run, int in, int out)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", lang[] = "LC_ALL=C.UTF-8";
    char *const environment[] = {path, lang, NULL};
    char *const argv[] = {"espeak-ng", "--stdout", "--stdin", "-b", "1", "-v", (char *)(uintptr_t)run->voice,
                          NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    if (posix_spawn_file_actions_init(&actions))
        return VG_ENOMEM;
    if (posix_spawnattr_init(&attr)) {
        posix_spawn_file_actions_destroy(&actions);
        return VG_ENOMEM;
    }
    int err = VG_EIO;
    if (!child_attributes(&attr) && !posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) &&
        !posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) &&
        !posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) &&
        !posix_spawn_file_actions_addclosefrom_np(&actions, 3)) {
        int rc = posix_spawnp(pid, run->program, &actions, &attr, argv, environment);
        err = rc == 0 ? 0 : rc == ENOMEM ? VG_ENOMEM : rc == EAGAIN ? VG_ECAPACITY : VG_EUNAVAIL;
    }
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* Starts the program and gives it its text, which fits the pipe (2,000 bytes into at least 4,096). */
static int child_start(struct child *child, const struct espeak_run *run)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC))
        return VG_EIO;
    if (pipe2(out, O_CLOEXEC)) {
        close_pair(in);
        return VG_EIO;
    }
    size_t bytes = strlen(run->text);
    int err = write(in[1], run->text, bytes) == (ssize_t)bytes && write(in[1], "\n", 1) == 1 ? 0 : VG_EIO;
    if (!err && fcntl(out[0], F_SETFL, O_NONBLOCK))
        err = VG_EIO;
    if (!err)
        err = child_spawn(&child->pid, run, in[0], out[1]);
    close_pair(in);
    close(out[1]);
    if (err)
        close(out[0]);
    else
        child->out = out[0];
    return err;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int wav_begin(struct wav_in *w)
{
    const uint8_t *h = w->header;
    uint32_t rate_hz = le32(h + 24);
    if (memcmp(h, "RIFF", 4) || memcmp(h + 8, "WAVEfmt ", 8) || le32(h + 16) != 16 ||
        le32(h + 20) != 0x10001 || le32(h + 32) != 0x100002 || memcmp(h + 36, "data", 4) || rate_hz < 8000 ||
        rate_hz > 48000)
        return VG_EPARSE;
    w->resampler = vg_resampler_new((int)rate_hz, VG_RATE_HZ);
    if (!w->resampler)
        return VG_ENOMEM;
    w->out_cap = vg_resampler_bound(w->resampler, READ_SAMPLES + 1);
    w->out = malloc(w->out_cap * sizeof w->out[0]);
    return w->out ? 0 : VG_ENOMEM;
}

/* Speaks on what was read into w->data. */
static int wav_samples(struct wav_in *w, size_t bytes, struct espeak_run *run)
{
    int16_t pcm[READ_SAMPLES + 1];
    size_t samples = bytes / 2;
    for (size_t i = 0; i < samples; i++)
        pcm[i] = (int16_t)(w->data[2 * i] | w->data[2 * i + 1] << 8);
    w->data_bytes = bytes % 2;
    if (w->data_bytes)
        w->data[0] = w->data[bytes - 1];
    int n = vg_resample(w->resampler, pcm, samples, w->out, w->out_cap);
    if (n < 0)
        return n;
    return n > 0 ? run->audio(run->arg, w->out, (size_t)n) : 0;
}

/* Reads what is there. Returns 0, VG_EAGAIN (no more now), VG_ECLOSED (end of file) or an error. */
static int wav_read(struct wav_in *w, int fd, struct espeak_run *run)
{
    bool in_header = w->header_bytes < WAV_HEADER_BYTES;
    uint8_t *at = in_header ? w->header + w->header_bytes : w->data + w->data_bytes;
    size_t room = in_header ? WAV_HEADER_BYTES - w->header_bytes : sizeof w->data - w->data_bytes;
    ssize_t n = read(fd, at, room);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? VG_EAGAIN : VG_EIO;
    if (n == 0)
        return VG_ECLOSED;
    if (!in_header)
        return wav_samples(w, w->data_bytes + (size_t)n, run);
    w->header_bytes += (size_t)n;
    return w->header_bytes == WAV_HEADER_BYTES ? wav_begin(w) : 0;
}

/* Returns 0 at the end of the output, or why not. */
static int child_listen(const struct child *child, struct wav_in *w, struct espeak_run *run,
                        int64_t deadline_us)
{
    for (;;) {
        if (run->cancelled(run->arg))
            return VG_ECANCELED;
        if (vg_mono_us() > deadline_us)
            return VG_ETIMEOUT;
        int err = wav_read(w, child->out, run);
        if (err == VG_ECLOSED)
            return 0;
        if (err == VG_EAGAIN) {
            struct pollfd p = {.fd = child->out, .events = POLLIN};
            (void)poll(&p, 1, LOOK_MS);
        } else if (err) {
            return err;
        }
    }
}

/* Ends the process if `err` says that its work is void, or if it does not end by itself, and reaps it. */
static int child_reap(const struct child *child, struct espeak_run *run, int err, int64_t deadline_us)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t gone = 0;
    while (!err && gone == 0) {
        gone = wait4(child->pid, &status, WNOHANG, &usage);
        if (gone == 0 && (run->cancelled(run->arg) || vg_mono_us() > deadline_us))
            err = VG_ETIMEOUT;
        else if (gone == 0)
            (void)poll(NULL, 0, 1); /* its output has ended, so it is about to go */
    }
    if (gone == 0) {
        kill(child->pid, SIGKILL);
        while ((gone = wait4(child->pid, &status, 0, &usage)) < 0 && errno == EINTR)
            ;
    }
    run->cpu_us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * VG_US_PER_S +
                  usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    if (err)
        return err;
    if (gone < 0)
        return VG_EIO;
    if (WIFSIGNALED(status))
        return VG_ECLOSED;
    return WEXITSTATUS(status) == 0 ? 0 : VG_EUNAVAIL;
}

int espeak_run(struct espeak_run *run)
{
    struct child child = {0};
    int64_t deadline_us = vg_mono_us() + run->timeout_us;
    struct wav_in *wav = calloc(1, sizeof *wav);
    if (!wav)
        return VG_ENOMEM;
    int err = child_start(&child, run);
    if (!err) {
        err = child_listen(&child, wav, run, deadline_us);
        err = child_reap(&child, run, err, deadline_us);
        if (!err && wav->header_bytes < WAV_HEADER_BYTES)
            err = VG_EPARSE;
        close(child.out);
    }
    vg_resampler_free(wav->resampler);
    free(wav->out);
    free(wav);
    return err;
}
