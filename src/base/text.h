/* Short texts into bounded arrays, without printf: where a library has hooked into printf (libquadmath, which
 * comes with PocketSphinx, does) each conversion costs 0.4 us, and a request has dozens. Any thread. */
#ifndef VG_BASE_TEXT_H
#define VG_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define VG_TEXT_OF_(token) #token
/* What a macro stands for, as a string literal. */
#define VG_TEXT_OF(macro) VG_TEXT_OF_(macro)

enum { VG_TEXT_INT_SIZE = 24 }; /* room for any 64-bit number with its sign and NUL */

/* Writes `value` in decimal and returns the number of characters. */
size_t vg_text_int(char out[VG_TEXT_INT_SIZE], int64_t value);
/* Copies as much of `text` (NULL: "") as fits, with a NUL (`size` is at least 1); returns the length of what
 * is in `out`. */
size_t vg_text_copy(char *out, size_t size, const char *text);
/* Puts `parts` (up to a NULL) after one another, cut as vg_text_copy() does; returns the length. */
size_t vg_text_join(char *out, size_t size, const char *const *parts);
/* Writes `n` bytes as 2n lower-case hex digits and a NUL. */
void vg_text_hex(char *out, const void *bytes, size_t n);

#endif
