/* The load itself: workers (a thread and an epoll each) that hold calls, and what they measured. Shared by
 * worker.c (the loop), setup.c (from POST /call/start to `ready`), talk.c (audio, pings, replies) and run.c
 * (how many calls, for how long). */
#ifndef VG_CLI_BENCH_LOAD_H
#define VG_CLI_BENCH_LOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "cli/bench/frames.h"
#include "cli/bench/hist.h"
#include "cli/bench/wire.h"

enum failure {
    FAIL_CAPACITY, /* 503 at the start: refused in order where Retry-After is there */
    FAIL_LIMIT,    /* 429 */
    FAIL_START,    /* any other refusal or no answer */
    FAIL_CONNECT,
    FAIL_UPGRADE,
    FAIL_SETUP_TIME, /* not ready within 15 s */
    FAIL_CLOSED,     /* the server ended a call that was up */
    FAIL_ERROR,      /* an `error` message */
    FAIL_BACKLOG,    /* the server does not read: 2 s of audio wait */
    FAIL_PROTOCOL,   /* bytes that are no frame of a server */
    FAILURES
};
extern const char *const failure_names[FAILURES];

struct stats {
    uint64_t frames_sent, bytes_sent, delayed_sends; /* delayed: the kernel had no room for all of it */
    uint64_t messages, replies, reply_bytes, pongs;
    uint64_t late;                                  /* reply frames more than 5 ms past their slot */
    uint64_t reply_audio_us;                        /* that the agent talked */
    uint64_t gaps;                                  /* missing numbers in `seq` or in the pieces of a reply */
    uint64_t transcripts;                           /* finals of the loopback recogniser */
    uint64_t bad_transcripts;                       /* of the wrong form, or not counting up */
    uint64_t turns_due, turns_missing, turns_split; /* of calls that hung up */
    uint64_t set_up, hung_up, refused_bare;         /* bare: 429 or 503 without Retry-After */
    uint64_t failed[FAILURES];
    int64_t first_up_us, last_up_us;
    struct hist ping, turn, jitter, send_late, setup;
};
void stats_merge(struct stats *into, const struct stats *from);
uint64_t stats_failures(const struct stats *s, bool with_refused);

/* What all workers do alike. RO while they run. */
struct load {
    struct wire_url url;
    bool rest; /* false: WebSocket only, to url.path */
    const char *token, *tenant_id, *agent_id;
    const struct frames *frames;
    const char *config; /* message for the shape, NULL: none is needed */
    char *agent_text;   /* typed after each turn so that the agent talks, NULL: not */
    bool silent;        /* calls stand and say nothing, not even pings */
    double ramp;        /* calls a second for one worker, 0: as fast as it goes */
    int cpu;            /* of the first worker, -1: anywhere */
};

enum { WHEEL_AUDIO, WHEEL_PING, WHEELS };

enum call_state {
    CALL_STARTING,
    CALL_CONNECTING,
    CALL_UPGRADING,
    CALL_WAITING,
    CALL_TALKING,
    CALL_ENDING,
    CALL_GONE
};

enum source { SOURCE_LINK, SOURCE_CALL };

struct call {
    enum source source; /* first member: what an event of epoll belongs to */
    enum call_state state;
    struct worker *worker;
    size_t index; /* in worker->calls */
    int fd;
    int readies; /* `ready` messages that are still awaited */
    char *token; /* owned, until the upgrade */
    char id[VG_ID_SIZE];
    int64_t begun_us;
    uint8_t *rest, *out; /* owned: half a message received; what the kernel did not take */
    size_t rest_bytes, out_bytes, out_done;
    struct call *next[WHEELS], **link[WHEELS];
    /* talking */
    uint64_t first, at; /* messages of the conversation, counted on over its end */
    uint64_t seq;
    int64_t ping_us, said_us;
    uint32_t ping_id;
    int64_t turns, last_turn;
    /* the reply that is coming in */
    int64_t reply_us, reply_sent_us, lead_us;
    int64_t reply_next;
    bool reply_judged;
};

struct wheel {
    int64_t tick_us, begun_us;
    uint64_t done; /* ticks that were worked off */
    uint32_t count, placed;
    struct call **slot; /* owned */
};

struct worker {
    const struct load *load;
    pthread_t thread;
    int number;
    _Atomic int64_t target;     /* MAIN writes: calls to hold */
    _Atomic bool stop;          /* MAIN writes */
    _Atomic uint32_t asked;     /* MAIN counts up (release) to be given `report` */
    _Atomic uint32_t answered;  /* WORKER: release, pairs with MAIN's acquire */
    _Atomic int64_t held, busy; /* WORKER: calls that talk; calls on their way up or down */
    struct stats report;        /* WORKER writes before `answered` */

    /* WORKER */
    int epoll;
    int64_t now_us;
    struct stats stats;
    struct call **calls; /* owned, all that are not gone */
    size_t count, capacity, talking, ending, setting_up;
    struct call *grave; /* freed after this round of events; by next[0] */
    struct wheel wheels[WHEELS];
    struct link *links;
    int64_t next_start_us, next_sweep_us;
    uint64_t random;
    uint8_t *buffer; /* owned */
};

enum { BUFFER_BYTES = 256 * 1024 };

int worker_start(struct worker *w, const struct load *load, int number) VG_MUST_CHECK;
/* Hangs nothing up: set the target to 0 and wait before. */
void worker_end(struct worker *w);
/* What was measured since the last time; waits for the worker. */
void worker_collect(struct worker *w, struct stats *into);

/* --- between the worker's files --------------------------------------------------------------------------
 */
uint64_t worker_random(struct worker *w);
void wheel_add(struct worker *w, int wheel, struct call *c);
void wheel_remove(int wheel, struct call *c);

/* setup.c */
int links_open(struct worker *w) VG_MUST_CHECK;
void links_close(struct worker *w);
void link_event(struct link *link, uint32_t events);
void call_begin(struct worker *w);
/* The descriptor can be written: the connection stands (or not). */
void call_connected(struct call *c);
/* Takes the answer to the upgrade; returns bytes used, 0: more must come, -1: the call failed. */
int64_t call_upgraded(struct call *c, const char *data, size_t bytes);
void call_fail(struct call *c, enum failure why);
/* Ends it without a word; it is freed after this round. */
void call_drop(struct call *c);

/* talk.c */
void call_talk(struct call *c);
void call_say(struct call *c); /* its slot has come */
void call_ping(struct call *c);
void call_event(struct call *c, uint32_t events);
void call_hang_up(struct call *c);
/* Sends a message, or keeps what the kernel does not take. VG_ECLOSED: the call has failed. */
int call_send(struct call *c, const void *data, size_t bytes) VG_MUST_CHECK;
int call_send_text(struct call *c, const char *text) VG_MUST_CHECK;
void call_watch(struct call *c, bool writing);

#endif
