/* The wire shapes of a load test, and the conversation as ready-made WebSocket messages: encoded, framed and
 * masked once, so that sending one is one system call from memory that all calls share. */
#ifndef VG_CLI_BENCH_FRAMES_H
#define VG_CLI_BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/codec.h"
#include "cli/bench/speech.h"

struct shape {
    const char *name, *what;
    enum vg_codec codec;
    int rate_hz;
    bool json;
    int chunk_ms;
    int64_t first_calls; /* where --search begins */
};

#define SHAPE_NAMES "json250|json100|pcm20|pcm60|pcm100|pcmu20|opus20"

/* NULL: no such shape. */
const struct shape *shape_find(const char *name);
/* The `config` message that asks for it, NULL where it is the default. */
const char *shape_config(const struct shape *s, char out[256]);
/* How long `bytes` of a binary reply message play, in microseconds. */
int64_t shape_reply_us(const struct shape *s, size_t bytes);

struct frames {
    const struct shape *shape;
    uint8_t *bytes; /* owned: the messages, one after another */
    size_t *offset; /* owned: count + 1 of them */
    size_t count;
    /* By message, owned, count + 1 of each. */
    uint32_t *begun; /* utterances that begin before it */
    uint32_t *due;   /* utterances whose turn must have ended before it */
    bool *closes;    /* an utterance's last sample is in it */
};

int frames_make(struct frames *out, const struct shape *shape, const struct speech *speech) VG_MUST_CHECK;
void frames_free(struct frames *f);
/* Turns that a caller who entered at message `first` and has sent those before `next` (both counted on over
 * the loop's end) must have been given a transcript of. */
int64_t frames_turns(const struct frames *f, uint64_t first, uint64_t next);

#endif
