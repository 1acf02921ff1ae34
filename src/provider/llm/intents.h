/* Intents by rules: what a caller wants who says hello, goodbye, thanks, yes, no, or asks for a person.
 *
 * A rule is a list of phrases and a slack: how many words may stand beside the phrase that are not mere
 * fillers. So "hello" is a greeting and "hello what are your opening hours" is not. Words are compared as
 * plain words (plain.h) and with its tolerance for slips. Rules stand in order of priority. Pure; any thread.
 */
#ifndef VG_PROVIDER_LLM_INTENTS_H
#define VG_PROVIDER_LLM_INTENTS_H

#include "provider/llm/plain.h"

#define INTENT_GREETING   "greeting"
#define INTENT_GOODBYE    "goodbye"
#define INTENT_THANKS     "thanks"
#define INTENT_REPEAT     "repeat"
#define INTENT_HELP       "help"
#define INTENT_ESCALATION "escalation"
#define INTENT_YES        "affirmation"
#define INTENT_NO         "rejection"
#define INTENT_DIGIT      "digit"    /* one digit, as a word or a key */
#define INTENT_QUESTION   "question" /* nothing of the above */
#define INTENT_UNCLEAR    "unclear"  /* no words */

/* The intent's name (one of the above); never NULL. About 20 us. */
const char *intent_of(const struct plain *said);
/* The one digit that was said, "0" to "9", in English or Arabic words or as a figure, fillers aside; NULL if
 * it was anything else. Static. */
const char *intent_digit(const struct plain *said);

#endif
