/* The 'loopback' adapter: a tone of 60 ms for each word, for load and tests. No thread: a timer of the loop.
 */
#include <math.h>
#include <stdlib.h>

#include "audio/block.h"
#include "net/loop.h"
#include "provider/tts/list.h"
#include "provider/tts/speakable.h"

enum {
    TONE_SAMPLES_PER_WORD = VG_RATE_HZ * 60 / 1000,
    TONE_HZ = 500, /* 32 samples a period, 30 periods a word: words join without a click */
    TONE_PERIOD_SAMPLES = VG_RATE_HZ / TONE_HZ,
    TONE_AMPLITUDE = 8000,
};

struct vg_tts {
    struct vg_timer *timer;
    struct vg_tts_events events;
    void *arg;
    struct vg_tts_result result;
    uint32_t words;
    bool speaking; /* inside our own callbacks: close only marks */
    bool closed;
};

static bool loopback_speaks(const char *language)
{
    (void)language;
    return true;
}

static void loopback_free(struct vg_tts *tts)
{
    vg_timer_free(tts->timer);
    free(tts);
}

static void loopback_speak(void *arg)
{
    struct vg_tts *tts = arg;
    int16_t word[TONE_SAMPLES_PER_WORD];
    for (int i = 0; i < TONE_SAMPLES_PER_WORD; i++)
        word[i] = i < TONE_PERIOD_SAMPLES
                      ? (int16_t)lrint(TONE_AMPLITUDE * sin(2 * M_PI * i / TONE_PERIOD_SAMPLES))
                      : word[i - TONE_PERIOD_SAMPLES];
    tts->speaking = true;
    for (uint32_t i = 0; i < tts->words && !tts->closed; i++) {
        tts->result.samples += TONE_SAMPLES_PER_WORD;
        tts->events.audio(tts->arg, word, TONE_SAMPLES_PER_WORD);
    }
    if (!tts->closed)
        tts->events.done(tts->arg, &tts->result);
    tts->speaking = false;
    if (tts->closed)
        loopback_free(tts);
}

static uint32_t count_words(const char *text)
{
    uint32_t words = 0;
    for (const char *p = text; *p; p++)
        words += *p != ' ' && (p == text || p[-1] == ' ');
    return words;
}

static int loopback_start(struct vg_tts **out, const struct vg_engine_env *env,
                          const struct vg_tts_request *request, const struct vg_tts_events *events, void *arg)
{
    struct vg_tts *tts = calloc(1, sizeof *tts);
    if (!tts)
        return VG_ENOMEM;
    char *text = speakable_utf8(request->text, &tts->result.characters);
    tts->timer = vg_timer_new(env->loop, loopback_speak, tts);
    if (!text || !tts->timer) {
        free(text);
        loopback_free(tts);
        return VG_ENOMEM;
    }
    tts->words = tts->result.characters > 0 ? count_words(text) : 0;
    free(text);
    tts->events = *events;
    tts->arg = arg;
    vg_timer_start(tts->timer, 0, 0);
    *out = tts;
    return 0;
}

static void loopback_close(struct vg_tts *tts)
{
    if (!tts)
        return;
    tts->closed = true;
    if (!tts->speaking)
        loopback_free(tts);
}

const struct vg_tts_ops vg_tts_loopback = {
    .version = VG_PORT_VERSION,
    .name = "loopback",
    .speaks = loopback_speaks,
    .start = loopback_start,
    .close = loopback_close,
};
