/* The voice presets. */
#include "provider/tts/voices.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"

#define FORMANT "formant synthesis (espeak-ng): clear, robotic"

/* The first preset of a language is its default. */
static const struct vg_voice presets[] = {
    {"arabic_gulf_male", "ar", "espeak", "ar+m3", "male",
     "Modern Standard Arabic, deep male; no Gulf dialect; " FORMANT ", short vowels only where written"},
    {"arabic_male", "ar", "espeak", "ar", "male",
     "Modern Standard Arabic, male; " FORMANT ", short vowels only where written"},
    {"arabic_female", "ar", "espeak", "ar+f2", "female",
     "Modern Standard Arabic, female; " FORMANT ", short vowels only where written"},
    {"english_us_male", "en-US", "flite", "rms", "male", "American English; statistical voice (Flite)"},
    {"english_us_female", "en-US", "flite", "slt", "female", "American English; statistical voice (Flite)"},
    {"english_uk_male", "en-GB", "espeak", "en-gb", "male", "British English; " FORMANT},
    {"english_uk_female", "en-GB", "espeak", "en-gb+f2", "female", "British English; " FORMANT},
    {"french_male", "fr", "espeak", "fr-fr", "male", "French; " FORMANT},
    {"french_female", "fr", "espeak", "fr-fr+f2", "female", "French; " FORMANT},
    {"spanish_male", "es", "espeak", "es", "male", "Spanish of Spain; " FORMANT},
    {"spanish_female", "es", "espeak", "es+f2", "female", "Spanish of Spain; " FORMANT},
    {"spanish_latam_male", "es-419", "espeak", "es-419", "male", "Latin American Spanish; " FORMANT},
    {"german_male", "de", "espeak", "de", "male", "German; " FORMANT},
    {"german_female", "de", "espeak", "de+f2", "female", "German; " FORMANT},
    {"italian_male", "it", "espeak", "it", "male", "Italian; " FORMANT},
    {"portuguese_br_male", "pt-BR", "espeak", "pt-br", "male", "Brazilian Portuguese; " FORMANT},
    {"portuguese_male", "pt-PT", "espeak", "pt", "male", "European Portuguese; " FORMANT},
    {"dutch_male", "nl", "espeak", "nl", "male", "Dutch; " FORMANT},
    {"turkish_male", "tr", "espeak", "tr", "male", "Turkish; " FORMANT},
    {"russian_male", "ru", "espeak", "ru", "male", "Russian; " FORMANT},
    {"hindi_male", "hi", "espeak", "hi", "male", "Hindi; " FORMANT},
    {"hindi_female", "hi", "espeak", "hi+f2", "female", "Hindi; " FORMANT},
    {"urdu_male", "ur", "espeak", "ur", "male", "Urdu; " FORMANT},
    {"urdu_female", "ur", "espeak", "ur+f2", "female", "Urdu; " FORMANT},
    {"bengali_male", "bn", "espeak", "bn", "male", "Bengali; " FORMANT},
    {"persian_male", "fa", "espeak", "fa", "male", "Persian; " FORMANT},
    {"mandarin_male", "zh", "espeak", "cmn", "male", "Mandarin Chinese; " FORMANT},
    {"loopback_tone", "*", "loopback", "tone", "neutral", "A tone of 60 ms a word, for tests"},
};

static bool same_language(const char *a, const char *b)
{
    size_t n = strcspn(a, "-_");
    return n == strcspn(b, "-_") && strncasecmp(a, b, n) == 0;
}

const struct vg_voice *vg_voice_find(const char *id)
{
    for (size_t i = 0; i < VG_COUNT_OF(presets); i++)
        if (strcmp(presets[i].id, id) == 0)
            return &presets[i];
    return NULL;
}

const struct vg_voice *vg_voice_for_language(const char *language)
{
    for (size_t i = 0; i < VG_COUNT_OF(presets); i++)
        if (strcasecmp(presets[i].language, language) == 0)
            return &presets[i];
    for (size_t i = 0; i < VG_COUNT_OF(presets); i++)
        if (same_language(presets[i].language, language))
            return &presets[i];
    return NULL;
}

bool vg_voice_speaks(const struct vg_voice *voice, const char *language)
{
    return voice->language[0] == '*' || same_language(voice->language, language);
}

size_t vg_voice_list(const struct vg_voice **out)
{
    *out = presets;
    return VG_COUNT_OF(presets);
}
