/* The rules of intents.h. */
#include "provider/llm/intents.h"

#include <string.h>

enum { GAP_WORDS_MAX = 3 };

struct intent_rule {
    const char *intent;
    unsigned slack;
    /* Alternatives between '|', plain words between blanks; '*' is a gap of at most GAP_WORDS_MAX words,
     * "@reach" and "@person" are the word classes below. */
    const char *phrases;
};

static const char class_reach[] = "speak|talk|connect|transfer|get|give|want|need|reach|see|"
                                  "اتحدث|التحدث|احدث|اتكلم|اكلم|وصلني|اوصلني|حولني|حولوني|"
                                  "اريد|ابغي|ابي|احتاج|بدي|عايز";
static const char class_person[] =
    "agent|human|person|someone|somebody|representative|operator|manager|supervisor|"
    "موظف|الموظف|شخص|انسان|مدير|المدير|مشرف|مندوب|وكيل|العملاء";

/* Words that carry no wish of their own. */
static const char fillers[] =
    "um|uh|er|ah|oh|well|so|please|there|hey|ok|okay|i|id|im|me|you|to|a|an|the|just|now|"
    "then|can|could|would|like|want|need|very|much|is|it|with|and|sir|madam|dear|really|"
    "يا|من|فضلك|لو|سمحت|طيب|اريد|ان|و|لك|جزيلا|الان|ارجوك|كثيرا|جدا";

static const struct intent_rule rules[] = {
    {INTENT_GOODBYE, 2,
     "goodbye|good bye|bye|bye bye|good by|good buy|see you|thats all|that is all|"
     "that will be all|hang up|end the call|end call|nothing else|im done|we are done|"
     "have a nice day|have a good day|"
     "مع السلامه|وداعا|الي اللقاء|في امان الله|باي|انهاء المكالمه|انه المكالمه|"
     "هذا كل شيء|لا شيء اخر|يعطيك العافيه"},
    {INTENT_ESCALATION, 8,
     "@reach * @person|customer service|customer support|real person|real human|"
     "live agent|human being|connect me|transfer me|put me through|call center|call centre|"
     "خدمه العملاء|خدمه الزبائن|حولني|وصلني|حولوني"},
    {INTENT_ESCALATION, 1, "@person"},
    {INTENT_NO, 1,
     "no|nope|nah|no thanks|no thank you|not now|not really|dont|do not|never mind|"
     "لا|لا شكرا|كلا|ليس الان|لا اريد"},
    {INTENT_THANKS, 2,
     "thank you|thanks|thank you very much|thanks a lot|many thanks|appreciate it|"
     "شكرا|شكرا جزيلا|شكرا لك|مشكور|تسلم|اشكرك|جزاك الله خيرا"},
    {INTENT_YES, 1,
     "yes|yeah|yep|yup|yes please|sure|of course|go ahead|please do|okay|ok|alright|"
     "all right|correct|right|thats right|absolutely|certainly|"
     "نعم|اي نعم|ايوه|ايوا|اجل|اكيد|طبعا|تمام|حسنا|موافق|بالتاكيد"},
    {INTENT_REPEAT, 2,
     "repeat|say that again|say it again|say again|come again|once more|one more time|"
     "pardon|pardon me|what did you say|what was that|again please|didnt hear|"
     "did not hear|cant hear|"
     "اعد|كرر|مره اخري|مره ثانيه|ماذا قلت|لم اسمع|ما سمعت|عيد|اعيد|هل يمكنك الاعاده"},
    {INTENT_HELP, 0,
     "help|help me|what can you do|what do you do|how does this work|who are you|"
     "what are you|are you a robot|are you human|am i talking to a robot|"
     "ساعدني|مساعده|المساعده|ماذا تستطيع|ماذا يمكنك|من انت|هل انت روبوت|هل انت انسان"},
    {INTENT_GREETING, 1,
     "hello * how are you|hi * how are you|good * how are you|how are you|hello|hi|hiya|"
     "hey|hello hello|good morning|good afternoon|good evening|good day|salam|marhaba|"
     "مرحبا|اهلا|اهلا وسهلا|اهلين|هلا|السلام عليكم|سلام|سلام عليكم|صباح الخير|"
     "مساء الخير|الو|كيف حالك"},
};

/* What callers say and what recognisers write, as plain words. */
static const struct {
    const char *digit;
    const char *words;
} digits[] = {
    {"0", "0|zero|صفر"},
    {"1", "1|one|واحد|واحده"},
    {"2", "2|two|اثنان|اثنين|اثنتان|اثنتين"},
    {"3", "3|three|ثلاثه|ثلاث|تلاته"},
    {"4", "4|four|اربعه|اربع"},
    {"5", "5|five|خمسه|خمس"},
    {"6", "6|six|سته|ست"},
    {"7", "7|seven|سبعه|سبع"},
    {"8", "8|eight|ثمانيه|ثماني|ثمان|تمانيه"},
    {"9", "9|nine|تسعه|تسع"},
};

/* True if `word` is one of the alternatives of a list of single words. */
static bool in_class(const char *word, const char *list)
{
    char one[32];
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, "|");
        memcpy(one, p, n);
        one[n] = 0;
        if (plain_word_like(word, one))
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* `meant` is one word of a phrase, not NUL-terminated. */
static bool word_fits(const char *heard, const char *meant, size_t bytes)
{
    char one[32];
    memcpy(one, meant, bytes);
    one[bytes] = 0;
    if (strcmp(one, "@reach") == 0)
        return in_class(heard, class_reach);
    if (strcmp(one, "@person") == 0)
        return in_class(heard, class_person);
    return plain_word_like(heard, one);
}

/* Words that the phrase takes up if it stands at `at` (gap words count), 0 if it does not. */
static unsigned phrase_at(const struct plain *said, unsigned at, const char *phrase, size_t bytes)
{
    unsigned i = at;
    for (const char *p = phrase, *end = phrase + bytes; p < end;) {
        size_t n = 0;
        while (p + n < end && p[n] != ' ')
            n++;
        if (*p == '*') {
            const char *rest = p + 2;
            for (unsigned gap = 0; gap <= GAP_WORDS_MAX && i + gap < said->count; gap++) {
                unsigned taken = phrase_at(said, i + gap, rest, (size_t)(end - rest));
                if (taken > 0)
                    return i + gap + taken - at;
            }
            return 0;
        }
        if (i >= said->count || !word_fits(plain_word(said, i), p, n))
            return 0;
        i++;
        p += n + 1;
    }
    return i - at;
}

/* Words outside [at, at + taken) that are no fillers. */
static unsigned words_beside(const struct plain *said, unsigned at, unsigned taken)
{
    unsigned n = 0;
    for (unsigned i = 0; i < said->count; i++)
        n += (i < at || i >= at + taken) && !in_class(plain_word(said, i), fillers);
    return n;
}

static bool rule_fits(const struct intent_rule *rule, const struct plain *said)
{
    for (const char *p = rule->phrases; *p;) {
        size_t n = strcspn(p, "|");
        for (unsigned at = 0; at < said->count; at++) {
            unsigned taken = phrase_at(said, at, p, n);
            if (taken > 0 && words_beside(said, at, taken) <= rule->slack)
                return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static const char *digit_of(const char *word)
{
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
        const char *words = digits[i].words;
        size_t n = strlen(word);
        for (const char *p = words; *p; p += strcspn(p, "|"), p += *p == '|')
            if (strcspn(p, "|") == n && memcmp(p, word, n) == 0) /* no slips: digits are too much alike */
                return digits[i].digit;
    }
    return NULL;
}

const char *intent_digit(const struct plain *said)
{
    const char *found = NULL;
    for (unsigned i = 0; i < said->count; i++) {
        const char *digit = digit_of(plain_word(said, i));
        if (!digit && !in_class(plain_word(said, i), fillers))
            return NULL;
        if (digit && found)
            return NULL;
        if (digit)
            found = digit;
    }
    return found;
}

const char *intent_of(const struct plain *said)
{
    if (said->count == 0)
        return INTENT_UNCLEAR;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rule_fits(&rules[i], said))
            return rules[i].intent;
    return intent_digit(said) ? INTENT_DIGIT : INTENT_QUESTION;
}
