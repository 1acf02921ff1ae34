/* The PocketSphinx adapter: an engine process a call, replaced when it dies or hangs.
 *
 * The process does the work (sphinx_child.c); this side names utterances, keeps their times, and answers for
 * each finish: a final, or a failure if the process died, hung, or was not there. Loop thread only. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "provider/stt/adapters.h"
#include "provider/stt/sphinx_child.h"
#include "provider/stt/sphinx_link.h"
#include "provider/stt/sphinx_words.h"

enum {
    AWAITING_MAX = 8, /* finals that may be outstanding at once */
    CALL_ID_SIZE = 64,
    LANGUAGE_SIZE = 16,
    CAP_DEFAULT_MS = 500,
    HANG_US = 1500 * VG_US_PER_MS, /* a final later than its cap by this much: the process hangs */
};

struct utterance {
    uint32_t number;
    int64_t start_samples, end_samples;
    int64_t hung_us; /* when the final is given up */
};

struct vg_stt {
    struct vg_engine_env env;
    struct vg_stt_events events;
    void *arg;
    char call_id[CALL_ID_SIZE];
    char language[LANGUAGE_SIZE];
    bool choosing;
    int64_t cap_us;
    struct vg_buf vocabulary; /* words, each ended by a newline */

    struct sphinx_link *link;
    struct vg_timer *timer; /* the first awaited final's end of patience, or now if `broken` */
    int broken;             /* a send found the link useless for this reason; reported by the timer */
    bool worked;            /* the present process was given an utterance */
    bool has_open;
    struct utterance open;
    struct utterance awaiting[AWAITING_MAX]; /* oldest first */
    size_t awaiting_count;

    unsigned depth; /* callbacks that run now; closing within one is finished when the last returns */
    bool closed;
};

/* -------------------------------------------------------------------------------------------------- ending
 */
static void destroy(struct vg_stt *s)
{
    sphinx_link_free(s->link);
    vg_timer_free(s->timer);
    vg_buf_free(&s->vocabulary);
    free(s);
}

/* Brackets every path that may call the core. */
static void enter(struct vg_stt *s)
{
    s->depth++;
}

static void leave(struct vg_stt *s)
{
    if (--s->depth == 0 && s->closed)
        destroy(s);
}

static void stt_close(struct vg_stt *s)
{
    if (!s)
        return;
    s->closed = true;
    sphinx_link_stop(s->link);
    vg_timer_stop(s->timer);
    if (s->depth == 0)
        destroy(s);
}

static bool hears(const char *language)
{
    return language && strncasecmp(language, "en", 2) == 0 &&
           (language[2] == '\0' || language[2] == '-' || language[2] == '_');
}

/* ------------------------------------------------------------------------------------------------- process
 */
static int send(struct vg_stt *s, enum sphinx_ask ask, uint32_t utterance, const void *payload, size_t bytes)
{
    struct sphinx_request request = {.ask = ask, .utterance = utterance};
    return sphinx_link_send(s->link, &request, payload, bytes);
}

/* Whole words, as many as fit into a packet, then the empty packet that means "load". */
static int send_vocabulary(struct vg_stt *s)
{
    const char *text = vg_buf_str(&s->vocabulary);
    size_t left = s->vocabulary.len;
    if (!left)
        return 0;
    while (left) {
        size_t piece = left < SPHINX_TEXT_BYTES_MAX ? left : SPHINX_TEXT_BYTES_MAX;
        while (piece && text[piece - 1] != '\n')
            piece--;
        int err = send(s, SPHINX_VOCABULARY, 0, text, piece);
        if (err)
            return err;
        text += piece;
        left -= piece;
    }
    return send(s, SPHINX_VOCABULARY, 0, NULL, 0);
}

static int start_process(struct vg_stt *s)
{
    s->worked = false;
    int err = sphinx_link_start(s->link);
    if (!err)
        err = send(s, SPHINX_LANGUAGE, 0, s->language, strlen(s->language));
    if (!err && s->choosing)
        err = send(s, SPHINX_CHOOSING, 0, NULL, 0);
    if (!err && hears(s->language)) /* the words of other languages are not the tenant's to choose */
        err = send_vocabulary(s);
    if (err) {
        vg_log_warn("stt.no_process", "call_id=%s error=%s", s->call_id, vg_strerror(err));
        sphinx_link_stop(s->link);
        return err == VG_ENOMEM || err == VG_ECAPACITY ? err : VG_EUNAVAIL;
    }
    return 0;
}

/* The process is lost: all its utterances are. A new one is started at once, so that the next utterance finds
 * it ready, unless this one never worked: then the next begin tries again, which keeps a broken installation
 * from forking in a circle. */
static void replace_process(struct vg_stt *s, int err)
{
    struct utterance lost[AWAITING_MAX + 1];
    size_t count = s->awaiting_count;
    memcpy(lost, s->awaiting, count * sizeof *lost);
    if (s->has_open)
        lost[count++] = s->open;
    s->awaiting_count = 0;
    s->has_open = false;
    s->broken = 0;
    vg_timer_stop(s->timer);
    sphinx_link_stop(s->link);
    vg_log_warn("stt.process_lost", "call_id=%s error=%s utterances=%d", s->call_id, vg_strerror(err),
                (int)count);
    if (s->worked)
        (void)!start_process(s);
    for (size_t i = 0; i < count && !s->closed; i++)
        s->events.failed(s->arg, lost[i].number, err);
}

static void arm_timer(struct vg_stt *s)
{
    if (s->broken)
        vg_timer_start(s->timer, 0, 0);
    else if (s->awaiting_count)
        vg_timer_start(s->timer, s->awaiting[0].hung_us - vg_loop_now_us(s->env.loop), 0);
    else
        vg_timer_stop(s->timer);
}

static void on_timer(void *arg)
{
    struct vg_stt *s = arg;
    enter(s);
    if (s->broken)
        replace_process(s, s->broken);
    else if (s->awaiting_count && s->awaiting[0].hung_us <= vg_loop_now_us(s->env.loop))
        replace_process(s, VG_ETIMEOUT);
    else
        arm_timer(s);
    leave(s);
}

static void on_broken(void *arg, int err)
{
    struct vg_stt *s = arg;
    enter(s);
    replace_process(s, err == VG_ECLOSED ? VG_ECLOSED : VG_EUNAVAIL);
    leave(s);
}

/* As send(); a failure is reported by the timer, because callbacks never come from inside a call. */
static void send_or_break(struct vg_stt *s, const struct sphinx_request *request, const void *payload,
                          size_t bytes)
{
    int err = s->broken ? 0 : sphinx_link_send(s->link, request, payload, bytes);
    if (!err)
        return;
    s->broken = err == VG_EFULL ? VG_ETIMEOUT : VG_ECLOSED;
    arm_timer(s);
}

static void command(struct vg_stt *s, enum sphinx_ask ask)
{
    struct sphinx_request request = {.ask = ask, .utterance = s->open.number};
    send_or_break(s, &request, NULL, 0);
}

/* ------------------------------------------------------------------------------------------------- answers
 */
static void got_interim(struct vg_stt *s, struct vg_stt_result *result)
{
    if (!s->has_open || s->open.number != result->utterance)
        return;
    result->start_samples = s->open.start_samples;
    if (s->events.interim)
        s->events.interim(s->arg, result);
}

static void got_final(struct vg_stt *s, struct vg_stt_result *result, bool late)
{
    /* In order, so that it is the oldest; one whose final nobody wants any more is not there. */
    if (!s->awaiting_count || s->awaiting[0].number != result->utterance)
        return;
    result->start_samples = s->awaiting[0].start_samples;
    result->end_samples = s->awaiting[0].end_samples;
    s->awaiting_count--;
    memmove(s->awaiting, s->awaiting + 1, s->awaiting_count * sizeof *s->awaiting);
    arm_timer(s);
    if (late)
        s->events.failed(s->arg, result->utterance, VG_ETIMEOUT);
    else
        s->events.final(s->arg, result);
}

static void on_answer(void *arg, const struct sphinx_answer *answer, const char *text, size_t len)
{
    struct vg_stt *s = arg;
    char copy[SPHINX_TEXT_BYTES_MAX + 1];
    memcpy(copy, text, len);
    copy[len] = '\0';
    struct vg_stt_result result = {.utterance = answer->utterance,
                                   .text = copy,
                                   .confidence = answer->confidence,
                                   .engine_cpu_us = answer->cpu_us};
    enter(s);
    if (answer->tell == SPHINX_INTERIM)
        got_interim(s, &result);
    else if (answer->tell == SPHINX_FINAL)
        got_final(s, &result, answer->late != 0);
    else if (answer->tell == SPHINX_VOCABULARY_LOADED)
        vg_log_info("stt.vocabulary", "call_id=%s known=%u skipped=%u cpu_ms=%d", s->call_id,
                    answer->words_known, answer->words_skipped, (int)(answer->cpu_us / VG_US_PER_MS));
    leave(s);
}

/* ---------------------------------------------------------------------------------------------------- port
 */
static void add_words(struct vg_buf *b, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        if (!len || len >= SPHINX_TEXT_BYTES_MAX || strchr(words[i], '\n'))
            continue;
        vg_buf_add(b, words[i], len);
        vg_buf_putc(b, '\n');
    }
}

static int stt_open(struct vg_stt **out, const struct vg_engine_env *env, const struct vg_stt_params *params,
                    const struct vg_stt_events *events, void *arg)
{
    if (!hears(params->language) && !sphinx_words_in(params->language))
        return VG_ENOTSUP;
    if (!env->nursery)
        return VG_EUNAVAIL;
    struct vg_stt *s = calloc(1, sizeof *s);
    if (!s)
        return VG_ENOMEM;
    s->env = *env;
    s->events = *events;
    s->arg = arg;
    s->cap_us = (int64_t)(params->final_cap_ms ? params->final_cap_ms : CAP_DEFAULT_MS) * VG_US_PER_MS;
    strncpy(s->call_id, params->call_id ? params->call_id : "", sizeof s->call_id - 1);
    strncpy(s->language, params->language, sizeof s->language - 1);
    s->choosing = params->choosing_language && hears(params->language);
    add_words(&s->vocabulary, params->vocabulary, params->vocabulary_count);
    s->timer = vg_timer_new(env->loop, on_timer, s);
    s->link = sphinx_link_new(&s->env, on_answer, on_broken, s);
    int err = s->timer && s->link && !s->vocabulary.failed ? start_process(s) : VG_ENOMEM;
    if (err) {
        destroy(s);
        return err;
    }
    *out = s;
    return 0;
}

static int stt_begin(struct vg_stt *s, uint32_t utterance, int64_t start_samples)
{
    if (s->has_open)
        return VG_ESTATE;
    if (!s->broken && !sphinx_link_started(s->link)) {
        int err = start_process(s);
        if (err)
            return err;
    }
    s->has_open = true;
    s->worked = true;
    s->open = (struct utterance){.number = utterance, .start_samples = start_samples};
    command(s, SPHINX_BEGIN);
    return 0;
}

static int stt_audio(struct vg_stt *s, const int16_t *pcm, size_t samples)
{
    if (!s->has_open)
        return VG_ESTATE;
    struct sphinx_request request = {.ask = SPHINX_AUDIO, .utterance = s->open.number};
    while (samples) {
        size_t piece = samples < SPHINX_AUDIO_SAMPLES_MAX ? samples : SPHINX_AUDIO_SAMPLES_MAX;
        send_or_break(s, &request, pcm, piece * sizeof *pcm);
        pcm += piece;
        samples -= piece;
    }
    return 0;
}

static void stt_pause(struct vg_stt *s)
{
    if (s->has_open)
        command(s, SPHINX_PAUSE);
}

static void stt_resume(struct vg_stt *s)
{
    if (s->has_open)
        command(s, SPHINX_RESUME);
}

static int stt_finish(struct vg_stt *s, int64_t end_samples)
{
    if (!s->has_open)
        return VG_ESTATE;
    if (s->awaiting_count == AWAITING_MAX)
        return VG_EFULL;
    int64_t due_us = vg_mono_us() + s->cap_us;
    s->open.end_samples = end_samples;
    s->open.hung_us = due_us + HANG_US;
    s->has_open = false;
    s->awaiting[s->awaiting_count++] = s->open;
    struct sphinx_request request = {.ask = SPHINX_FINISH,
                                     .utterance = s->open.number,
                                     .deadline_us = due_us};
    send_or_break(s, &request, NULL, 0);
    arm_timer(s);
    return 0;
}

static void stt_cancel(struct vg_stt *s)
{
    if (!s->has_open)
        return;
    command(s, SPHINX_CANCEL);
    s->has_open = false;
}

const struct vg_stt_ops vg_stt_pocketsphinx = {
    .version = VG_PORT_VERSION,
    .name = "pocketsphinx",
    .hears = hears,
    .takes_words = sphinx_words_in,
    .open = stt_open,
    .begin = stt_begin,
    .audio = stt_audio,
    .pause = stt_pause,
    .resume = stt_resume,
    .finish = stt_finish,
    .cancel = stt_cancel,
    .close = stt_close,
};

const struct vg_nursery_program vg_stt_pocketsphinx_program = {
    .name = "pocketsphinx",
    .preload = sphinx_child_preload,
    .run = sphinx_child_run,
};
