/* The 'flite' adapter: English by Flite's statistical voices, on the synthesis pool's threads. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "provider/tts/flite_voice.h"
#include "provider/tts/list.h"
#include "provider/tts/speakable.h"
#include "provider/tts/synth_job.h"

enum {
    PIECE_COST =
        320,        /* longer than a clause of a reply (300 bytes), so that this touches hostile text only */
    DIGIT_COST = 6, /* a digit may become a word */
};

static bool flite_speaks(const char *language)
{
    return strncasecmp(language, "en", 2) == 0 &&
           (language[2] == 0 || language[2] == '-' || language[2] == '_');
}

static int flite_audio(void *arg, const int16_t *pcm, size_t samples)
{
    return synth_job_emit(arg, pcm, samples);
}

/* Bytes of the next piece of `text`: about PIECE_COST, up to a sentence's or a clause's end if there is one
 * in its second half, else to a blank. Words are short (speakable.h), so there is one. */
static size_t piece_bytes(const char *text)
{
    size_t i = 0, blank = 0, mark = 0;
    for (unsigned cost = 0; text[i] && cost < PIECE_COST; i++) {
        cost += text[i] >= '0' && text[i] <= '9' ? DIGIT_COST : 1;
        if (text[i] == ' ' && i > 0) {
            blank = i;
            if (strchr(".,;:!?", text[i - 1]) && cost > PIECE_COST / 2)
                mark = i;
        }
    }
    return text[i] == 0 ? i : mark ? mark : blank ? blank : i;
}

/* Flite's time grows faster than its text, and it cannot be stopped before its first samples: so a long text
 * is spoken piece by piece. */
static int flite_run(struct vg_tts *job, struct synth_worker *worker)
{
    int voice = flite_voice_index(job->voice), err = 0;
    char piece[PIECE_COST + 1];
    for (const char *p = job->text; *p && !err;) {
        size_t n = piece_bytes(p);
        memcpy(piece, p, n);
        piece[n] = 0;
        err = flite_say(worker->flite, voice, piece, flite_audio, job);
        p += n;
        p += strspn(p, " ");
    }
    return err;
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
