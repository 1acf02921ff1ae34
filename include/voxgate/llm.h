/* The language port: a conversation in, the reply's text out, streamed. One vg_llm a reply.
 * Shared rules (thread, callbacks, failures): engine.h. */
#ifndef VOXGATE_LLM_H
#define VOXGATE_LLM_H

#include <stddef.h>
#include <stdint.h>

#include "voxgate/engine.h"

struct vg_llm; /* the adapter's own: one reply in the making */

enum vg_llm_role { VG_LLM_SYSTEM, VG_LLM_USER, VG_LLM_ASSISTANT };

struct vg_llm_message {
    enum vg_llm_role role;
    const char *text; /* what was said, or for the assistant what was heard */
};

/* Everything is borrowed until start returns. */
struct vg_llm_request {
    const char *tenant_id;
    const char *agent_id;
    const char *call_id;
    const char *language;                  /* the language to answer in */
    const char *system_prompt;             /* variables already filled in */
    const struct vg_llm_message *messages; /* oldest first; the last one is the caller's */
    size_t message_count;
    uint32_t turn;
};

enum vg_llm_action { VG_LLM_ACT_NONE, VG_LLM_ACT_END_CALL, VG_LLM_ACT_HANDOFF };

struct vg_llm_result {
    uint32_t tokens_in;
    uint32_t tokens_out;
    const char *intent;        /* what the answer engine matched ("greeting"), or NULL; borrowed */
    double sentiment;          /* -1..1 of the caller's last message; 0 where unknown */
    enum vg_llm_action action; /* what to do when the reply was spoken */
};

struct vg_llm_events {
    /* More of the reply, UTF-8, not NUL-terminated, borrowed. */
    void (*text)(void *arg, const char *delta, size_t bytes);
    /* Exactly one of done or failed, the last event. */
    void (*done)(void *arg, const struct vg_llm_result *result);
    void (*failed)(void *arg, int err);
};

struct vg_llm_ops {
    uint32_t version;
    const char *name; /* "builtin", "loopback" */
    /* Starts a reply. Errors: VG_EUNAVAIL, VG_ECAPACITY, VG_ENOMEM. */
    int (*start)(struct vg_llm **out, const struct vg_engine_env *env, const struct vg_llm_request *request,
                 const struct vg_llm_events *events, void *arg);
    /* Frees it, also in the middle and after done/failed; no event comes after this. NULL is fine. */
    void (*close)(struct vg_llm *llm);
};

#endif
