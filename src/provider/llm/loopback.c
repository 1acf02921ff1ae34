/* The 'loopback' adapter: says back what the caller said, for load and tests. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "provider/llm/list.h"
#include "provider/llm/plain.h"

struct vg_llm {
    struct vg_timer *timer;
    struct vg_llm_events events;
    void *arg;
    char *reply;
    uint32_t tokens_in;
    bool speaking; /* inside our own callbacks: close only marks */
    bool closed;
};

static void loopback_free(struct vg_llm *llm)
{
    vg_timer_free(llm->timer);
    free(llm->reply);
    free(llm);
}

static void loopback_reply(void *arg)
{
    struct vg_llm *llm = arg;
    struct vg_llm_result result = {.tokens_in = llm->tokens_in, .tokens_out = plain_count_words(llm->reply)};
    llm->speaking = true;
    llm->events.text(llm->arg, llm->reply, strlen(llm->reply));
    if (!llm->closed)
        llm->events.done(llm->arg, &result);
    llm->speaking = false;
    if (llm->closed)
        loopback_free(llm);
}

static int loopback_start(struct vg_llm **out, const struct vg_engine_env *env,
                          const struct vg_llm_request *request, const struct vg_llm_events *events, void *arg)
{
    const char *said = "";
    for (size_t i = 0; i < request->message_count; i++)
        if (request->messages[i].role == VG_LLM_USER)
            said = request->messages[i].text;
    struct vg_llm *llm = calloc(1, sizeof *llm);
    if (!llm)
        return VG_ENOMEM;
    if (asprintf(&llm->reply, "you said: %s", said) < 0)
        llm->reply = NULL;
    llm->timer = vg_timer_new(env->loop, loopback_reply, llm);
    if (!llm->reply || !llm->timer) {
        loopback_free(llm);
        return VG_ENOMEM;
    }
    llm->tokens_in = plain_count_words(said);
    llm->events = *events;
    llm->arg = arg;
    vg_timer_start(llm->timer, 0, 0);
    *out = llm;
    return 0;
}

static void loopback_close(struct vg_llm *llm)
{
    if (!llm)
        return;
    llm->closed = true;
    if (!llm->speaking)
        loopback_free(llm);
}

const struct vg_llm_ops vg_llm_loopback = {
    .version = VG_PORT_VERSION,
    .name = "loopback",
    .start = loopback_start,
    .close = loopback_close,
};
