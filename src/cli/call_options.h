/* What `voxgate call` was asked for. src/cli alone. */
#ifndef VG_CLI_CALL_OPTIONS_H
#define VG_CLI_CALL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "audio/codec.h"

struct call_options {
    const char *url, *tenant, *api_key;
    const char *agent, *language, *voice;
    const char *codec_name, *transport, *out;
    const char *text, *digits;
    int64_t rate_hz, chunk_ms, timeout_s;
    bool json, mic, fast, realtime, now, insecure;
    /* Worked out from the above. */
    const char *file; /* NULL: the microphone, or nothing but text and digits */
    enum vg_codec codec;
};

#endif
