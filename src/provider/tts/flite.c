/* The 'flite' adapter: English by Flite's statistical voices, on the synthesis pool's threads. */
#include <stdlib.h>
#include <strings.h>

#include "provider/tts/flite_voice.h"
#include "provider/tts/list.h"
#include "provider/tts/speakable.h"
#include "provider/tts/synth_job.h"

static bool flite_speaks(const char *language)
{
    return strncasecmp(language, "en", 2) == 0 &&
           (language[2] == 0 || language[2] == '-' || language[2] == '_');
}

static int flite_audio(void *arg, const int16_t *pcm, size_t samples)
{
    return synth_job_emit(arg, pcm, samples);
}

static int flite_run(struct vg_tts *job, struct synth_worker *worker)
{
    return flite_say(worker->flite, flite_voice_index(job->voice), job->text, flite_audio, job);
}

static int flite_start(struct vg_tts **out, const struct vg_engine_env *env,
                       const struct vg_tts_request *request, const struct vg_tts_events *events, void *arg)
{
    const char *voice = request->voice ? request->voice : "rms";
    if (!flite_speaks(request->language))
        return VG_ENOTSUP;
    if (flite_voice_index(voice) < 0)
        return VG_EINVAL;
    uint32_t characters = 0;
    char *text = speakable_ascii(request->text, &characters);
    return synth_job_start(out, env, SYNTH_THREAD, flite_run, text, characters, voice, events, arg);
}

const struct vg_tts_ops vg_tts_flite = {
    .version = VG_PORT_VERSION,
    .name = "flite",
    .speaks = flite_speaks,
    .start = flite_start,
    .close = synth_job_close,
};
