/* The few sentences that the core says by itself, in English and fully diacritised Arabic (the synthesiser
 * does not guess short vowels). */
#include <string.h>

#include "call/call_internal.h"

static bool is_arabic(const char *language)
{
    return strncmp(language, "ar", 2) == 0;
}

const char *reply_apology(const char *language)
{
    return is_arabic(language) ? "عَفْوًا، حَدَثَتْ مُشْكِلَةٌ. هَلْ يُمْكِنُكَ أَنْ تُعِيدَ مَا قُلْتَ؟"
                               : "Sorry, something went wrong. Could you say that again?";
}

const char *reply_choose_language(void)
{
    return "Hello. For English, say English or press one. "
           "لِلْعَرَبِيَّةِ، قُلْ عَرَبِيّ، أَوِ اضْغَطِ اثْنَيْنِ.";
}

static bool takes_words(const struct vg_call *c)
{
    const struct vg_stt_ops *stt = c->spec->stt;
    return stt && stt->takes_words && stt->takes_words(c->language);
}

const char *reply_no_open_speech(const struct vg_call *c)
{
    if (is_arabic(c->language) && takes_words(c))
        return "مَرْحَبًا بِكَ. لَا أَفْهَمُ الكَلَامَ الحُرَّ بِالعَرَبِيَّةِ بَعْدُ. "
               "قُلْ كَلِمَةً وَاحِدَةً: رَقْمًا مِنْ صِفْرٍ إِلَى تِسْعَةٍ، أَوْ نَعَمْ، أَوْ لَا. "
               "وَيُمْكِنُكَ أَنْ تَكْتُبَ رِسَالَتَكَ أَوْ تَسْتَخْدِمَ الأَزْرَارَ.";
    if (is_arabic(c->language))
        return "مَرْحَبًا بِكَ. لَا أَفْهَمُ الكَلَامَ الحُرَّ بِالعَرَبِيَّةِ بَعْدُ. اُكْتُبْ رِسَالَتَكَ أَوِ اسْتَخْدِمِ الأَزْرَارَ.";
    return "Hello. I cannot understand speech in this call. Please type, or use the keys.";
}

const char *reply_please_hold(const char *language)
{
    return is_arabic(language) ? "سَأُوصِلُكَ بِمُوَظَّفٍ. اِنْتَظِرْ مِنْ فَضْلِكَ."
                               : "I am connecting you with a person. Please hold.";
}

const char *reply_nobody_free(const char *language)
{
    return is_arabic(language) ? "عَفْوًا، لَا يُوجَدُ مُوَظَّفٌ الآنَ. كَيْفَ أُسَاعِدُكَ؟"
                               : "Sorry, nobody is free right now. How else can I help you?";
}
