/* The lexicon and its arithmetic; see sentiment.h. */
#include "provider/llm/sentiment.h"

#include <math.h>
#include <string.h>

#include "provider/llm/plain.h"

enum { NEGATION_REACH_WORDS = 3 };

static const struct {
    int weight;
    const char *words; /* plain, between blanks, with a blank at both ends */
} lexicon[] = {
    {4, " excellent amazing fantastic wonderful perfect brilliant outstanding superb ممتاز رائع مذهل "},
    {3, " great love happy delighted awesome best glad pleased impressed سعيد احب افضل جميل عظيم راضي "},
    {2, " good nice thanks thank helpful works worked solved resolved fine easy quick fast appreciate "
        "friendly kind "
        "جيد شكرا مفيد سهل سريع لطيف مشكور حل طيب جيده ممتازه "},
    {1, " okay better fair clear correct useful تمام واضح صحيح مناسب "},
    {-1,
     " slow late confused unclear expensive delay delayed waiting sorry بطيء متاخر تاخير غالي تاخر انتظر "},
    {-2, " bad problem problems issue wrong broken error fail failed fails difficult unhappy annoying "
         "complaint cancel refund "
         "damaged missing lost stuck disappointed مشكله مشاكل سيء سييه خطا معطل صعب شكوي مزعج ضايع مكسور "},
    {-3, " angry terrible awful hate frustrated frustrating unacceptable ridiculous useless upset rude poor "
         "غاضب فظيع اكره محبط مرفوض زعلان منزعج "},
    {-4, " horrible worst disgusting scam fraud furious disgrace stupid liar thieves اسوا احتيال نصب كارثه "
         "مقرف غبي "},
};

static const char negations[] =
    " not no never dont doesnt didnt isnt wasnt arent werent wont cant couldnt wouldnt cannot "
    "without hardly لا لم لن ليس ليست غير ما مو مش بدون ";
static const char intensifiers[] =
    " very really so extremely totally absolutely completely too such incredibly جدا للغايه كثيرا ";

static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if (p[-1] == ' ' && p[n] == ' ') /* the list begins with a blank, so p > list */
            return true;
    return false;
}

static int weight_of(const char *word)
{
    for (size_t i = 0; i < sizeof lexicon / sizeof lexicon[0]; i++)
        if (listed(lexicon[i].words, word))
            return lexicon[i].weight;
    return 0;
}

static double weight_in_place(const struct plain *p, unsigned at)
{
    double weight = weight_of(plain_word(p, at));
    if (weight == 0)
        return 0;
    /* Arabic puts its intensifiers behind the word. */
    if ((at > 0 && listed(intensifiers, plain_word(p, at - 1))) ||
        (at + 1 < p->count && plain_is_arabic(plain_word(p, at)) &&
         listed(intensifiers, plain_word(p, at + 1))))
        weight *= 1.5;
    for (unsigned back = 1; back <= NEGATION_REACH_WORDS && back <= at; back++)
        if (listed(negations, plain_word(p, at - back)))
            return -weight / 2;
    return weight;
}

double vg_sentiment_score(const char *text)
{
    struct plain p;
    plain_from(&p, text);
    double sum = 0;
    for (unsigned i = 0; i < p.count; i++)
        sum += weight_in_place(&p, i);
    return sum / sqrt(sum * sum + 15);
}

const char *vg_sentiment_label(double score)
{
    return score >= 0.25 ? "positive" : score <= -0.25 ? "negative" : "neutral";
}
