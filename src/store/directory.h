/* The directory: tenants, API keys and agents, cached in the process so that hot routes never wait for
 * PostgreSQL. Entries are immutable snapshots with a reference count; a stale one is served while the
 * database is away and refreshed otherwise (at most 30 s old; changes arrive at once by LISTEN/NOTIFY on
 * `voxgate_directory`). Unknown keys are remembered for 5 s, so that a flood of bad keys does not reach the
 * database. */
#ifndef VG_STORE_DIRECTORY_H
#define VG_STORE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/id.h"
#include "store/scope.h"

struct vg_directory;
struct vg_loop;
struct vg_workers;

enum vg_tenant_status { VG_TENANT_ACTIVE, VG_TENANT_SUSPENDED, VG_TENANT_DELETED };

struct vg_tenant {
    char id[VG_ID_SIZE];
    char name[128];
    enum vg_tenant_status status;
    char plan[16];
    uint32_t rate_limit_requests; /* per window; 0: the configured default */
    uint32_t rate_limit_window_s;
    uint32_t concurrent_calls_max;        /* 0: the configured default */
    char default_agent_id[VG_ID_SIZE];    /* "" if none */
    int64_t created_at_us, updated_at_us; /* Unix time */
};

struct vg_key_record {
    char id[VG_ID_SIZE];
    char tenant_id[VG_ID_SIZE]; /* "" for the operator's admin key */
    char sha256_hex[VG_SHA256_HEX_SIZE];
    uint32_t scopes;
    int64_t expires_us; /* Unix time, 0: never */
    bool revoked;
};

/* Strings are owned by the snapshot. */
struct vg_agent {
    char id[VG_ID_SIZE];
    char tenant_id[VG_ID_SIZE];
    uint32_t version;
    const char *name, *role, *system_prompt, *greeting; /* greeting "" for none */
    const char *language;                               /* "en", "ar", "auto" */
    const char *voice_id;                               /* a preset */
    const char *stt_engine, *llm_engine, *tts_engine;   /* "" for the instance's default */
    const char *const *vocabulary;
    uint32_t vocabulary_count;
    uint32_t endpointing_ms; /* 0: default */
    bool barge_in;
    bool is_default;
    int64_t created_at_us, updated_at_us; /* Unix time */
};

/* Snapshots: the callee gives a reference; put it back. Any thread. */
void vg_tenant_put(const struct vg_tenant *t);
void vg_agent_put(const struct vg_agent *a);

int vg_directory_new(struct vg_directory **out, struct vg_workers *workers) VG_MUST_CHECK;
/* Call when the loops and workers that it used have stopped. */
struct vg_directory *vg_directory_free(struct vg_directory *d);
/* Starts the thread that LISTENs for changes, on a connection of its own that must not be pooled
 * (DATABASE_URL_DIRECT where there is one). It reconnects by itself. */
int vg_directory_listen(struct vg_directory *d, const char *database_url) VG_MUST_CHECK;

/* `err`: 0, VG_ENOENT, or VG_EUNAVAIL (not cached and the database is away). `tenant` and `agent` are
 * borrowed until the callback returns; take a reference with vg_tenant_get / vg_agent_get to keep them. */
typedef void (*vg_key_fn)(void *arg, int err, const struct vg_key_record *key,
                          const struct vg_tenant *tenant);
typedef void (*vg_tenant_fn)(void *arg, int err, const struct vg_tenant *tenant);
typedef void (*vg_agent_fn)(void *arg, int err, const struct vg_agent *agent);
const struct vg_tenant *vg_tenant_get(const struct vg_tenant *t);
const struct vg_agent *vg_agent_get(const struct vg_agent *a);

/* Looks up; `done` runs on `loop`, within the call where the entry is cached, later else. Loop threads. */
void vg_directory_key(struct vg_directory *d, struct vg_loop *loop, const char *sha256_hex, vg_key_fn done,
                      void *arg);
/* For the tokens minted from a key: is key id `key_id` still good? */
void vg_directory_key_by_id(struct vg_directory *d, struct vg_loop *loop, const char *key_id, vg_key_fn done,
                            void *arg);
void vg_directory_tenant(struct vg_directory *d, struct vg_loop *loop, const char *tenant_id,
                         vg_tenant_fn done, void *arg);
/* `agent_id` NULL: the tenant's default agent. */
void vg_directory_agent(struct vg_directory *d, struct vg_loop *loop, const char *tenant_id,
                        const char *agent_id, vg_agent_fn done, void *arg);
/* Counts the changes that were told of; what it does not say is of which. Any thread. */
unsigned vg_directory_changes(struct vg_directory *d);
/* Drops cached entries of a tenant (all with NULL), e.g. after a change by this process. Any thread. */
void vg_directory_invalidate(struct vg_directory *d, const char *tenant_id);

#endif
