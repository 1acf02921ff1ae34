/* A recording or the microphone as messages of the wire; see call_mouth.h. */
#include "cli/call_mouth.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/clock.h"

enum { FRAME_MS = 20, ENGINE_HZ = 16000 };

struct mouth {
    int rate_hz; /* of the samples here: the wire's for PCM, the encoder's 16 kHz else */
    int chunk_ms;
    enum vg_codec codec;
    struct vg_encoder *encoder; /* NULL for PCM */
    struct vg_buf ready;        /* encoded bytes beyond the last message */
    size_t message_bytes;       /* of an encoded message; 0: one Opus packet */
    int16_t *pcm;               /* the recording */
    size_t samples, at;
    pid_t recorder; /* 0: no microphone */
    int pipe;
    struct vg_buf heard; /* of the microphone, not used yet */
    bool ended;
};

/* --- the microphone --------------------------------------------------------------------------------------
 */

static bool is_installed(const char *program)
{
    char path[256];
    snprintf(path, sizeof path, "/usr/bin/%s", program);
    return access(path, X_OK) == 0;
}

static void run_recorder(bool parec, int rate_hz, int out)
{
    char rate[32];
    dup2(out, STDOUT_FILENO);
    if (parec) {
        snprintf(rate, sizeof rate, "--rate=%d", rate_hz);
        execl("/usr/bin/parec", "parec", "--raw", "--format=s16le", "--channels=1", "--latency-msec=20", rate,
              (char *)NULL);
    } else {
        snprintf(rate, sizeof rate, "%d", rate_hz);
        execl("/usr/bin/arecord", "arecord", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", rate,
              "--buffer-time=200000", (char *)NULL);
    }
    _exit(127);
}

static int start_recorder(struct mouth *m, char problem[MOUTH_PROBLEM_SIZE])
{
    int ends[2];
    bool parec = is_installed("parec");
    if (!parec && !is_installed("arecord")) {
        snprintf(problem, MOUTH_PROBLEM_SIZE,
                 "there is no program to record with; install one: apt-get install alsa-utils (arecord) or "
                 "pulseaudio-utils (parec)");
        return VG_ENOENT;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return VG_EIO;
    m->recorder = fork();
    if (m->recorder == 0)
        run_recorder(parec, m->rate_hz, ends[1]);
    close(ends[1]);
    m->pipe = ends[0];
    fcntl(m->pipe, F_SETFL, O_NONBLOCK);
    return m->recorder > 0 ? 0 : VG_EIO;
}

static void listen_in(struct mouth *m)
{
    char chunk[8192];
    ssize_t n;
    while ((n = read(m->pipe, chunk, sizeof chunk)) > 0)
        vg_buf_add(&m->heard, chunk, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        m->ended = true;
}

/* --- the recording ---------------------------------------------------------------------------------------
 */

/* Reads `path` and brings it to rate_hz. */
static int read_recording(struct mouth *m, const char *path, char problem[MOUTH_PROBLEM_SIZE])
{
    struct vg_wav wav;
    int err = vg_wav_read(path, &wav);
    if (err) {
        snprintf(problem, MOUTH_PROBLEM_SIZE, "%s cannot be used: %s",
                 strcmp(path, "-") == 0 ? "standard input" : path,
                 err == VG_EIO       ? "it cannot be read"
                 : err == VG_ENOTSUP ? "only PCM of 16 bits and G.711 are understood"
                                     : vg_strerror(err));
        return err;
    }
    if (wav.rate_hz == m->rate_hz) {
        m->pcm = wav.pcm;
        m->samples = wav.samples;
        return 0;
    }
    struct vg_resampler *resampler = vg_resampler_new(wav.rate_hz, m->rate_hz);
    size_t cap = resampler ? vg_resampler_bound(resampler, wav.samples) : 0;
    m->pcm = malloc((cap + 1) * sizeof *m->pcm);
    int n = resampler && m->pcm ? vg_resample(resampler, wav.pcm, wav.samples, m->pcm, cap) : VG_ENOMEM;
    vg_resampler_free(resampler);
    vg_wav_free(&wav);
    if (n < 0) {
        snprintf(problem, MOUTH_PROBLEM_SIZE, "%s cannot be brought to %d Hz", path, m->rate_hz);
        return n;
    }
    m->samples = (size_t)n;
    return 0;
}

int mouth_open(struct mouth **out, const struct call_options *o, char problem[MOUTH_PROBLEM_SIZE])
{
    struct mouth *m = calloc(1, sizeof *m);
    if (!m)
        return VG_ENOMEM;
    snprintf(problem, MOUTH_PROBLEM_SIZE, "out of memory");
    bool pcm = o->codec == VG_CODEC_PCM_S16LE;
    m->codec = o->codec;
    m->pipe = -1;
    m->rate_hz = pcm ? (int)o->rate_hz : ENGINE_HZ;
    m->chunk_ms = o->codec == VG_CODEC_OPUS ? FRAME_MS : (int)o->chunk_ms;
    m->message_bytes = o->codec == VG_CODEC_OPUS ? 0 : (size_t)(o->rate_hz * o->chunk_ms / 1000);
    struct vg_encoder_config encoder = {
        .codec = o->codec, .rate_hz = (int)o->rate_hz, .opus_bitrate = 24000, .opus_complexity = 5};
    int err = pcm || (m->encoder = vg_encoder_new(&encoder)) ? 0 : VG_ENOMEM;
    if (!err && o->mic)
        err = start_recorder(m, problem);
    else if (!err && o->file)
        err = read_recording(m, o->file, problem);
    m->ended = !o->mic;
    if (err)
        mouth_close(m);
    else
        *out = m;
    return err;
}

struct mouth *mouth_close(struct mouth *m)
{
    if (!m)
        return NULL;
    if (m->recorder > 0) {
        kill(m->recorder, SIGTERM);
        waitpid(m->recorder, NULL, 0);
    }
    if (m->pipe >= 0)
        close(m->pipe);
    vg_encoder_free(m->encoder);
    vg_buf_free(&m->ready);
    vg_buf_free(&m->heard);
    free(m->pcm);
    free(m);
    return NULL;
}

/* --- messages --------------------------------------------------------------------------------------------
 */

/* Fills `out` with what comes next, silence where there is nothing. False: wait for the microphone. */
static bool take(struct mouth *m, bool quiet, int16_t *out, size_t samples)
{
    memset(out, 0, samples * sizeof *out);
    if (m->recorder > 0) {
        listen_in(m);
        size_t bytes = samples * sizeof *out;
        if (m->heard.len < bytes)
            return m->ended; /* a recorder that ended leaves silence */
        if (!quiet)
            memcpy(out, m->heard.data, bytes);
        memmove(m->heard.data, m->heard.data + bytes, m->heard.len - bytes);
        m->heard.len -= bytes;
    } else if (!quiet) {
        size_t n = m->samples - m->at < samples ? m->samples - m->at : samples;
        if (n > 0)
            memcpy(out, m->pcm + m->at, n * sizeof *out);
        m->at += n;
    }
    return true;
}

static bool next_pcm(struct mouth *m, bool quiet, struct vg_buf *wire)
{
    int16_t pcm[48000];
    size_t samples = (size_t)(m->rate_hz * m->chunk_ms / 1000);
    if (samples > VG_COUNT_OF(pcm) || !take(m, quiet, pcm, samples))
        return false;
    vg_buf_add(wire, pcm, samples * sizeof *pcm); /* little endian, as all that Voxgate runs on */
    return true;
}

static bool next_encoded(struct mouth *m, bool quiet, struct vg_buf *wire)
{
    int16_t pcm[VG_FRAME_SAMPLES];
    uint8_t frame[4096];
    do {
        if (m->message_bytes && m->ready.len >= m->message_bytes)
            break;
        if (!take(m, quiet, pcm, VG_FRAME_SAMPLES))
            return false;
        int n = vg_encode(m->encoder, pcm, frame, sizeof frame);
        vg_buf_add(&m->ready, frame, n > 0 ? (size_t)n : 0);
    } while (m->message_bytes);
    size_t bytes = m->message_bytes ? m->message_bytes : m->ready.len;
    vg_buf_add(wire, m->ready.data, bytes);
    memmove(m->ready.data, m->ready.data + bytes, m->ready.len - bytes);
    m->ready.len -= bytes;
    return true;
}

bool mouth_next(struct mouth *m, bool quiet, struct vg_buf *wire)
{
    return m->encoder ? next_encoded(m, quiet, wire) : next_pcm(m, quiet, wire);
}

int64_t mouth_chunk_us(const struct mouth *m)
{
    return m->chunk_ms * (int64_t)VG_US_PER_MS;
}

bool mouth_done(const struct mouth *m)
{
    return m->ended && m->at == m->samples;
}

int64_t mouth_length_us(const struct mouth *m)
{
    return (int64_t)m->samples * VG_US_PER_S / m->rate_hz;
}
