/* What operators and tenants administer: tenants, API keys, agents, the demo. Blocking; worker threads and
 * `voxgate admin`. Changes reach every gateway's directory by NOTIFY, within a second. */
#ifndef VG_STORE_ADMIN_H
#define VG_STORE_ADMIN_H

#include "store/directory.h"
#include "store/pg.h"

enum { VG_KEY_SECRET_SIZE = 64, VG_KEY_PREFIX_SIZE = 16 };

/* A key as it is made: the only time that its secret is known. */
struct vg_new_key {
    char id[VG_ID_SIZE];
    char secret[VG_KEY_SECRET_SIZE]; /* "vgk_" and 43 characters of base64url (256 random bits) */
    char prefix[VG_KEY_PREFIX_SIZE]; /* its first 12 characters, to tell keys apart */
};

/* --- tenants (the operator's) ------------------------------------------------------------------------------
 */
/* Makes an active tenant with its first key. `plan` NULL: starter. Errors: VG_EINVAL (name, plan). */
int vg_admin_tenant_create(struct vg_pg *pg, const char *name, const char *plan, int64_t deadline_us,
                           struct vg_tenant *out, struct vg_new_key *key) VG_MUST_CHECK;
int vg_admin_tenant_load(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us,
                         struct vg_tenant *out) VG_MUST_CHECK;
/* What to change; NULL or below 0 leaves it. */
struct vg_tenant_change {
    const char *name, *status, *plan;
    int64_t rate_limit_requests, rate_limit_window_s, concurrent_calls_max;
};
/* Errors: VG_ENOENT, VG_EINVAL (a value is not allowed). */
int vg_admin_tenant_update(struct vg_pg *pg, const char *tenant_id, const struct vg_tenant_change *change,
                           int64_t deadline_us, struct vg_tenant *out) VG_MUST_CHECK;
struct vg_tenant_list {
    size_t count;
    struct vg_tenant items[];
};
/* In the order of creation; free() the list. `after` (may be NULL) is the last id seen. */
int vg_admin_tenant_list(struct vg_pg *pg, const char *after, unsigned limit, int64_t deadline_us,
                         struct vg_tenant_list **out) VG_MUST_CHECK;

/* --- keys --------------------------------------------------------------------------------------------------
 */
/* `tenant_id` NULL: a key of the operator. `expires_us` Unix time, 0: never. VG_ENOENT: no such tenant. */
int vg_admin_key_create(struct vg_pg *pg, const char *tenant_id, const char *name, uint32_t scopes,
                        int64_t expires_us, int64_t deadline_us, struct vg_new_key *out) VG_MUST_CHECK;
struct vg_key_info {
    char id[VG_ID_SIZE], tenant_id[VG_ID_SIZE];
    char name[128];
    char prefix[VG_KEY_PREFIX_SIZE];
    uint32_t scopes;
    int64_t created_at_us, expires_at_us, revoked_at_us, last_used_us; /* Unix time, 0: absent */
};
struct vg_key_list {
    size_t count;
    struct vg_key_info items[];
};
/* free() the list. `tenant_id` NULL: the operator's keys. */
int vg_admin_key_list(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us,
                      struct vg_key_list **out) VG_MUST_CHECK;
/* `tenant_id` NULL: any key (the operator). VG_ENOENT. A second time is fine. */
int vg_admin_key_revoke(struct vg_pg *pg, const char *tenant_id, const char *key_id,
                        int64_t deadline_us) VG_MUST_CHECK;

/* --- agents ------------------------------------------------------------------------------------------------
 */
/* NULL strings take the defaults of a new agent, or keep what the version before had. */
struct vg_agent_profile {
    const char *name;          /* required for a new one */
    const char *role;          /* receptionist sales support dispatcher custom */
    const char *system_prompt; /* required for a new one */
    const char *greeting, *language, *voice_id, *stt_engine, *llm_engine, *tts_engine;
    const char *vocabulary;   /* a word or phrase a line */
    int64_t endpointing_ms;   /* below 0: as above */
    int barge_in, is_default; /* 0, 1, below 0: as above; a new default takes the mark from the old one */
};
#define VG_AGENT_PROFILE_INIT                                                                                \
    ((struct vg_agent_profile){.endpointing_ms = -1, .barge_in = -1, .is_default = -1})

/* Give a snapshot (vg_agent_put). Errors: VG_EINVAL (a value is not allowed), VG_ENOENT. The first agent of a
 * tenant is made its default. Every update is a new version. */
int vg_admin_agent_create(struct vg_pg *pg, const char *tenant_id, const struct vg_agent_profile *profile,
                          int64_t deadline_us, const struct vg_agent **out) VG_MUST_CHECK;
int vg_admin_agent_update(struct vg_pg *pg, const char *tenant_id, const char *agent_id,
                          const struct vg_agent_profile *profile, int64_t deadline_us,
                          const struct vg_agent **out) VG_MUST_CHECK;
int vg_admin_agent_load(struct vg_pg *pg, const char *tenant_id, const char *agent_id, int64_t deadline_us,
                        const struct vg_agent **out) VG_MUST_CHECK;
struct vg_agent_list {
    size_t count;
    const struct vg_agent *items[];
};
int vg_admin_agent_list(struct vg_pg *pg, const char *tenant_id, const char *after, unsigned limit,
                        int64_t deadline_us, struct vg_agent_list **out) VG_MUST_CHECK;
struct vg_agent_list *vg_agent_list_free(struct vg_agent_list *l);

/* --- the demo ----------------------------------------------------------------------------------------------
 */
struct vg_demo {
    struct vg_tenant tenant;
    char agent_id[VG_ID_SIZE];
    struct vg_new_key tenant_key, admin_key;
};
/* Makes a tenant with an agent, a few knowledge articles in English and Arabic, a key of its own and one of
 * the operator's. A new tenant each time. */
int vg_admin_demo(struct vg_pg *pg, const char *tenant_name, int64_t deadline_us,
                  struct vg_demo *out) VG_MUST_CHECK;

#endif
