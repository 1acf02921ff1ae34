/* Finds the member "data" of the outermost object of a message that comes in fragments; see ws_reader.h. */
#include <string.h>

#include "proto/ws_reader.h"

enum { DEPTH_LIMIT = 10000 }; /* counted no further: far beyond what jansson is given */

static bool word_is(const char *word, uint8_t chars, const char *text)
{
    return chars == strlen(text) && memcmp(word, text, chars) == 0;
}

static void string_opens(struct ws_lexer *l)
{
    bool is_data = l->depth == 1 && !l->is_key && !l->has_data && !l->other_type &&
                   word_is(l->member, l->member_chars, "data");
    l->state = is_data ? WS_LEX_DATA : WS_LEX_STRING;
    l->has_data = l->has_data || is_data;
    l->word_chars = 0;
}

static void string_closes(struct ws_lexer *l)
{
    l->state = WS_LEX_OUTSIDE;
    if (l->depth != 1)
        return;
    if (l->is_key) {
        memcpy(l->member, l->word, sizeof l->member);
        l->member_chars = l->word_chars;
    } else if (word_is(l->member, l->member_chars, "type")) {
        l->other_type = !word_is(l->word, l->word_chars, "audio");
    }
}

/* A key or type that is spelt with escapes keeps its backslash here and so is not recognised: then its
 * message is collected and read with jansson. */
static void string_char(struct ws_lexer *l, char c)
{
    if (l->word_chars < sizeof l->word)
        l->word[l->word_chars++] = c;
    if (c == '\\')
        l->state = WS_LEX_ESCAPE;
}

static void outside_char(struct ws_lexer *l, char c)
{
    switch (c) {
    case '"': string_opens(l); break;
    case '{':
    case '[':
        l->depth += l->depth < DEPTH_LIMIT;
        l->is_key = c == '{';
        break;
    case '}':
    case ']': l->depth -= l->depth > 0; break;
    case ',': l->is_key = true; break; /* looked at in the outermost object only */
    case ':': l->is_key = false; break;
    default: break;
    }
}

size_t ws_lex_run(struct ws_lexer *l, const char *text, size_t at, size_t n)
{
    for (; at < n && l->state != WS_LEX_DATA; at++) {
        char c = text[at];
        if (l->state == WS_LEX_OUTSIDE)
            outside_char(l, c);
        else if (l->state == WS_LEX_ESCAPE)
            l->state = WS_LEX_STRING;
        else if (c == '"')
            string_closes(l);
        else
            string_char(l, c);
    }
    return at;
}

void ws_lex_data_closed(struct ws_lexer *l)
{
    l->state = WS_LEX_OUTSIDE;
}
