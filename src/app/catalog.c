/* Engines by name, voices by preset; see catalog.h. */
#include "app/catalog.h"

#include <string.h>

#include "provider/llm/list.h"
#include "provider/stt/list.h"
#include "provider/tts/list.h"
#include "provider/tts/voices.h"

static const struct vg_tts_ops *find_tts(const char *engine, const char *voice_id, const char *language,
                                         const char **engine_voice)
{
    const struct vg_voice *preset = vg_voice_find(voice_id);
    if (!preset)
        return NULL;
    if (engine && *engine && strcmp(engine, "auto") != 0) {
        *engine_voice = strcmp(preset->engine, engine) == 0 ? preset->engine_voice : NULL;
        return vg_tts_find(engine);
    }
    if (!vg_voice_speaks(preset, language))
        preset = vg_voice_for_language(language);
    if (!preset)
        return NULL;
    *engine_voice = preset->engine_voice;
    return vg_tts_find(preset->engine);
}

static void voice_names(struct vg_buf *out)
{
    const struct vg_voice *voices;
    size_t n = vg_voice_list(&voices);
    for (size_t i = 0; i < n; i++)
        vg_buf_printf(out, "%s%s", i ? ", " : "", voices[i].id);
}

const struct vg_engine_catalog vg_catalog = {
    .stt = vg_stt_find, .llm = vg_llm_find, .tts = find_tts, .voice_names = voice_names};
