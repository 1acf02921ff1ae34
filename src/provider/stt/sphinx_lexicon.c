/* Hand-written pronunciations: standard Arabic and what the Gulf and the Levant make of it. */
#include "provider/stt/sphinx_lexicon.h"

#include "base/err.h"

const struct sphinx_word sphinx_lexicon[] = {
    {"sifr", "صفر", {"S IH F R", "S IH F ER", "S IY F ER", "S UH F R", "S EH F ER", "S IH F IH R"}},
    {"wahid", "واحد", {"W AA HH IH D", "W AE HH IH D", "W AA HH EH D", "W AA HH AH D", "W AE HH EH D"}},
    {"ithnan",
     "اثنان",
     {"IH TH N AA N", "IH TH N AE N", "IH TH N EY N", "IH TH N AY N", "IH TH N IY N", "IH T N EY N"}},
    {"thalatha",
     "ثلاثة",
     {"TH AA L AA TH AA", "TH AH L AE TH AH", "TH AE L AE TH AE", "T AH L AE T AH", "TH AH L AA TH AH"}},
    {"arbaa", "أربعة", {"AA R B AA AA", "AA R B AH AA", "AA R B AE AH", "AE R B AE AH", "AA R B AA HH"}},
    {"khamsa", "خمسة", {"HH AA M S AA", "K AE M S AH", "HH AE M S AH", "K AA M S AA", "HH AH M S AH"}},
    {"sitta", "ستة", {"S IH T AA", "S IH T AH", "S IH T T AH", "S EH T AE"}},
    {"sabaa", "سبعة", {"S AA B AA", "S AE B AH", "S AE B AE AH", "S AH B AA AA"}},
    {"thamaniya",
     "ثمانية",
     {"TH AE M AE N IY AH", "TH AA M AA N IY AA", "TH AH M AA N Y AH", "T AH M AE N Y AH",
      "TH AH M AE N IY AE"}},
    {"tisaa", "تسعة", {"T IH S AA", "T IH S AH", "T IH S AE AH", "T EH S AA"}},
    {"naam", "نعم", {"N AA AA M", "N AA M", "N AE AH M", "N AH AA M", "N AE AE M"}},
    {"aywa", "أيوه", {"AY W AA", "AY W AH", "EY W AH"}},
    {"la", "لا", {"L AA", "L AE", "L AA AH", "L AE AE", "L AE AH"}},
};
const size_t sphinx_lexicon_count = VG_COUNT_OF(sphinx_lexicon);

const char sphinx_phones[] = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH "
                             "T TH UH UW V W Y Z ZH";
