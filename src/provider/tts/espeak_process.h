/* One run of the espeak-ng program: text in by its standard input, WAV out by its standard output.
 *
 * A program and never a library: it is GPL-3 and not thread-safe. Its text never stands on a command line
 * (any user of the machine could read it there), it inherits no descriptor and no environment of ours, and
 * its own process group keeps a terminal's Ctrl-C away from it. Blocks: process lane threads only. */
#ifndef VG_PROVIDER_TTS_ESPEAK_PROCESS_H
#define VG_PROVIDER_TTS_ESPEAK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct espeak_run {
    const char *program;
    const char *voice; /* "ar", "en-us+f3" */
    const char *text;  /* UTF-8 */
    int64_t timeout_us;
    /* 16 kHz samples, borrowed; negative stops the run. */
    int (*audio)(void *arg, const int16_t *pcm, size_t samples);
    /* Looked at every 10 ms. */
    bool (*cancelled)(void *arg);
    void *arg;
    int64_t cpu_us; /* out: CPU time of the process */
};

/* Returns 0, what `audio` returned to stop, VG_ECANCELED, VG_ETIMEOUT, VG_ECLOSED (the process was killed),
 * VG_EUNAVAIL (it is not installed, or refuses the voice), VG_EPARSE (its output is not WAV), VG_ENOMEM,
 * VG_EIO. The process is gone and reaped when this returns. */
int espeak_run(struct espeak_run *run) VG_MUST_CHECK;

#endif
