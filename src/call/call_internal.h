/* The body of a call, for the files of src/call alone. Everything here belongs to the owner's loop unless a
 * comment says otherwise. */
#ifndef VG_CALL_CALL_INTERNAL_H
#define VG_CALL_CALL_INTERNAL_H

#include "base/buf.h"
#include "call/call.h"
#include "call/media.h"
#include "net/loop.h"
#include "obs/trace.h"
#include "proto/clause.h"

enum {
    HISTORY_MAX = 24,            /* messages that the answer engine is given */
    CLAUSES_MAX = 64,            /* of one reply; the rest of a longer one is not spoken */
    REPLAY_MAX = 64,             /* messages kept for a resuming client */
    HANDOFF_WAIT_UNKNOWN_S = 30, /* told where the queue itself was not asked */
    UTTERANCES = 4,              /* finals that may be outstanding */
    SYNTH_AHEAD_US =
        1500000, /* ask for the next clause when less than this is left: queue mark, lead and a piece */
};

/* --- what the client is told (call_emit.c) ----------------------------------------------------------------
 */
struct held_out; /* an event that waits for the spool, or is kept for a replay */

struct outbox {
    uint64_t seq;                  /* of the last event sent */
    struct held_out *first, *last; /* wait for an acknowledgement, in order */
    struct held_out *replay[REPLAY_MAX];
    uint32_t replay_next;
};

/* --- what is recorded (call_record.c) ---------------------------------------------------------------------
 */
struct recorder {
    uint64_t appended, acked; /* spool events of this call; acknowledged or no longer waited for */
    uint64_t late;       /* no longer waited for: the next so many acknowledgements tell nobody anything */
    bool failed;         /* the spool refused one, or hangs; told until it takes one again */
    bool refused;        /* ... the newest, at once */
    int64_t appended_us; /* when the newest was appended */
    int64_t waiting_us;  /* since when no acknowledgement came that is waited for */
};

/* --- the caller's turn (call_turn.c) ----------------------------------------------------------------------
 */
struct utterance {
    uint32_t number; /* 0: free */
    char turn_id[VG_ID_SIZE];
    bool ignored; /* spoken under a reply that was not cut: a backchannel */
    int64_t start_samples, end_samples;
    int64_t speech_end_us; /* monotonic: when its last speech frame came */
    int64_t ended_us;      /* monotonic: when the turn was over */
    struct vg_span *turn_span, *stt_span;
};

struct caller {
    struct vg_stt *stt; /* NULL where nothing hears the language */
    struct utterance utterances[UTTERANCES];
    uint32_t number; /* of the newest utterance */
    bool open;       /* the newest is being spoken */
    bool opened_under_reply;
    bool cut_seen; /* ... and has cut that reply */
    bool choosing_language;
};

/* --- the agent's turn (call_reply.c) ----------------------------------------------------------------------
 */
struct clause {
    char *text;   /* as shown */
    char *speech; /* as spoken, "" for nothing */
    int16_t *pcm; /* synthesised and not yet queued: pcm[at .. samples) */
    size_t samples, at, cap;
    int64_t start_us, length_us; /* within the reply; length grows while it is synthesised */
    uint64_t need;               /* spool acknowledgements before it may be heard */
    bool synthesised, failed, marked, queued;
    char language[8];
};

/* When what happened, monotonic, 0: not yet; for the latency's parts. */
struct reply_times {
    int64_t speech_end_us, turn_ended_us, final_us, first_clause_us, first_audio_us, first_piece_us;
};

struct reply {
    bool active;         /* from the first thought until it is played out or cut */
    bool by_agent_alone; /* greeting or announcement: no caller's turn behind it */
    bool sent;           /* the last piece has left */
    bool held;
    bool audio_started; /* AUDIO_START was sent */
    char turn_id[VG_ID_SIZE];
    char message_id[VG_ID_SIZE];
    struct vg_llm *llm;
    bool llm_done;
    struct vg_llm_result result; /* `intent` points into `intent` */
    char intent[48];
    struct vg_clause splitter;
    struct clause *clauses;      /* CLAUSES_MAX of them, made for the first reply */
    uint32_t count, synth, play; /* clauses; next to synthesise; next to queue */
    uint32_t told;               /* clauses whose text was told: always in order */
    struct vg_tts *tts;
    const struct vg_tts_ops *tts_ops; /* of `tts`, and of the last clause synthesised */
    bool tts_failed;
    bool end_marked;
    uint32_t pieces;
    struct reply_times times;
    struct vg_span *turn_span, *llm_span, *tts_span; /* turn: taken over from the utterance */
    struct vg_timer *played_out;
};

struct history_item {
    enum vg_llm_role role;
    char *text;
};

enum handoff_state { HANDOFF_NONE, HANDOFF_QUEUED, HANDOFF_ACCEPTED };

struct end_waiter {
    struct end_waiter *next;
    struct vg_message message;
    struct vg_loop *loop;
    vg_call_ended_fn done;
    int err; /* that it is told */
    void *arg;
};

struct vg_call {
    struct vg_shard *shard;          /* RO */
    struct vg_call_entry *entry;     /* RO, a reference */
    const struct vg_call_spec *spec; /* RO, of the entry */
    struct vg_call_snapshot state;   /* the owner's copy; published by call_publish_state() */
    char language[8];                /* in force; `auto` may change it */

    struct vg_leg_host *host;    /* the present leg's, NULL while detached */
    struct leg_arrival *arrival; /* owned: a leg that waits for the old one to close */
    bool host_closing;
    int64_t token_expires_s; /* see struct vg_joining, of the newest leg */

    struct vg_media *media;
    struct vg_leg_settings settings; /* in force */
    struct vg_timer *housekeeping;
    int64_t attached_us, detached_us, last_input_us; /* monotonic */
    int64_t connected_frame_us;

    struct outbox outbox;
    struct recorder recorder;
    struct caller caller;
    struct reply reply;
    struct history_item history[HISTORY_MAX];
    uint32_t history_count;
    struct vg_buf transcript; /* JSON array being built, without its closer */
    struct vg_buf intents;
    char last_intent[48];
    double sentiment_sum;
    uint32_t sentiment_count;

    enum handoff_state handoff;
    char handoff_id[VG_ID_SIZE];

    struct vg_span *span;
    bool ending;   /* call_finish() ran */
    bool end_told; /* CALL_ENDED went out */
    bool media_stopped;
    struct end_waiter *end_waiters;
};

/* call.c */
void call_finish(struct vg_call *c, const char *reason, enum vg_call_status status);
void call_publish_state(struct vg_call *c);
void call_message(struct vg_call *c, const struct vg_leg_in *in);
void call_free_if_done(struct vg_call *c);
int call_attach_first(struct vg_shard *shard, struct vg_call_entry *entry, struct vg_leg *leg,
                      int64_t token_expires_s) VG_MUST_CHECK;

/* call_settings.c */
int call_apply_settings(struct vg_call *c, const struct vg_leg_settings *s) VG_MUST_CHECK;
void call_send_ready(struct vg_call *c, bool resumed);
struct vg_turn_config call_turn_config(const struct vg_call *c);
int call_lead_ms(const struct vg_call *c);
bool call_barge_in(const struct vg_call *c);

/* call_legs.c */
void call_leg_gone(struct vg_call *c, struct vg_leg_host *host);
void call_leg_closed(struct vg_call *c);
/* The call has ended: turns a leg away that waits for its place. */
void call_refuse_arrival(struct vg_call *c);

/* call_host.c: the boundary to the leg, which may live on another loop */
struct vg_leg_host *host_new(struct vg_call *c, struct vg_leg *leg);
/* Undoes host_new() for a leg that stays its maker's. NULL is fine. */
void host_discard(struct vg_leg_host *host);
void host_send(struct vg_leg_host *host, const struct vg_leg_out *out);
/* Says farewell; call_leg_closed() follows when the leg let go of the media. */
void host_close(struct vg_leg_host *host, int code, const char *reason);

/* call_emit.c */
/* Sends an event now, or behind those that wait for the spool. */
void call_emit(struct vg_call *c, struct vg_leg_out *out);
/* Sends it once everything appended to the spool so far is acknowledged: persist before tell. */
void call_tell(struct vg_call *c, struct vg_leg_out *out);
/* Sends past what waits; for pong and clear. */
void call_emit_now(struct vg_call *c, struct vg_leg_out *out);
void call_emit_simple(struct vg_call *c, enum vg_leg_out_type type);
void call_emit_error(struct vg_call *c, const char *code, const char *message, bool fatal);
void call_outbox_flush(struct vg_call *c);
/* Forgets the final transcripts that wait: the spool refused them. */
void call_outbox_drop_finals(struct vg_call *c);
void call_outbox_replay(struct vg_call *c, uint64_t after_seq);
void call_outbox_free(struct vg_call *c);
/* A deep copy; audio only if asked. NULL without memory. */
struct held_out *held_out_new(const struct vg_leg_out *out, bool with_audio);
const struct vg_leg_out *held_out_get(const struct held_out *h);
struct held_out *held_out_free(struct held_out *h);

/* call_record.c */
void call_record_caller(struct vg_call *c, const char *text, const struct utterance *u, double confidence);
/* The reply, once when it is known (heard_text NULL) and once when it is known what was heard. */
void call_record_reply(struct vg_call *c, const char *text, const char *heard_text, bool interrupted);
/* One billable thing. */
struct usage {
    const char *kind, *provider, *unit;
    int64_t quantity_micro;        /* millionths of a unit */
    const char *key;               /* unique within the call: what it bills */
    int64_t tokens_in, tokens_out; /* -1: none */
    const char *billed_as;         /* "" or "cancelled" */
};
void call_record_usage(struct vg_call *c, const struct usage *u);
/* Gives up what the spool has kept waiting past its deadline: finals that wait are not told, and what else
 * waits leaves behind the error that says so. Call it now and then. May end the call's life as an
 * acknowledgement does, but never frees the call. */
void call_record_check(struct vg_call *c, int64_t now_us);
void call_record_state(struct vg_call *c);
void call_record_ended(struct vg_call *c);
void call_record_handoff(struct vg_call *c, const char *handoff_id, const char *queue, const char *reason);
/* Publishes a CallEvent on the channel `name`:<call id>. */
void call_publish(struct vg_call *c, const char *name, const char *event_type, const char *data_json);

/* call_turn.c */
int call_turn_open(struct vg_call *c) VG_MUST_CHECK;
void call_turn_close(struct vg_call *c);
/* The caller has said `text`, in whatever way; `u` is NULL for typed text and keys. */
void call_turn_accept(struct vg_call *c, const char *text, double confidence, struct utterance *u,
                      const char *source);
void call_turn_dtmf(struct vg_call *c, char digit);
extern const struct vg_media_events call_media_events;

/* call_language.c */
/* "en" or "ar" where `text` asks for that language and says little else, else NULL; static. */
const char *call_language_named(const char *text);

/* call_text.c */
/* A vg_clause_fn. */
void reply_add_clause(void *call, const char *text, size_t text_bytes, const char *speech,
                      size_t speech_bytes);
/* All of it; gives. */
char *reply_whole_text(const struct reply *r);
/* The texts before clause `end` that were not told yet, which they are now. The caller frees it; NULL: none. */
char *reply_tell_text(struct reply *r, uint32_t end);

/* call_answer.c */
/* Asks the answer engine for a reply to the history. */
void reply_ask(struct vg_call *c);
/* The text is complete: the last clause is cut, and it is recorded. */
void reply_text_complete(struct vg_call *c);

/* call_reply.c */
/* Answers the caller's last message; takes the turn's span from `u`. */
void reply_start(struct vg_call *c, struct utterance *u, const char *turn_id);
/* Says a fixed text; no answer engine. */
void reply_say(struct vg_call *c, const char *text, const char *language);
/* Cuts the reply; `by` is "voice", "message", "text", "dtmf", "end". Nothing happens if none is active. */
void reply_interrupt(struct vg_call *c, const char *by);
void reply_pump(struct vg_call *c);
void reply_piece(struct vg_call *c, const struct vg_media_piece *piece);
void reply_sent(struct vg_call *c);
void reply_held(struct vg_call *c, bool held);
void reply_clear(struct vg_call *c);
/* Makes what replies need; VG_ENOMEM. */
int reply_prepare(struct vg_call *c) VG_MUST_CHECK;
/* Speech of this call's media clock that was heard of the reply, as text. Gives. */
char *reply_heard_text(const struct vg_call *c, int64_t played_us);

/* Fixed sentences in the agent's language; static. */
const char *reply_apology(const char *language);
const char *reply_choose_language(void);
const char *reply_no_open_speech(const struct vg_call *c);
const char *reply_please_hold(const char *language);
const char *reply_nobody_free(const char *language);

/* call_history.c */
/* JSON of the context so far; borrowed until the next change. */
const char *call_transcript_json(struct vg_call *c);
const char *call_intents_json(struct vg_call *c);
const char *call_sentiment(const struct vg_call *c);
void history_add(struct vg_call *c, enum vg_llm_role role, const char *text);
void history_free(struct vg_call *c);
void history_note_intent(struct vg_call *c, const char *intent, double sentiment);

#endif
