/* The adapter's end of a PocketSphinx process: starts one in the nursery, sends it packets without ever
 * blocking, takes its answers. A few seconds of audio may wait for a process that is starting or slow.
 *
 * Loop thread only. Callbacks come from the loop, never from inside a call; they may call sphinx_link_stop()
 * and sphinx_link_start(), and may free the link. */
#ifndef VG_STT_SPHINX_LINK_H
#define VG_STT_SPHINX_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "provider/stt/sphinx_wire.h"
#include "voxgate/engine.h"

struct sphinx_link;

enum {
    /* 5 s of audio and some commands may wait here; the socket holds about 3 s more. */
    SPHINX_LINK_PENDING_BYTES = 192 * 1024,
};

/* `text` is not terminated and borrowed. */
typedef void (*sphinx_answer_fn)(void *arg, const struct sphinx_answer *answer, const char *text, size_t len);
/* The process is gone or the link to it is of no use. Once for each start. */
typedef void (*sphinx_broken_fn)(void *arg, int err);

/* A link without a process. `env` is borrowed for its life. */
struct sphinx_link *sphinx_link_new(const struct vg_engine_env *env, sphinx_answer_fn on_answer,
                                    sphinx_broken_fn on_broken, void *arg);
/* Ends the process; NULL is fine; returns NULL. */
struct sphinx_link *sphinx_link_free(struct sphinx_link *l);
/* Starts a process; packets may be sent at once. Errors as vg_nursery_spawn(). */
int sphinx_link_start(struct sphinx_link *l) VG_MUST_CHECK;
/* Ends the process and forgets what waits. No callback comes any more. */
void sphinx_link_stop(struct sphinx_link *l);
bool sphinx_link_started(const struct sphinx_link *l);
/* Sends a packet or queues it. VG_ESTATE: not started; VG_EFULL: too much waits (the process hangs);
 * VG_ECLOSED: it is gone, on_broken will follow; VG_ENOMEM. */
int sphinx_link_send(struct sphinx_link *l, const struct sphinx_request *request, const void *payload,
                     size_t bytes) VG_MUST_CHECK;

#endif
