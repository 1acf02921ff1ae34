/* Calls, transcripts and usage as PostgreSQL has them, for requests on worker threads (blocking). A call that
 * is live may be ahead of what stands here: its events come through the spool. Another tenant's id is
 * VG_ENOENT. */
#ifndef VG_STORE_CALLS_H
#define VG_STORE_CALLS_H

#include <stdbool.h>

#include "store/pg.h"

/* Strings live until the free function; "" where absent. Times are Unix microseconds, 0 where absent. */
struct vg_call_record {
    char call_id[VG_ID_SIZE], session_id[VG_ID_SIZE], tenant_id[VG_ID_SIZE], agent_id[VG_ID_SIZE];
    uint32_t agent_version;
    const char *user_id, *status, *direction, *channel, *language, *voice_id;
    const char *caller_number, *called_number;
    const char *metadata; /* JSON object */
    const char *end_reason;
    int64_t started_at_us, answered_at_us, ended_at_us;
    int64_t duration_ms;
    uint32_t turns;
    struct vg_rows *rows; /* owned: the strings */
};

/* Errors: VG_ENOENT and those of vg_pg_exec. */
int vg_call_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, int64_t deadline_us,
                 struct vg_call_record **out) VG_MUST_CHECK;
struct vg_call_record *vg_call_record_free(struct vg_call_record *c);

struct vg_transcript_message {
    char id[VG_ID_SIZE];
    const char *role, *text, *intent;
    const char *heard_text; /* NULL: all of it was heard, or it is the caller's */
    uint32_t turn;
    int64_t start_ms, end_ms; /* -1: absent */
    double confidence;        /* -1: absent */
    bool interrupted, has_sentiment;
    double sentiment;
    int64_t at_us;
};

struct vg_transcript {
    struct vg_rows *rows; /* owned: the strings */
    size_t count;
    struct vg_transcript_message messages[];
};

/* Oldest first. By call or by session, the other NULL; `after` (may be NULL) is the last message id seen. An
 * unknown id has no messages. */
int vg_transcript_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, const char *session_id,
                       const char *after, unsigned limit, int64_t deadline_us,
                       struct vg_transcript **out) VG_MUST_CHECK;
struct vg_transcript *vg_transcript_free(struct vg_transcript *t);

struct vg_usage_sum {
    const char *kind, *provider, *unit;
    const char *quantity, *cost; /* decimal literals; cost in USD */
    int64_t events, tokens_in, tokens_out;
};

struct vg_usage_sums {
    struct vg_rows *rows; /* owned: the strings */
    size_t count;
    struct vg_usage_sum sums[];
};

/* One sum for each kind, provider and unit. */
int vg_usage_load(struct vg_pg *pg, const char *tenant_id, const char *call_id, const char *session_id,
                  int64_t deadline_us, struct vg_usage_sums **out) VG_MUST_CHECK;
struct vg_usage_sums *vg_usage_sums_free(struct vg_usage_sums *u);

#endif
