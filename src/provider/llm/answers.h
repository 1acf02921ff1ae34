/* What the built-in answers say of themselves, in English and Arabic. Other languages get the English words:
 * nothing is translated on the fly. Pure; any thread. */
#ifndef VG_PROVIDER_LLM_ANSWERS_H
#define VG_PROVIDER_LLM_ANSWERS_H

#include <stdbool.h>

enum answer {
    ANSWER_NONE,
    ANSWER_GREETING,
    ANSWER_GOODBYE,
    ANSWER_THANKS, /* asks "anything else?" */
    ANSWER_HELP,
    ANSWER_HANDOFF,
    ANSWER_GO_ON,       /* to a yes that answers nothing */
    ANSWER_ALL_RIGHT,   /* to a no */
    ANSWER_NOT_FOUND,   /* offers a person */
    ANSWER_UNAVAILABLE, /* offers a person */
    ANSWER_UNCLEAR,
    ANSWER_NOT_YET, /* nothing to repeat */
    ANSWER_COUNT,
};

/* Never NULL. Arabic prompts carry all short vowels: synthesis reads only what is written. */
const char *answer_text(enum answer answer, bool arabic);
/* True if the assistant's text, as far as it was heard, offers a person. */
bool answer_is_offer(const char *assistant);
/* True if it asks whether there is anything else. */
bool answer_asks_for_more(const char *assistant);

#endif
