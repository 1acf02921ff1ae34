/* Engines by name, voices by preset; see catalog.h. */
#include "app/catalog.h"

#include <string.h>

#include "app/app.h"
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

/* --- engines that settings name ---------------------------------------------------------------------------
 */

static void stt_names(struct vg_buf *out)
{
    for (size_t i = 0; i < vg_stt_list_count; i++)
        vg_buf_printf(out, "%s%s", i ? ", " : "", vg_stt_list[i].ops->name);
}

static void llm_names(struct vg_buf *out)
{
    const struct vg_llm_ops *const *all;
    size_t n = vg_llm_list(&all);
    for (size_t i = 0; i < n; i++)
        vg_buf_printf(out, "%s%s", i ? ", " : "", all[i]->name);
}

static void tts_names(struct vg_buf *out)
{
    const struct vg_tts_ops *const *all;
    size_t n = vg_tts_list(&all);
    vg_buf_puts(out, "auto");
    for (size_t i = 0; i < n; i++)
        vg_buf_printf(out, ", %s", all[i]->name);
}

static void tell_unknown(struct vg_buf *problems, const char *setting, const char *what,
                         void (*names)(struct vg_buf *out))
{
    vg_buf_printf(problems, "%s names no %s of this build; choose one of ", setting, what);
    names(problems);
    vg_buf_putc(problems, '\n');
}

void vg_app_check_settings(const struct vg_config *config, struct vg_buf *problems)
{
    const char *stt = config->stt_engine, *llm = config->llm_engine, *tts = config->tts_engine;
    if (stt && !vg_stt_find(stt))
        tell_unknown(problems, "VOXGATE_STT", "speech recogniser", stt_names);
    if (llm && !vg_llm_find(llm))
        tell_unknown(problems, "VOXGATE_LLM", "answer engine", llm_names);
    if (tts && *tts && strcmp(tts, "auto") != 0 && !vg_tts_find(tts))
        tell_unknown(problems, "VOXGATE_TTS", "synthesiser", tts_names);
}
