/* Text to plain words; see plain.h. */
#include "provider/llm/plain.h"

#include <string.h>

/* Decodes one code point of at most three bytes; everything else counts as a separator (0). */
static unsigned decode(const unsigned char *s, uint32_t *cp)
{
    *cp = 0;
    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] < 0xe0 && (s[1] & 0xc0) == 0x80) {
        *cp = (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        return 2;
    }
    if (s[0] >= 0xe0 && s[0] < 0xf0 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
        *cp = (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        return 3;
    }
    return 1;
}

enum { DROP = 1 }; /* falls out without separating */

/* The folded code point, 0 for a separator, DROP for nothing. */
static uint32_t fold(uint32_t cp)
{
    if (cp >= 'A' && cp <= 'Z')
        return cp + 32;
    if ((cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9'))
        return cp;
    if (cp == '\'' || cp == 0x2019 || cp == 0x200c || cp == 0x200d)
        return DROP;
    if (cp == 0x640 || (cp >= 0x610 && cp <= 0x61a) || (cp >= 0x64b && cp <= 0x65f) || cp == 0x670)
        return DROP; /* tatweel and Arabic marks */
    switch (cp) {
    case 0x622:
    case 0x623:
    case 0x625:
    case 0x671: return 0x627; /* alef */
    case 0x649:
    case 0x626:
    case 0x6cc: return 0x64a; /* yeh */
    case 0x629: return 0x647; /* teh marbuta -> heh */
    case 0x624: return 0x648; /* waw */
    case 0x6a9: return 0x643; /* kaf */
    default: break;
    }
    if (cp >= 0x660 && cp <= 0x669)
        return '0' + (cp - 0x660);
    if (cp >= 0x6f0 && cp <= 0x6f9)
        return '0' + (cp - 0x6f0);
    if (cp >= 0xc0 && cp <= 0xde && cp != 0xd7)
        return cp + 32;
    bool letter = (cp >= 0xdf && cp < 0x600) || (cp > 0x61f && cp < 0x66a) || (cp > 0x66d && cp < 0x2000) ||
                  (cp >= 0x3041 && cp < 0xd800);
    return letter && cp != 0xf7 && cp != 0x6d4 ? cp : 0;
}

static size_t encode(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | cp >> 12);
    out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[2] = (char)(0x80 | (cp & 0x3f));
    return 3;
}

void plain_from(struct plain *p, const char *text)
{
    size_t len = 0;
    bool in_word = false;
    p->count = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s && len + 5 < PLAIN_BYTES_MAX;) {
        uint32_t cp;
        s += decode(s, &cp);
        cp = fold(cp);
        if (cp == DROP)
            continue;
        if (cp == 0) {
            if (in_word)
                p->text[len++] = 0;
            in_word = false;
            continue;
        }
        if (!in_word) {
            if (p->count == PLAIN_WORDS_MAX)
                break;
            p->at[p->count++] = (uint16_t)len;
            in_word = true;
        }
        len += encode(p->text + len, cp);
    }
    p->text[len] = 0;
}

const char *plain_word(const struct plain *p, unsigned i)
{
    return p->text + p->at[i];
}

bool plain_word_like(const char *heard, const char *meant)
{
    if (strcmp(heard, meant) == 0)
        return true;
    size_t n = strlen(heard), m = strlen(meant);
    /* An Arabic letter is two bytes, and a slip changes one or both of them. */
    size_t unit = (unsigned char)meant[0] >= 0x80 ? 2 : 1;
    if (m < 5 * unit || n + unit < m || m + unit < n)
        return false;
    size_t head = 0, tail = 0;
    while (head < n && head < m && heard[head] == meant[head])
        head++;
    while (tail < n - head && tail < m - head && heard[n - 1 - tail] == meant[m - 1 - tail])
        tail++;
    return (n > m ? n : m) - head - tail <= unit;
}

bool plain_is_arabic(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        uint32_t cp;
        s += decode(s, &cp);
        if (cp >= 0x620 && cp <= 0x64a)
            return true;
    }
    return false;
}

uint32_t plain_count_words(const char *text)
{
    static const char blanks[] = " \t\r\n\v\f";
    uint32_t words = 0;
    for (const char *p = text + strspn(text, blanks); *p; p += strspn(p, blanks)) {
        words++;
        p += strcspn(p, blanks);
    }
    return words;
}
