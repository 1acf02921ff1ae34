/* A call: one conversation over one leg at a time, living on one shard's loop.
 *
 * Made by vg_call_create() (state ready), brought to life by the first leg (vg_call_attach()), kept for a
 * while without a leg (resume), ended by either side, a limit or the operator. Read next: call_internal.h,
 * then call_turn.c (the caller's turn) and call_reply.c (the agent's). */
#ifndef VG_CALL_CALL_H
#define VG_CALL_CALL_H

#include "call/registry.h"
#include "voxgate/leg.h"

/* `entry` is borrowed until the callback returns, NULL on error: VG_ECAPACITY (instance), VG_ELIMIT (tenant),
 * VG_EIO (the spool refused), VG_ENOMEM. */
typedef void (*vg_call_created_fn)(void *arg, int err, struct vg_call_entry *entry, uint32_t limit,
                                   uint32_t used);

/* Starts a call: takes a place, the tenant's lease, writes it to the spool, shows it in Redis, announces
 * `call.started`. Takes `spec`. `done` runs once on the shard's loop. LOOP of `shard`. */
void vg_call_create(struct vg_shard *shard, struct vg_call_spec *spec, uint32_t concurrent_limit,
                    vg_call_created_fn done, void *arg);

/* How a leg comes to its call. */
struct vg_joining {
    bool resume;             /* in place of an earlier leg, one that is lost or is taken over */
    uint64_t last_seq;       /* with `resume`: messages after it are sent again */
    int64_t token_expires_s; /* Unix time: the access token that opened this connection is good until then,
                              * and the connection with it; 0: nothing of the kind, as with a session token,
                              * whose own time is for opening alone */
};

/* Gives `leg` to a call: the first one of a ready call, or (with `resume`) one in place of another. LOOP of
 * `shard`, which is the leg's. VG_ESTATE: another leg is there, or the call has ended; the leg stays the
 * caller's. With `resume` later errors close the leg with 4404, or 4409 where yet another one takes its
 * place. */
int vg_call_attach(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_leg *leg,
                   const struct vg_joining *how) VG_MUST_CHECK;

/* Reasons that end with an error and a close code of their own. */
#define VG_CALL_TOKEN_REVOKED    "token_revoked"    /* 4401 */
#define VG_CALL_TOKEN_EXPIRED    "token_expired"    /* 4401 */
#define VG_CALL_TENANT_SUSPENDED "tenant_suspended" /* 1008 */

/* `err` VG_ETIMEOUT: it has ended, but the spool has not confirmed the record of that (yet). */
typedef void (*vg_call_ended_fn)(void *arg, int err);
/* Ends a call whatever its state; `done` (may be NULL) runs on the loop of `from` when the end is in the
 * spool or its deadline is over, at once for a call that has ended. LOOP of `from`. */
void vg_call_end(struct vg_shard *from, struct vg_call_entry *entry, const char *reason,
                 vg_call_ended_fn done, void *arg);

/* What POST /handoff and the desk do to a live call. */
enum vg_handoff_change {
    VG_HANDOFF_REQUESTED,
    VG_HANDOFF_ACCEPTED,
    VG_HANDOFF_DECLINED,
    VG_HANDOFF_COMPLETED
};
struct vg_handoff_notice {
    enum vg_handoff_change change;
    char handoff_id[VG_ID_SIZE];
    char queue[64];
    int estimated_wait_seconds;
};
/* Any loop thread; no answer: a call that is gone ignores it. */
void vg_call_handoff(struct vg_call_entry *entry, const struct vg_handoff_notice *notice);

/* What is known of a live conversation, for the context of a handoff. Owned by the receiver's callback only.
 */
struct vg_call_context {
    const char *handoff_id;      /* of the handoff that it has open, "": none that the call knows of */
    const char *transcript_json; /* array of "caller: ..." / "agent: ..." strings */
    const char *intents_json;    /* array of strings, in order, without repeats in a row */
    const char *sentiment;       /* "negative", "neutral", "positive" */
    int64_t duration_us;
};
/* `context` is NULL if the call is not live on this instance. Runs on the loop of `from`. */
typedef void (*vg_call_context_fn)(void *arg, const struct vg_call_context *context);
void vg_call_ask_context(struct vg_shard *from, struct vg_call_entry *entry, vg_call_context_fn done,
                         void *arg);

/* Once a second on each shard: ends ready calls that nobody connected to, forgets old ones. LOOP. */
void vg_call_sweep(struct vg_shard *shard);

#endif
