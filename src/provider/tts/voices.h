/* Voice presets: the names that `voice_id` takes and GET /v1/voices lists. Any thread. */
#ifndef VG_PROVIDER_TTS_VOICES_H
#define VG_PROVIDER_TTS_VOICES_H

#include <stdbool.h>
#include <stddef.h>

#define VG_VOICE_DEFAULT "arabic_gulf_male" /* of /call/start, when no voice is named */

struct vg_voice {
    const char *id;
    const char *language;     /* ISO 639, with a region where it matters: "ar", "en-GB"; "*": any */
    const char *engine;       /* the TTS adapter's name */
    const char *engine_voice; /* vg_tts_request.voice */
    const char *gender;       /* "male", "female", "neutral" */
    const char *description;  /* says plainly what the engine can and cannot do */
};

/* NULL if unknown. */
const struct vg_voice *vg_voice_find(const char *id);
/* The preset for a language tag: an exact match, else the first of the same language, else NULL. */
const struct vg_voice *vg_voice_for_language(const char *language);
/* True if the preset speaks this language tag ("en" and "en-GB" fit each other). */
bool vg_voice_speaks(const struct vg_voice *voice, const char *language);
/* All presets, the first of each language being its default; returns their number. */
size_t vg_voice_list(const struct vg_voice **out);

#endif
