/* Word error of a transcript against its reference: lower case, no punctuation but the apostrophe. */
#ifndef VG_BENCH_WORD_ERRORS_H
#define VG_BENCH_WORD_ERRORS_H

#include <stddef.h>

struct word_errors {
    size_t words;  /* of the references */
    size_t errors; /* substitutions, insertions and deletions */
};

/* Adds one clip. At most 512 words on either side; the rest is cut. */
void word_errors_add(struct word_errors *sum, const char *reference, const char *heard);
double word_errors_pct(const struct word_errors *sum);

#endif
