/* The caller's mouth in `voxgate call`: a recording or the microphone, as messages of the wire. One thread.
 * src/cli alone. */
#ifndef VG_CLI_CALL_MOUTH_H
#define VG_CLI_CALL_MOUTH_H

#include "base/buf.h"
#include "cli/call_options.h"

struct mouth;

enum { MOUTH_PROBLEM_SIZE = 512 };

/* Reads the whole recording, or starts the recorder; with neither it is silent. On failure `problem` is a
 * sentence. */
int mouth_open(struct mouth **out, const struct call_options *options,
               char problem[MOUTH_PROBLEM_SIZE]) VG_MUST_CHECK;
struct mouth *mouth_close(struct mouth *m);

/* Appends the wire bytes of the next message, silence while `quiet` and after the recording. False: the
 * microphone has not said that much yet. */
bool mouth_next(struct mouth *m, bool quiet, struct vg_buf *wire);
/* How much time a message holds. */
int64_t mouth_chunk_us(const struct mouth *m);
/* True when the recording is used up, or the recorder ended. */
bool mouth_done(const struct mouth *m);
int64_t mouth_length_us(const struct mouth *m); /* of the recording; 0: microphone or none */

#endif
