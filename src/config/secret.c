/* Secrets that are none; see secret.h. */
#include "config/secret.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* 16 random hex digits have fewer than 5 different ones less than once in a million times, longer secrets
 * never. */
enum { DIFFERENT_MIN = 5, PIECE_MAX = 16 };

static unsigned different_chars(const char *text)
{
    bool seen[256] = {false};
    unsigned n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        n += !seen[*p];
        seen[*p] = true;
    }
    return n;
}

/* "changemechangemechange": a piece of at most PIECE_MAX characters at least twice, the last one maybe cut.
 */
static bool repeats_a_piece(const char *text, size_t n)
{
    for (size_t piece = 1; piece <= PIECE_MAX && 2 * piece <= n; piece++) {
        if (memcmp(text, text + piece, n - piece) == 0)
            return true;
    }
    return false;
}

/* "0123456789abcdef...": more than three of four steps lead to the same or the next character. */
static bool counts(const char *text, size_t n)
{
    size_t near = 0;
    for (size_t i = 1; i < n; i++)
        near += abs(text[i] - text[i - 1]) <= 1;
    return n > 1 && near * 4 > (n - 1) * 3;
}

bool secret_is_trivial(const char *secret)
{
    size_t n = strlen(secret);
    return different_chars(secret) < DIFFERENT_MIN || repeats_a_piece(secret, n) || counts(secret, n);
}
