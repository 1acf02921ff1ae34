/* How well a secret resists guessing, as far as a look at it tells. Pure. src/config alone. */
#ifndef VG_CONFIG_SECRET_H
#define VG_CONFIG_SECRET_H

#include <stdbool.h>

/* True if a secret of any length is guessed at once: hardly any different characters, a short piece over and
 * over, characters that count up or down. What a generator makes is taken for that less than once
 * in a million times. */
bool secret_is_trivial(const char *secret);

#endif
