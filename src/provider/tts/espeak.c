/* The 'espeak' adapter: Arabic and many other languages by the espeak-ng program, one process a clause on the
 * process lane of the synthesis pool (start-up is a few milliseconds). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "provider/tts/espeak_process.h"
#include "provider/tts/list.h"
#include "provider/tts/speakable.h"
#include "provider/tts/synth_job.h"

enum { ESPEAK_VOICE_MAX = 48 };

/* Languages by ISO 639 code, and the espeak-ng voice where that is not the code itself.
 * Source: espeak-ng --voices of 1.51. */
static const struct {
    const char *language;
    const char *voice;
} languages[] = {
    {"af", NULL}, {"am", NULL}, {"ar", NULL}, {"az", NULL},  {"bg", NULL}, {"bn", NULL},    {"bs", NULL},
    {"ca", NULL}, {"cs", NULL}, {"cy", NULL}, {"da", NULL},  {"de", NULL}, {"el", NULL},    {"en", "en-us"},
    {"es", NULL}, {"et", NULL}, {"eu", NULL}, {"fa", NULL},  {"fi", NULL}, {"fr", "fr-fr"}, {"ga", NULL},
    {"gu", NULL}, {"he", NULL}, {"hi", NULL}, {"hr", NULL},  {"hu", NULL}, {"hy", NULL},    {"id", NULL},
    {"is", NULL}, {"it", NULL}, {"ka", NULL}, {"kk", NULL},  {"kn", NULL}, {"ko", NULL},    {"ku", NULL},
    {"lt", NULL}, {"lv", NULL}, {"mk", NULL}, {"ml", NULL},  {"mr", NULL}, {"ms", NULL},    {"mt", NULL},
    {"nb", NULL}, {"ne", NULL}, {"nl", NULL}, {"no", "nb"},  {"pa", NULL}, {"pl", NULL},    {"pt", "pt-br"},
    {"ro", NULL}, {"ru", NULL}, {"sd", NULL}, {"si", NULL},  {"sk", NULL}, {"sl", NULL},    {"sq", NULL},
    {"sr", NULL}, {"sv", NULL}, {"sw", NULL}, {"ta", NULL},  {"te", NULL}, {"tr", NULL},    {"uk", NULL},
    {"ur", NULL}, {"uz", NULL}, {"vi", NULL}, {"zh", "cmn"},
};

/* The default voice of a language tag ("pt", "pt-BR"), NULL if espeak-ng does not speak it. */
static const char *espeak_default_voice(const char *language)
{
    size_t n = strcspn(language, "-_");
    for (size_t i = 0; i < VG_COUNT_OF(languages); i++)
        if (strlen(languages[i].language) == n && strncasecmp(languages[i].language, language, n) == 0)
            return languages[i].voice ? languages[i].voice : languages[i].language;
    return NULL;
}

static bool espeak_speaks(const char *language)
{
    return espeak_default_voice(language) != NULL;
}

/* A voice is a language tag and maybe a variant ("ar+f2"): nothing that could be a path or an option. */
static bool espeak_voice_valid(const char *voice)
{
    size_t n = strlen(voice);
    if (n < 2 || n > ESPEAK_VOICE_MAX || !islower((unsigned char)voice[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)voice[i]) && voice[i] != '-' && voice[i] != '+')
            return false;
    return true;
}

static int espeak_audio(void *arg, const int16_t *pcm, size_t samples)
{
    return synth_job_emit(arg, pcm, samples);
}

static bool espeak_cancelled(void *arg)
{
    struct vg_tts *job = arg;
    return synth_job_cancelled(job) || synth_pool_stopping(job->pool);
}

static int espeak_job(struct vg_tts *job, struct synth_worker *worker)
{
    struct espeak_run run = {
        .program = worker->config->espeak_program,
        .voice = job->voice,
        .text = job->text,
        .timeout_us = worker->config->process_timeout_us,
        .audio = espeak_audio,
        .cancelled = espeak_cancelled,
        .arg = job,
    };
    int err = espeak_run(&run);
    job->total.engine_cpu_us += run.cpu_us;
    return err;
}

static int espeak_start(struct vg_tts **out, const struct vg_engine_env *env,
                        const struct vg_tts_request *request, const struct vg_tts_events *events, void *arg)
{
    const char *voice = espeak_default_voice(request->language);
    if (!voice)
        return VG_ENOTSUP;
    if (request->voice)
        voice = request->voice;
    if (!espeak_voice_valid(voice))
        return VG_EINVAL;
    uint32_t characters = 0;
    char *text = speakable_utf8(request->text, &characters);
    return synth_job_start(out, env, SYNTH_PROCESS, espeak_job, text, characters, voice, events, arg);
}

const struct vg_tts_ops vg_tts_espeak = {
    .version = VG_PORT_VERSION,
    .name = "espeak",
    .speaks = espeak_speaks,
    .start = espeak_start,
    .close = synth_job_close,
};
