/* See events.h. */
#include "events.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/record_body.h"

static void *run(void *arg)
{
    vg_loop_run(arg);
    return NULL;
}

void loop_thread_start(struct loop_thread *t)
{
    t->loop = vg_loop_new("test");
    VG_ASSERT(t->loop && !pthread_create(&t->thread, NULL, run, t->loop));
}

void loop_thread_stop(struct loop_thread *t)
{
    vg_loop_stop(t->loop);
    pthread_join(t->thread, NULL);
    t->loop = vg_loop_free(t->loop);
}

void test_call_init(struct test_call *c, const char *tenant_id)
{
    snprintf(c->tenant_id, sizeof c->tenant_id, "%s", tenant_id);
    vg_id_new(c->call_id, VG_ID_CALL);
    vg_id_new(c->session_id, VG_ID_SESSION);
    c->ordinal = 0;
}

static void count(void *arg, int err)
{
    VG_ASSERT(!err);
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void append(struct test_call *c, struct vg_spool *s, enum vg_record_kind kind, struct vg_buf *body,
                   struct vg_loop *loop, vg_spool_fn done, void *arg)
{
    struct vg_record_event e = {.kind = kind,
                                .tenant_id = c->tenant_id,
                                .call_id = c->call_id,
                                .owner_epoch = 1,
                                .ordinal = ++c->ordinal,
                                .body = vg_buf_str(body)};
    VG_ASSERT(vg_spool_append(s, &e, loop, done, arg) == 0);
    vg_buf_free(body);
}

void test_started(struct test_call *c, struct vg_spool *s, struct vg_loop *loop, atomic_int *acked)
{
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_call_started(&b, &(struct vg_record_call_started){.session_id = c->session_id,
                                                                      .user_id = "user \"1\"",
                                                                      .direction = "inbound",
                                                                      .channel = "websocket",
                                                                      .language = "en",
                                                                      .metadata = "{\"order_id\":\"O6\"}",
                                                                      .started_at_us = vg_utc_us(),
                                                                      .instance_id = "here"});
    append(c, s, VG_RECORD_CALL_STARTED, &b, acked ? loop : NULL, acked ? count : NULL, acked);
}

void test_state(struct test_call *c, struct vg_spool *s, const char *status)
{
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_call_state(&b, &(struct vg_record_call_state){.status = status, .at_us = vg_utc_us()});
    append(c, s, VG_RECORD_CALL_STATE, &b, NULL, NULL, NULL);
}

void test_message(struct test_call *c, struct vg_spool *s, const char *message_id, const char *text,
                  struct vg_loop *loop, vg_spool_fn done, void *arg)
{
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_message(&b, &(struct vg_record_message){.message_id = message_id,
                                                            .session_id = c->session_id,
                                                            .role = "user",
                                                            .text = text,
                                                            .turn = 1,
                                                            .start_ms = 10,
                                                            .end_ms = 900,
                                                            .confidence = 0.5,
                                                            .at_us = vg_utc_us()});
    append(c, s, VG_RECORD_MESSAGE, &b, loop, done, arg);
}

void test_usage(struct test_call *c, struct vg_spool *s, const char *key, const char *quantity)
{
    struct vg_buf b = VG_BUF_INIT;
    char id[VG_ID_SIZE];
    vg_id_new(id, VG_ID_EVENT);
    vg_record_write_usage(&b, &(struct vg_record_usage){.event_id = id,
                                                        .session_id = c->session_id,
                                                        .kind = "llm",
                                                        .provider = "vendorA",
                                                        .unit = "token",
                                                        .quantity = quantity,
                                                        .unique_key = key,
                                                        .at_us = vg_utc_us(),
                                                        .tokens_in = 45,
                                                        .tokens_out = 67});
    append(c, s, VG_RECORD_USAGE, &b, NULL, NULL, NULL);
}

void test_ended(struct test_call *c, struct vg_spool *s, const char *reason)
{
    struct vg_buf b = VG_BUF_INIT;
    vg_record_write_call_ended(&b, &(struct vg_record_call_ended){.reason = reason,
                                                                  .status = "ended",
                                                                  .ended_at_us = vg_utc_us(),
                                                                  .duration_ms = 1234,
                                                                  .turns = 1});
    append(c, s, VG_RECORD_CALL_ENDED, &b, NULL, NULL, NULL);
}

void test_raw(struct test_call *c, struct vg_spool *s, enum vg_record_kind kind, const char *body)
{
    struct vg_buf b = VG_BUF_INIT;
    vg_buf_puts(&b, body);
    append(c, s, kind, &b, NULL, NULL, NULL);
}

const char *test_uuid(const char *id)
{
    static char uuid[VG_UUID_SIZE];
    const char *hex = id;
    for (const char *p = id; *p; p++) {
        if (*p == '_')
            hex = p + 1;
    }
    VG_ASSERT(vg_id_to_uuid(uuid, hex, NULL) == 0);
    return uuid;
}
