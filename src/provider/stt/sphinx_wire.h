/* What the PocketSphinx adapter and its process say to each other: packets on a SOCK_SEQPACKET socket, a
 * fixed head and a payload. Both ends are the same program on the same machine, so the structs travel as they
 * are. */
#ifndef VG_STT_SPHINX_WIRE_H
#define VG_STT_SPHINX_WIRE_H

#include <stdint.h>

enum {
    SPHINX_AUDIO_SAMPLES_MAX = 4000, /* of one packet */
    SPHINX_TEXT_BYTES_MAX = 4096,    /* of one packet */
};

enum sphinx_ask {
    SPHINX_BEGIN = 1,
    SPHINX_AUDIO, /* payload: samples */
    SPHINX_PAUSE,
    SPHINX_RESUME,
    SPHINX_FINISH,
    SPHINX_CANCEL,
    SPHINX_VOCABULARY, /* payload: words, each ended by a newline; an empty payload: that was all, load it */
    SPHINX_CHOOSING,   /* the caller is choosing a language: its names are listened for first */
    SPHINX_LANGUAGE,   /* payload: "ar", ...; before the first utterance. Without it: English */
};

/* Adapter to process. */
struct sphinx_request {
    uint32_t ask;
    uint32_t utterance;
    int64_t deadline_us; /* SPHINX_FINISH: when the final is due (CLOCK_MONOTONIC, one for the machine) */
};

enum sphinx_tell {
    SPHINX_INTERIM = 1, /* payload: text */
    SPHINX_FINAL,       /* payload: text */
    SPHINX_VOCABULARY_LOADED,
};

/* Process to adapter. */
struct sphinx_answer {
    uint32_t tell;
    uint32_t utterance;
    double confidence;
    int64_t cpu_us;       /* spent on this utterance so far, or on loading the vocabulary */
    uint32_t second_pass; /* SPHINX_FINAL: 1 if the text is the second pass's, 0 if it was not ready */
    uint32_t late; /* SPHINX_FINAL: 1 if the time ran out with nothing understood yet: not the same as "" */
    uint32_t words_known;   /* SPHINX_VOCABULARY_LOADED */
    uint32_t words_skipped; /* ... not in the dictionary */
};

#endif
