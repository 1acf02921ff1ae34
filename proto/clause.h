/* Cuts a reply that streams in into clauses to speak, each as soon as it is known to be complete.
 *
 * A clause ends at the end of a sentence, or at a comma and the like once it is long enough; never inside a
 * number (3.14, 1,000), a time, an address (e-mail, URL) or after an abbreviation (Dr., e.g.). The first
 * clause may be short, because the caller waits for it. No clause is longer than VG_CLAUSE_MAX_BYTES; one
 * that would be is cut at a comma, else at a blank. All texts put together are the reply again, byte for
 * byte. Pure; no allocation; one thread at a time. */
#ifndef VG_PROTO_CLAUSE_H
#define VG_PROTO_CLAUSE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    VG_CLAUSE_MAX_BYTES = 300,
    VG_CLAUSE_FIRST_MAX_BYTES =
        160, /* of the first clause: the engine's first audio waits for the whole of it */
};

/* `text` is what to show, `speech` the same without markdown, emoji and the blanks around it, "" where there
 * is nothing to say. `speech` is NUL-terminated valid UTF-8, `text` neither. Borrowed. */
typedef void (*vg_clause_fn)(void *arg, const char *text, size_t text_bytes, const char *speech,
                             size_t speech_bytes);

struct vg_clause {
    vg_clause_fn emit;
    void *arg;
    char text[VG_CLAUSE_MAX_BYTES];
    size_t len;     /* bytes of `text` in use */
    size_t scanned; /* bytes already looked at for an end */
    size_t comma;   /* end of the last comma clause seen, 0: none */
    bool started;   /* the first clause is out */
};

void vg_clause_init(struct vg_clause *c, vg_clause_fn emit, void *arg);
/* Adds a piece of the reply (any bytes, cut anywhere). Clauses are emitted from within. */
void vg_clause_feed(struct vg_clause *c, const char *delta, size_t bytes);
/* The reply is complete: emits the rest and makes the splitter ready for another reply. */
void vg_clause_finish(struct vg_clause *c);

/* What is spoken of a clause: writes at most `bytes` bytes and a NUL into `out` and returns the length. */
size_t vg_clause_speech(char *out, const char *text, size_t bytes);

#endif
