/* The calls of this process: from start until some minutes after their end (of the last 1,000 that ended),
 * whichever shard they live on.
 *
 * An entry is made when a call is started and outlives the call itself, so that a status or a second `end` is
 * answered from memory. What threads share is behind one short lock; `spec` is immutable. */
#ifndef VG_CALL_REGISTRY_H
#define VG_CALL_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "call/shard.h"
#include "obs/trace.h"
#include "proto/call_out.h"

struct vg_call;
struct vg_calls;

enum vg_call_status {
    VG_CALL_READY, /* started, nobody connected yet */
    VG_CALL_RINGING,
    VG_CALL_IN_PROGRESS,
    VG_CALL_HANDED_OFF,
    VG_CALL_ENDED,
    VG_CALL_FAILED,
};
const char *vg_call_status_name(enum vg_call_status status);

/* What a call is made from. Strings are owned by the spec, "" where there is nothing. */
struct vg_call_spec {
    char call_id[VG_ID_SIZE], session_id[VG_ID_SIZE], tenant_id[VG_ID_SIZE], agent_id[VG_ID_SIZE];
    char key_id[VG_ID_SIZE]; /* of the API key that it was started with; "" for the operator's */
    char request_id[68];     /* of the request that started it, for the log */
    uint32_t agent_version;
    char user_id[260];
    char language_asked[8]; /* as in the request: "auto", "en", "ar" */
    char language[8];       /* in force */
    char voice_id[64];
    char channel[16];   /* "websocket", "fake" */
    char direction[12]; /* "inbound", "outbound" */
    char caller_number[24], called_number[24];
    char *metadata;      /* JSON object */
    char *system_prompt; /* variables filled in */
    char *greeting;      /* said first; "" for none */
    char **vocabulary;
    uint32_t vocabulary_count;
    const struct vg_stt_ops *stt; /* NULL: nothing hears this language or takes words of it */
    const char *stt_name;         /* static: of `stt`, or "none" */
    bool stt_open_speech;         /* false while `stt` is set: single words alone */
    bool stt_embedded;            /* counts against the recogniser streams of this instance */
    const struct vg_llm_ops *llm;
    char tts_engine[32];
    uint32_t endpointing_ms;
    bool barge_in;
    bool publish_audio;
    int64_t started_utc_us;
    struct vg_span_context trace; /* of the request that started it */
};
struct vg_call_spec *vg_call_spec_new(void);
struct vg_call_spec *vg_call_spec_free(struct vg_call_spec *spec);

/* A consistent look at a call. Plain data. */
struct vg_call_snapshot {
    enum vg_call_status status;
    int64_t answered_utc_us, ended_utc_us; /* 0: not yet */
    int64_t duration_us;                   /* answered to ended, or to now */
    uint32_t turns;
    char end_reason[64]; /* "" while live */
    char resume_token[48];
    bool connected;   /* a leg is there */
    char language[8]; /* chosen during the call; "": as the spec says */
};

/* The call as every surface shows it; borrows from both. Any thread. */
struct vg_call_out vg_call_out_of(const struct vg_call_spec *spec, const struct vg_call_snapshot *s);

struct vg_call_entry {
    const struct vg_call_spec *spec; /* RO, owned */
    struct vg_shard *home;           /* RO: the shard that holds its lease and live state */
    int64_t created_us;              /* RO, monotonic */
    _Atomic uint32_t refs;
    _Atomic uint32_t ordinal;         /* of the last spool event; see vg_record_event */
    _Atomic bool released;            /* lease, stream and live state were given back */
    _Atomic(struct vg_shard *) owner; /* where the call lives; NULL while ready; set once, under the lock */
    /* The rest under the registry's lock. */
    struct vg_call *call; /* used on the owner's loop only; NULL when it is gone */
    struct vg_call_snapshot state;
    struct vg_call_entry *ended_next; /* remembered after this one */
};

struct vg_calls_limits {
    uint32_t calls_max;
    uint32_t stt_streams_max; /* embedded recognisers */
};

struct vg_calls *vg_calls_new(const struct vg_calls_limits *limits);
struct vg_calls *vg_calls_free(struct vg_calls *calls);

/* Adds a call in state ready and takes its recogniser stream; gives a reference. Takes `spec` on success.
 * VG_ECAPACITY: calls or recogniser streams are used up. Any thread. */
int vg_calls_add(struct vg_calls *calls, struct vg_call_spec *spec, struct vg_shard *home,
                 struct vg_call_entry **out) VG_MUST_CHECK;
/* Gives a reference, or NULL. Any thread. */
struct vg_call_entry *vg_calls_find(struct vg_calls *calls, const char *call_id);
void vg_call_entry_put(struct vg_call_entry *entry);
/* Another reference. Any thread. */
struct vg_call_entry *vg_call_entry_get(struct vg_call_entry *entry);
/* The shard that the call lives on, NULL while nobody has connected. Any thread. */
struct vg_shard *vg_call_owner(const struct vg_call_entry *entry);
struct vg_call_snapshot vg_calls_look(struct vg_calls *calls, const struct vg_call_entry *entry);

/* Makes `owner` the owner of a ready call. VG_ESTATE: it has one, or has ended. Any thread. */
int vg_calls_claim(struct vg_calls *calls, struct vg_call_entry *entry, struct vg_shard *owner) VG_MUST_CHECK;
/* The owner's own changes. */
void vg_calls_set_call(struct vg_calls *calls, struct vg_call_entry *entry, struct vg_call *call);
void vg_calls_update(struct vg_calls *calls, struct vg_call_entry *entry,
                     const struct vg_call_snapshot *state);
/* Ends a ready call that nobody owns; VG_ESTATE if somebody does or it has ended. */
int vg_calls_end_unclaimed(struct vg_calls *calls, struct vg_call_entry *entry,
                           const char *reason) VG_MUST_CHECK;
/* Gives the stream and the place back, once; true if this was the time. The entry stays for look-ups. */
bool vg_calls_release(struct vg_calls *calls, struct vg_call_entry *entry);

uint32_t vg_calls_live(const struct vg_calls *calls);
uint32_t vg_calls_stt_streams(const struct vg_calls *calls);
/* Forgets calls that ended before `ended_before_us` (Unix time), and gives references of calls of `home` that
 * are ready since before `created_before_us` (monotonic), at most `max`. For the shard's sweep. */
size_t vg_calls_sweep(struct vg_calls *calls, const struct vg_shard *home, int64_t ended_before_us,
                      int64_t created_before_us, struct vg_call_entry **ready, size_t max);
/* References of all calls that are live, for drain; `*out` is to be freed by the caller. */
size_t vg_calls_all_live(struct vg_calls *calls, struct vg_call_entry ***out);
/* Live calls by tenant, for the metrics; visits each tenant once. */
void vg_calls_by_tenant(struct vg_calls *calls,
                        void (*visit)(void *arg, const char *tenant_id, uint32_t live), void *arg);

#endif
