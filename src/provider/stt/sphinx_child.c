/* One call's recogniser process: reads audio and commands, works in small steps, and looks at its socket
 * between them, so that a caller who speaks on stops the second pass within 100 ms of audio. Read
 * sphinx_engine.h first.
 *
 * Priorities under load: the second pass before live decoding; interims are skipped when the live decoder is
 * 1 s behind, and it gives the utterance up when it is 5 s behind.
 *
 * Where the caller's language has only single words (sphinx_words.h), their recogniser stands in for the
 * second pass, and there is no live one: the English model never hears such a call.
 *
 * While the caller is choosing a language, its names are listened for before the second pass, and interims
 * wait until the utterance is too long for one: what English makes of an Arabic word is not what was said. */
#include "provider/stt/sphinx_child.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "provider/stt/sphinx_engine.h"
#include "provider/stt/sphinx_lexicon.h"
#include "provider/stt/sphinx_vocabulary.h"
#include "provider/stt/sphinx_wire.h"
#include "provider/stt/sphinx_words.h"

enum {
    RATE_HZ = 16000,
    UTTERANCE_SAMPLES_MAX = 60 * RATE_HZ, /* what comes later is dropped */
    FRAME_SAMPLES = RATE_HZ / 50,         /* 20 ms: one step of live decoding */
    SECOND_STEP_SAMPLES = RATE_HZ / 10,   /* 100 ms: one step of the second pass */
    TAIL_SAMPLES = RATE_HZ * 140 / 1000,  /* of the pause, after the second pass has begun */
    NAME_SAMPLES_MAX = 2 * RATE_HZ,       /* of a language, with the pre-roll */
    INTERIM_FRAMES = 10,                  /* between two looks at the live text */
    PRIME_FRAMES = 50,                    /* 1 s of speech: earlier means make it worse (55 % for 0.3 s) */
    INTERIM_LAG_SAMPLES = 1 * RATE_HZ,
    LIVE_LAG_SAMPLES = 5 * RATE_HZ,
    NOTHING_YET_US = 1200000, /* beyond the deadline; the parent calls a process hung 1.5 s after it */
};
#define SPEECH_POWER_RATIO 0.003 /* a frame within 25 dB of the loudest one counts as speech */

enum phase { PHASE_IDLE, PHASE_OPEN, PHASE_FINISHING };
enum second_state { SECOND_NONE, SECOND_RUNNING, SECOND_DONE };

struct sphinx_child {
    int fd;
    struct sphinx_engine *engine;
    struct sphinx_words *words;           /* NULL: open speech, by `engine` */
    struct sphinx_words *names;           /* of languages; NULL: none is being chosen */
    bool naming;                          /* RUNNING: `names` work on the utterance, `engine` comes after */
    struct sphinx_vocabulary *vocabulary; /* being collected; NULL otherwise */

    enum phase phase;
    uint32_t utterance;
    int64_t cpu_at_begin_us;
    int64_t deadline_us; /* FINISHING */
    int16_t *pcm;        /* the utterance, UTTERANCE_SAMPLES_MAX */
    size_t samples;

    size_t live_samples; /* fed to the live decoder */
    unsigned live_frames, speech_frames;
    double loudest_power;
    bool live_lost;
    char interim[SPHINX_TEXT_BYTES_MAX]; /* sent last */

    bool paused;
    enum second_state second;
    size_t second_samples;            /* fed to it */
    size_t second_end_samples;        /* what it decodes at most: up to the pause and its tail */
    char text[SPHINX_TEXT_BYTES_MAX]; /* DONE: its result */
    double confidence;
    bool late; /* the time ran out before the second pass was done */
};

/* The nursery loads it, the children inherit it by fork: the one way to share the models' memory. */
static struct sphinx_engine preloaded;
static struct sphinx_words *preloaded_words, *preloaded_names;

int sphinx_child_preload(const void *config)
{
    const struct vg_sphinx_config *sphinx = config;
    const char *model_dir = sphinx ? sphinx->model_dir : NULL;
    int err = sphinx_engine_load(&preloaded, sphinx);
    if (!err)
        err = sphinx_words_load(&preloaded_words, &sphinx_arabic_words, model_dir);
    return err ? err : sphinx_words_load(&preloaded_names, &sphinx_language_names, model_dir);
}

static void copy_text(char out[SPHINX_TEXT_BYTES_MAX], const char *text)
{
    size_t n = strnlen(text, SPHINX_TEXT_BYTES_MAX - 1);
    memcpy(out, text, n);
    out[n] = '\0';
}

static void tell(struct sphinx_child *c, const struct sphinx_answer *answer, const char *text, int flags)
{
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof *answer},
                             {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = VG_COUNT_OF(parts)};
    /* A peer that is gone shows at the next read. */
    (void)!sendmsg(c->fd, &msg, MSG_NOSIGNAL | flags);
}

/* ----------------------------------------------------------------------------------------------- live pass
 */
static void send_interim(struct sphinx_child *c)
{
    bool may_be_name = c->names && c->samples < NAME_SAMPLES_MAX;
    const char *text = may_be_name ? "" : sphinx_live_text(c->engine).text;
    if (!*text || strcmp(text, c->interim) == 0)
        return;
    copy_text(c->interim, text);
    struct sphinx_answer answer = {.tell = SPHINX_INTERIM,
                                   .utterance = c->utterance,
                                   .cpu_us = vg_thread_cpu_us() - c->cpu_at_begin_us};
    tell(c, &answer, c->interim, MSG_DONTWAIT);
}

/* Counts speech by level alone: the adapter's turn detection has already said that this is a turn. */
static void count_speech(struct sphinx_child *c, const int16_t *frame)
{
    double power = 0;
    for (int i = 0; i < FRAME_SAMPLES; i++)
        power += (double)frame[i] * frame[i];
    if (power > c->loudest_power)
        c->loudest_power = power;
    c->speech_frames += power > c->loudest_power * SPEECH_POWER_RATIO;
}

/* After a second of speech the mean is known well enough: start over with it, from the beginning. */
static void prime_when_due(struct sphinx_child *c)
{
    if (c->engine->primed || !c->engine->second || c->speech_frames < PRIME_FRAMES)
        return;
    if (sphinx_live_prime(c->engine, c->pcm, c->samples)) {
        c->live_samples = 0;
        c->live_frames = 0;
    } else {
        c->speech_frames = 0; /* try again in a second */
    }
}

static bool live_is_behind(const struct sphinx_child *c)
{
    return !c->words && !c->live_lost && c->samples - c->live_samples >= FRAME_SAMPLES;
}

static void live_step(struct sphinx_child *c)
{
    size_t lag_samples = c->samples - c->live_samples;
    if (lag_samples > LIVE_LAG_SAMPLES && c->engine->second) {
        c->live_lost = true;
        return;
    }
    const int16_t *frame = c->pcm + c->live_samples;
    sphinx_live_feed(c->engine, frame, FRAME_SAMPLES);
    c->live_samples += FRAME_SAMPLES;
    if (!c->engine->primed)
        count_speech(c, frame);
    if (++c->live_frames % INTERIM_FRAMES == 0 && lag_samples < INTERIM_LAG_SAMPLES)
        send_interim(c);
    prime_when_due(c);
}

/* The live decoder's text, when there is no time left for better. Right after it started over it is shorter
 * than what it had before. */
static void take_live_text(struct sphinx_child *c)
{
    struct sphinx_hypothesis live = sphinx_live_text(c->engine);
    copy_text(c->text, live_is_behind(c) && strlen(live.text) < strlen(c->interim) ? c->interim : live.text);
    c->confidence = live.confidence;
}

/* --------------------------------------------------------------------------------------------- second pass
 */
/* True if something decodes whole utterances. */
static bool has_second(const struct sphinx_child *c)
{
    return c->words || c->names || c->engine->second;
}

static void second_begin(struct sphinx_child *c)
{
    if (!has_second(c))
        return;
    c->naming = c->names != NULL;
    if (c->words || c->naming)
        sphinx_words_begin(c->naming ? c->names : c->words, c->pcm, c->samples);
    else
        sphinx_second_begin(c->engine, c->pcm, c->samples);
    c->second = SECOND_RUNNING;
    c->second_samples = 0;
    c->second_end_samples = c->samples + TAIL_SAMPLES;
}

/* The pass begins early in a pause and takes in what comes while it works: a word's quiet end is often there.
 */
static size_t second_ready_samples(const struct sphinx_child *c)
{
    size_t end = c->samples < c->second_end_samples ? c->samples : c->second_end_samples;
    return end - c->second_samples;
}

static void words_step(struct sphinx_child *c)
{
    if (!sphinx_words_step(c->words))
        return;
    copy_text(c->text, sphinx_words_result(c->words, &c->confidence));
    c->second = SECOND_DONE;
}

/* What is no name of a language is English, as it is in a call where nothing is to be chosen. */
static void names_step(struct sphinx_child *c)
{
    if (!sphinx_words_step(c->names))
        return;
    c->naming = false;
    const char *name = sphinx_words_result(c->names, &c->confidence);
    copy_text(c->text, name);
    if (*name) {
        c->second = SECOND_DONE;
    } else if (c->engine->second) {
        sphinx_second_begin(c->engine, c->pcm, c->samples);
    } else {
        take_live_text(c);
        c->second = SECOND_DONE;
    }
}

static void second_step(struct sphinx_child *c)
{
    if (c->naming) {
        names_step(c);
        return;
    }
    if (c->words) {
        words_step(c);
        return;
    }
    size_t piece = second_ready_samples(c);
    if (piece > SECOND_STEP_SAMPLES)
        piece = SECOND_STEP_SAMPLES;
    if (piece)
        sphinx_second_feed(c->engine, c->pcm + c->second_samples, piece);
    c->second_samples += piece;
    bool more_comes = c->phase == PHASE_OPEN && c->second_samples < c->second_end_samples;
    if (second_ready_samples(c) || more_comes)
        return;
    struct sphinx_hypothesis result = sphinx_second_end(c->engine);
    copy_text(c->text, result.text);
    c->confidence = result.confidence;
    c->second = SECOND_DONE;
}

static void second_drop(struct sphinx_child *c)
{
    if (!c->words)
        sphinx_second_drop(c->engine);
    c->second = SECOND_NONE;
    c->naming = false;
}

/* --------------------------------------------------------------------------------------------------- final
 */
static void end_utterance(struct sphinx_child *c)
{
    second_drop(c);
    sphinx_live_end(c->engine);
    c->phase = PHASE_IDLE;
}

static void send_final(struct sphinx_child *c)
{
    struct sphinx_answer answer = {.tell = SPHINX_FINAL,
                                   .utterance = c->utterance,
                                   .confidence = c->confidence,
                                   .cpu_us = vg_thread_cpu_us() - c->cpu_at_begin_us,
                                   .second_pass = c->second == SECOND_DONE,
                                   .late = c->late && !*c->text};
    tell(c, &answer, c->text, 0);
    /* An utterance that came to nothing was perhaps none: its mean would spoil the next. */
    if (c->second != SECOND_NONE && *c->text && !c->words)
        sphinx_keep_mean(c->engine);
    end_utterance(c);
}

/* A client that sends faster than it speaks, or a starved machine, leaves the live decoder behind with
 * nothing to fall back on: then the second pass gets more time, or the caller's words would be lost. */
static bool is_late(const struct sphinx_child *c)
{
    bool nothing = !*c->interim && (c->words || c->live_lost || live_is_behind(c));
    return vg_mono_us() >= c->deadline_us + (nothing ? NOTHING_YET_US : 0);
}

static void final_step(struct sphinx_child *c)
{
    bool late = is_late(c);
    if (c->second == SECOND_DONE || c->samples == 0) {
        send_final(c);
    } else if (late) {
        c->late = true;
        if (!c->words)
            take_live_text(c);
        send_final(c);
    } else if (c->second == SECOND_RUNNING) {
        second_step(c);
    } else if (has_second(c)) {
        second_begin(c);
    } else if (live_is_behind(c)) {
        live_step(c);
    } else { /* naive */
        sphinx_live_end(c->engine);
        take_live_text(c);
        send_final(c);
    }
}

/* ------------------------------------------------------------------------------------------------ messages
 */
static void begin(struct sphinx_child *c, uint32_t utterance)
{
    if (c->phase != PHASE_IDLE)
        end_utterance(c);
    c->phase = PHASE_OPEN;
    c->utterance = utterance;
    c->cpu_at_begin_us = vg_thread_cpu_us();
    c->samples = c->live_samples = 0;
    c->live_frames = c->speech_frames = 0;
    c->loudest_power = 0;
    c->live_lost = c->paused = false;
    c->second = SECOND_NONE;
    c->interim[0] = c->text[0] = '\0';
    c->late = false;
    c->confidence = 0;
    if (!c->words)
        sphinx_live_begin(c->engine);
}

static void add_audio(struct sphinx_child *c, const void *payload, size_t bytes)
{
    size_t samples = bytes / sizeof *c->pcm;
    size_t room = UTTERANCE_SAMPLES_MAX - c->samples;
    if (samples > room)
        samples = room;
    memcpy(c->pcm + c->samples, payload, samples * sizeof *c->pcm);
    c->samples += samples;
}

static void add_vocabulary(struct sphinx_child *c, const char *words, size_t bytes)
{
    if (!c->engine->second)
        return;
    if (!c->vocabulary)
        c->vocabulary = sphinx_vocabulary_new(c->engine->second);
    if (bytes) {
        sphinx_vocabulary_add(c->vocabulary, words, bytes);
        return;
    }
    struct sphinx_answer answer = {.tell = SPHINX_VOCABULARY_LOADED};
    int64_t began_us = vg_thread_cpu_us();
    sphinx_vocabulary_load(c->vocabulary, &answer.words_known, &answer.words_skipped);
    c->vocabulary = sphinx_vocabulary_free(c->vocabulary);
    answer.cpu_us = vg_thread_cpu_us() - began_us;
    tell(c, &answer, "", MSG_DONTWAIT);
}

/* English is what a process starts with. */
static void set_language(struct sphinx_child *c, const char *payload, size_t bytes)
{
    char language[16] = "";
    if (bytes < sizeof language)
        memcpy(language, payload, bytes);
    c->words = sphinx_words_in(language) ? preloaded_words : NULL;
}

static void handle(struct sphinx_child *c, const struct sphinx_request *r, const void *payload, size_t bytes)
{
    bool ours = c->phase == PHASE_OPEN && r->utterance == c->utterance;
    if (r->ask == SPHINX_BEGIN) {
        begin(c, r->utterance);
    } else if (r->ask == SPHINX_VOCABULARY) {
        add_vocabulary(c, payload, bytes);
    } else if (r->ask == SPHINX_CHOOSING) {
        c->names = preloaded_names;
    } else if (r->ask == SPHINX_LANGUAGE) {
        set_language(c, payload, bytes);
    } else if (!ours) {
        return;
    } else if (r->ask == SPHINX_AUDIO) {
        add_audio(c, payload, bytes);
    } else if (r->ask == SPHINX_PAUSE) {
        c->paused = true;
        second_begin(c);
    } else if (r->ask == SPHINX_RESUME) {
        c->paused = false;
        second_drop(c);
    } else if (r->ask == SPHINX_FINISH) {
        c->phase = PHASE_FINISHING;
        c->deadline_us = r->deadline_us;
    } else if (r->ask == SPHINX_CANCEL) {
        end_utterance(c);
    }
}

/* What is asked after a finish waits in the socket until the final is out: the utterance that comes next
 * needs the buffer. False at the end of the call. */
static bool take_messages(struct sphinx_child *c, bool wait)
{
    struct pollfd p = {.fd = c->fd, .events = c->phase == PHASE_FINISHING ? 0 : POLLIN};
    if (poll(&p, 1, wait ? -1 : 0) <= 0)
        return true;
    if (p.revents & (POLLHUP | POLLERR))
        return false;
    struct {
        struct sphinx_request head;
        int16_t payload[SPHINX_AUDIO_SAMPLES_MAX];
    } packet;
    while (c->phase != PHASE_FINISHING) {
        ssize_t got = recv(c->fd, &packet, sizeof packet, MSG_DONTWAIT);
        if (got == 0)
            return false;
        if (got < (ssize_t)sizeof packet.head)
            break;
        handle(c, &packet.head, packet.payload, (size_t)got - sizeof packet.head);
    }
    return true;
}

static bool has_work(const struct sphinx_child *c)
{
    if (c->phase != PHASE_OPEN)
        return c->phase == PHASE_FINISHING;
    if (c->paused && c->second != SECOND_NONE)
        return c->second == SECOND_RUNNING && (c->words || c->naming || second_ready_samples(c));
    return live_is_behind(c);
}

static void work(struct sphinx_child *c)
{
    if (c->phase == PHASE_FINISHING)
        final_step(c);
    else if (c->second == SECOND_RUNNING)
        second_step(c);
    else
        live_step(c);
}

int sphinx_child_run(int fd, const void *config)
{
    (void)config;
    struct sphinx_child *c = calloc(1, sizeof *c);
    if (c)
        c->pcm = calloc(UTTERANCE_SAMPLES_MAX, sizeof *c->pcm);
    if (!c || !c->pcm)
        return 1;
    c->fd = fd;
    c->engine = &preloaded;
    while (take_messages(c, !has_work(c)))
        if (has_work(c))
            work(c);
    return 0; /* the process ends, and its memory with it */
}
