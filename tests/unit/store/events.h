/* Spool events for tests, with a loop on a thread that takes the acknowledgements. */
#ifndef TESTS_STORE_EVENTS_H
#define TESTS_STORE_EVENTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "net/loop.h"
#include "store/spool.h"

struct loop_thread {
    struct vg_loop *loop;
    pthread_t thread;
};

void loop_thread_start(struct loop_thread *t);
void loop_thread_stop(struct loop_thread *t);

/* A call that counts its ordinals. */
struct test_call {
    char tenant_id[VG_ID_SIZE], call_id[VG_ID_SIZE], session_id[VG_ID_SIZE];
    uint32_t ordinal;
};

void test_call_init(struct test_call *c, const char *tenant_id);
/* Appends; acknowledgements count in *acked (may be NULL). Fails the test if the append is refused. */
void test_started(struct test_call *c, struct vg_spool *s, struct vg_loop *loop, atomic_int *acked);
void test_state(struct test_call *c, struct vg_spool *s, const char *status);
void test_message(struct test_call *c, struct vg_spool *s, const char *message_id, const char *text,
                  struct vg_loop *loop, vg_spool_fn done, void *arg);
void test_usage(struct test_call *c, struct vg_spool *s, const char *key, const char *quantity);
void test_ended(struct test_call *c, struct vg_spool *s, const char *reason);
void test_raw(struct test_call *c, struct vg_spool *s, enum vg_record_kind kind, const char *body);
/* The call's UUID, in a static buffer. */
const char *test_uuid(const char *id);

#endif
