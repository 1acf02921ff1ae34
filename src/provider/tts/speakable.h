/* Makes text fit for an engine: whatever a peer or a language model wrote becomes something that cannot upset
 * it. Pure; any thread. */
#ifndef VG_PROVIDER_TTS_SPEAKABLE_H
#define VG_PROVIDER_TTS_SPEAKABLE_H

#include <stdint.h>

enum { SPEAKABLE_BYTES_MAX = 2000, SPEAKABLE_WORD_MAX = 60 };

/* UTF-8 in, clean UTF-8 out: invalid bytes, controls and formatting marks are dropped, '[' ']' '<' '>' become
 * blanks (espeak-ng reads phonemes and markup from them), a run without a blank is broken after
 * SPEAKABLE_WORD_MAX code points. Gives a string (free it), NULL without memory. *characters: code points
 * that are left; 0 where there is nothing to say (no letter and no digit). */
char *speakable_utf8(const char *text, uint32_t *characters);
/* The same in ASCII for Flite: accents fall off, typographic marks become plain ones, other scripts are
 * dropped. *characters as above. */
char *speakable_ascii(const char *text, uint32_t *characters);

#endif
