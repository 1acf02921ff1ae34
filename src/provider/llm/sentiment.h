/* Sentiment by lexicon: a score for one utterance, English or Arabic.
 *
 * Each word of the lexicon weighs -4..4. An intensifier before it makes that 1.5 times as much, a negation
 * within the three words before it turns the sign and halves it ("not good" is mildly bad). The sum s becomes
 * s / sqrt(s * s + 15), which is -1..1 and 0 for text without such words. (The squashing and its constant are
 * those of VADER, Hutto and Gilbert 2014; the lexicon is our own.) A hint for people, not a measurement.
 * Pure; any thread. */
#ifndef VG_PROVIDER_LLM_SENTIMENT_H
#define VG_PROVIDER_LLM_SENTIMENT_H

/* -1..1. */
double vg_sentiment_score(const char *text);
/* "positive" from 0.25 up, "negative" from -0.25 down, else "neutral". */
const char *vg_sentiment_label(double score);

#endif
