/* Inside this folder: spandsp's inline G.711 conversions (linear_to_ulaw, ulaw_to_linear, linear_to_alaw,
 * alaw_to_linear). Its headers have an order: telephony.h declares what the others use. */
#ifndef VG_AUDIO_G711_H
#define VG_AUDIO_G711_H

/* clang-format off */
#include <stdint.h>
#include <spandsp/telephony.h>
#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
/* clang-format on */

#endif
