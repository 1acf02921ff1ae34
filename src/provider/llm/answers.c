/* The stored prompts. */
#include "provider/llm/answers.h"

#include <string.h>

#include "provider/llm/plain.h"

static const struct {
    const char *english;
    const char *arabic;
} answers[ANSWER_COUNT] = {
    [ANSWER_NONE] = {"", ""},
    [ANSWER_GREETING] = {"Hello. How can I help you?", "مَرْحَبًا بِكَ. كَيْفَ يُمْكِنُنِي مُسَاعَدَتُكَ؟"},
    [ANSWER_GOODBYE] = {"Thank you for calling. Goodbye.", "شُكْرًا لِاتِّصَالِكَ. مَعَ السَّلَامَةِ."},
    [ANSWER_THANKS] = {"You are welcome. Is there anything else?", "عَلَى الرُّحْبِ وَالسَّعَةِ. هَلْ تُرِيدُ شَيْئًا آخَرَ؟"},
    [ANSWER_HELP] = {"I am an automated assistant. I answer questions that I have a stored answer for, "
                     "or I connect you with a person. What is your question?",
                     "أَنَا مُسَاعِدٌ آلِيٌّ. أُجِيبُ عَنِ الْأَسْئِلَةِ الَّتِي لَدَيَّ جَوَابٌ مُسَجَّلٌ لَهَا، "
                     "أَوْ أُوصِلُكَ بِمُوَظَّفٍ. مَا سُؤَالُكَ؟"},
    [ANSWER_HANDOFF] = {"I will connect you with a person. One moment, please.",
                        "سَأُوصِلُكَ الْآنَ بِأَحَدِ الْمُوَظَّفِينَ. لَحْظَةً مِنْ فَضْلِكَ."},
    [ANSWER_GO_ON] = {"Please go on. What is your question?", "تَفَضَّلْ، مَا سُؤَالُكَ؟"},
    [ANSWER_ALL_RIGHT] = {"All right. What else can I do for you?", "حَسَنًا. بِمَاذَا أُسَاعِدُكَ أَيْضًا؟"},
    [ANSWER_NOT_FOUND] = {"I did not find that, shall I connect you?",
                          "لَمْ أَجِدْ جَوَابًا عَنْ ذَلِكَ. هَلْ أُوصِلُكَ بِمُوَظَّفٍ؟"},
    [ANSWER_UNAVAILABLE] = {"I cannot look that up at the moment. Shall I connect you?",
                            "لَا أَسْتَطِيعُ الْبَحْثَ عَنْ ذَلِكَ الْآنَ. هَلْ أُوصِلُكَ بِمُوَظَّفٍ؟"},
    [ANSWER_UNCLEAR] = {"Sorry, I did not catch that.", "عَفْوًا، لَمْ أَسْمَعْ ذَلِكَ جَيِّدًا."},
    [ANSWER_NOT_YET] = {"I have not said anything yet. How can I help you?",
                        "لَمْ أَقُلْ شَيْئًا بَعْدُ. كَيْفَ يُمْكِنُنِي مُسَاعَدَتُكَ؟"},
};

const char *answer_text(enum answer answer, bool arabic)
{
    return arabic ? answers[answer].arabic : answers[answer].english;
}

/* True if `words` (plain, blank between) stand in the text. */
static bool says(const struct plain *p, const char *words)
{
    for (unsigned i = 0; i < p->count; i++) {
        const char *w = words;
        for (unsigned k = i; k < p->count; k++) {
            size_t n = strcspn(w, " ");
            if (strlen(plain_word(p, k)) != n || strncmp(plain_word(p, k), w, n) != 0)
                break;
            if (w[n] == 0)
                return true;
            w += n + 1;
        }
    }
    return false;
}

bool answer_is_offer(const char *assistant)
{
    struct plain p;
    plain_from(&p, assistant);
    return says(&p, "shall i connect you") || says(&p, "هل اوصلك");
}

bool answer_asks_for_more(const char *assistant)
{
    struct plain p;
    plain_from(&p, assistant);
    return says(&p, "anything else") || says(&p, "شييا اخر");
}
