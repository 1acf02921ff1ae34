/* Recordings for measuring: a folder of 16 kHz WAV files, the channels that a call can come through, and the
 * padding that makes a clip a piece of a call. */
#ifndef VG_BENCH_CORPUS_H
#define VG_BENCH_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIPS_MAX = 256, NAME_BYTES = 64 };

enum clip_kind { CLIP_ENGLISH, CLIP_OTHER, CLIP_NOISE };

struct clip {
    char name[NAME_BYTES];
    enum clip_kind kind;
    int16_t *pcm; /* owned, 16 kHz */
    size_t frames;
    size_t onset_frame; /* the first frame within 28 dB of the 95th-percentile level */
};

struct corpus {
    struct clip clips[CLIPS_MAX];
    size_t n;
};

enum channel { CHANNEL_CLEAN, CHANNEL_PCMU, CHANNEL_OPUS, CHANNELS };

extern const char *const channel_names[CHANNELS];

/* Reads every .wav of `folder`, sorted by name. Kind and language are taken from manifest.tsv (columns file,
 * seconds, lang, kind) where there is one, else a name with "noise" is noise and all others are English.
 * 0, or -1 if there is nothing. */
int corpus_read(struct corpus *c, const char *folder);
void corpus_free(struct corpus *c);

/* A clip as heard in a call, owned: `lead` frames before, `tail` frames after it, filled with +-8 LSB of
 * noise. With `dither` the same is added to the clip itself. */
struct heard {
    int16_t *pcm;
    size_t frames;
    size_t clip_frame; /* where the clip begins */
};
struct heard heard_new(const struct clip *clip, size_t lead, size_t tail, bool dither);
/* Adds an echo of `agent` (looped), `down_db` quieter, by three paths from 40 to 52 ms; agent_db[frame] is
 * the level that the agent had then. */
void heard_add_echo(struct heard *h, const struct clip *agent, float down_db, float *agent_db);
/* Sends it through a channel and back. */
void heard_send(struct heard *h, enum channel channel);
void heard_free(struct heard *h);

#endif
