/* Flite's voices; see flite_voice.h. */
#include "provider/tts/flite_voice.h"

#include <stdlib.h>
#include <string.h>

#include <flite/flite.h>

#include "audio/block.h"

/* Flite declares neither in a header. `register_*` answers with the voice in the global if there is one, so
 * clearing the global makes it build another. */
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_slt(const char *voxdir);
extern cst_voice *cmu_us_rms_cg;
extern cst_voice *cmu_us_slt_cg;

static const struct {
    const char *name;
    cst_voice *(*make)(const char *voxdir);
    cst_voice **global;
} engine_voices[] = {
    {"rms", register_cmu_us_rms, &cmu_us_rms_cg},
    {"slt", register_cmu_us_slt, &cmu_us_slt_cg},
};

enum {
    FIRST_SAMPLES = VG_FRAME_SAMPLES,    /* the first piece is small: it is what the caller waits for */
    LATER_SAMPLES = 5 * VG_FRAME_SAMPLES /* later ones save wake-ups */
};

struct flite_voices {
    cst_voice *voice[VG_COUNT_OF(engine_voices)];
    cst_audio_streaming_info *stream[VG_COUNT_OF(engine_voices)]; /* owned by the voice's features */
    flite_audio_fn audio;
    void *arg;
    int err; /* why the callback stopped */
};

static int voices_audio(const cst_wave *wave, int start, int size, int last, cst_audio_streaming_info *stream)
{
    (void)last;
    struct flite_voices *v = stream->userdata;
    stream->min_buffsize = LATER_SAMPLES;
    if (size > 0 && !v->err)
        v->err = v->audio(v->arg, wave->samples + start, (size_t)size);
    return v->err ? CST_AUDIO_STREAM_STOP : CST_AUDIO_STREAM_CONT;
}

struct flite_voices *flite_voices_new(void)
{
    struct flite_voices *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    flite_init();
    for (size_t i = 0; i < VG_COUNT_OF(engine_voices); i++) {
        *engine_voices[i].global = NULL;
        v->voice[i] = engine_voices[i].make(NULL);
        *engine_voices[i].global = NULL;
        v->stream[i] = new_audio_streaming_info();
        v->stream[i]->asc = voices_audio;
        v->stream[i]->userdata = v;
        feat_set(v->voice[i]->features, "streaming_info", audio_streaming_info_val(v->stream[i]));
    }
    return v;
}

struct flite_voices *flite_voices_free(struct flite_voices *v)
{
    if (!v)
        return NULL;
    for (size_t i = 0; i < VG_COUNT_OF(engine_voices); i++)
        delete_voice(v->voice[i]);
    free(v);
    return NULL;
}

int flite_voice_index(const char *name)
{
    for (size_t i = 0; i < VG_COUNT_OF(engine_voices); i++)
        if (strcmp(engine_voices[i].name, name) == 0)
            return (int)i;
    return VG_ENOENT;
}

int flite_say(struct flite_voices *v, int voice, const char *text, flite_audio_fn audio, void *arg)
{
    v->audio = audio;
    v->arg = arg;
    v->err = 0;
    v->stream[voice]->min_buffsize = FIRST_SAMPLES;
    cst_utterance *u = flite_synth_text(text, v->voice[voice]);
    if (!u)
        return v->err ? v->err : VG_EIO;
    delete_utterance(u);
    return v->err;
}
