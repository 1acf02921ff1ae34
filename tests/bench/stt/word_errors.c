/* Word error; see word_errors.h. */
#include "word_errors.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WORDS_MAX = 512, TEXT_MAX = 8192 };

struct words {
    char text[TEXT_MAX];
    const char *word[WORDS_MAX];
    size_t count;
};

static void split(struct words *w, const char *text)
{
    size_t len = 0;
    bool inside = false;
    w->count = 0;
    for (; *text && len + 2 < sizeof w->text; text++) {
        unsigned char ch = (unsigned char)*text;
        if (isalnum(ch) || ch == '\'') {
            if (!inside && w->count == WORDS_MAX)
                break;
            if (!inside)
                w->word[w->count++] = w->text + len;
            inside = true;
            w->text[len++] = (char)tolower(ch);
        } else if (inside) {
            inside = false;
            w->text[len++] = '\0';
        }
    }
    w->text[len] = '\0';
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

void word_errors_add(struct word_errors *sum, const char *reference, const char *heard)
{
    static struct words r, h;
    static size_t row[WORDS_MAX + 1];
    split(&r, reference);
    split(&h, heard);
    for (size_t j = 0; j <= h.count; j++)
        row[j] = j;
    for (size_t i = 1; i <= r.count; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= h.count; j++) {
            size_t above = row[j];
            size_t same = strcmp(r.word[i - 1], h.word[j - 1]) == 0 ? 0 : 1;
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + same);
            diagonal = above;
        }
    }
    sum->words += r.count;
    sum->errors += row[h.count];
}

double word_errors_pct(const struct word_errors *sum)
{
    return sum->words ? 100.0 * (double)sum->errors / (double)sum->words : 0;
}
