/* From a request (or a phone network's call) and an agent to what a call is made of. src/api and src/app. */
#ifndef VG_API_CALL_SPEC_H
#define VG_API_CALL_SPEC_H

#include "call/registry.h"
#include "proto/bind.h"
#include "store/directory.h"

struct vg_config;

/* What a caller of call_spec_make() knows of the call. Borrowed. */
struct call_wish {
    const char *tenant_id, *user_id;
    const char *language; /* "auto", "ar", "en" */
    const char *voice_id; /* NULL: the agent's, else the default */
    const char *metadata; /* JSON object or NULL */
    const char *channel, *direction, *caller_number, *called_number;
    bool publish_audio;
};

/* Gives a spec. VG_EINVAL with details: an unknown voice or engine. `agent` may be NULL: the instance's
 * defaults. */
int call_spec_make(struct vg_call_spec **out, const struct call_wish *wish, const struct vg_agent *agent,
                   const struct vg_config *config, const struct vg_engine_catalog *engines,
                   struct vg_bind_details *details) VG_MUST_CHECK;

#endif
