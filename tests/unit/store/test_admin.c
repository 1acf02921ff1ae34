/* Tenants, keys, agents, calls and handoffs on a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "events.h"
#include "pg_fixture.h"
#include "store/admin.h"
#include "store/calls.h"
#include "store/handoffs.h"
#include "store/knowledge.h"
#include "store/record.h"

static struct pg_fixture fx;
static struct vg_pg *pg;
static struct vg_tenant acme, other;
static struct vg_new_key acme_key, other_key;

static int start(void **state)
{
    (void)state;
    pg_fixture_start(&fx);
    pg_fixture_migrate(&fx);
    return vg_pg_new(&pg, fx.url);
}

static int stop(void **state)
{
    (void)state;
    pg = vg_pg_free(pg);
    pg_fixture_stop(&fx);
    return 0;
}

static void a_tenant_comes_with_its_first_key(void **state)
{
    (void)state;
    char hash[VG_SHA256_HEX_SIZE];
    assert_int_equal(vg_admin_tenant_create(pg, "Acme", NULL, 0, &acme, &acme_key), 0);
    assert_int_equal(vg_admin_tenant_create(pg, "Other", "growth", 0, &other, &other_key), 0);
    assert_string_equal(acme.plan, "starter");
    assert_true(vg_id_valid(acme.id, VG_ID_TENANT) && acme.created_at_us > 0);
    assert_int_equal(strlen(acme_key.secret), 47);
    assert_memory_equal(acme_key.prefix, acme_key.secret, 12);
    vg_sha256_hex(acme_key.secret, 47, hash);
    assert_int_equal(pg_fixture_number(&fx, "select scopes from api_keys where sha256_hex = '%s'", hash),
                     VG_SCOPES_TENANT);
    assert_int_equal(vg_admin_tenant_create(pg, "", NULL, 0, &acme, &acme_key), VG_EINVAL);
    assert_int_equal(vg_admin_tenant_create(pg, "x", "gold", 0, &other, &other_key), VG_EINVAL);
}

static void a_tenant_can_be_changed_and_listed(void **state)
{
    (void)state;
    struct vg_tenant t;
    struct vg_tenant_list *l = NULL;
    struct vg_tenant_change c = {.status = "suspended",
                                 .rate_limit_requests = 7,
                                 .rate_limit_window_s = -1,
                                 .concurrent_calls_max = -1};
    assert_int_equal(vg_admin_tenant_update(pg, acme.id, &c, 0, &t), 0);
    assert_int_equal(t.status, VG_TENANT_SUSPENDED);
    assert_int_equal(t.rate_limit_requests, 7);
    c.status = "active";
    assert_int_equal(vg_admin_tenant_update(pg, acme.id, &c, 0, &t), 0);
    c.status = "asleep";
    assert_int_equal(vg_admin_tenant_update(pg, acme.id, &c, 0, &t), VG_EINVAL);
    assert_int_equal(vg_admin_tenant_update(pg, "tnt_00000000000000000000000000000000", &c, 0, &t),
                     VG_ENOENT);
    assert_int_equal(vg_admin_tenant_load(pg, "nonsense", 0, &t), VG_ENOENT);
    assert_int_equal(vg_admin_tenant_list(pg, NULL, 10, 0, &l), 0);
    assert_int_equal(l->count, 2);
    free(l);
    assert_int_equal(vg_admin_tenant_list(pg, acme.id, 10, 0, &l), 0);
    assert_int_equal(l->count, 1);
    assert_string_equal(l->items[0].name, "Other");
    free(l);
}

static void keys_are_made_listed_and_revoked_by_their_own_tenant(void **state)
{
    (void)state;
    struct vg_new_key k, admin;
    struct vg_key_list *l = NULL;
    assert_int_equal(vg_admin_key_create(pg, acme.id, "second", VG_SCOPE_CALLS, 0, 0, &k), 0);
    assert_int_equal(vg_admin_key_create(pg, NULL, "operator", VG_SCOPE_ADMIN, 0, 0, &admin), 0);
    assert_int_equal(vg_admin_key_create(pg, "tnt_00000000000000000000000000000000", "x", 1, 0, 0, &k),
                     VG_ENOENT);
    assert_int_equal(vg_admin_key_revoke(pg, other.id, k.id, 0), VG_ENOENT);
    assert_int_equal(vg_admin_key_revoke(pg, acme.id, k.id, 0), 0);
    assert_int_equal(vg_admin_key_revoke(pg, acme.id, k.id, 0), 0);
    assert_int_equal(vg_admin_key_revoke(pg, NULL, admin.id, 0), 0);
    assert_int_equal(vg_admin_key_list(pg, acme.id, 0, &l), 0);
    assert_int_equal(l->count, 2);
    assert_string_equal(l->items[1].name, "second");
    assert_true(l->items[1].revoked_at_us > 0 && l->items[0].revoked_at_us == 0);
    free(l);
    assert_int_equal(vg_admin_key_list(pg, NULL, 0, &l), 0);
    assert_int_equal(l->count, 1);
    free(l);
}

static void every_update_of_an_agent_is_a_version_and_one_is_the_default(void **state)
{
    (void)state;
    const struct vg_agent *a = NULL, *b = NULL, *c = NULL;
    struct vg_agent_profile p = VG_AGENT_PROFILE_INIT;
    struct vg_agent_list *l = NULL;
    assert_int_equal(vg_admin_agent_create(pg, acme.id, &p, 0, &a), VG_EINVAL);
    p.name = "Ann";
    p.system_prompt = "Be kind.";
    p.vocabulary = "refund\nopening hours";
    assert_int_equal(vg_admin_agent_create(pg, acme.id, &p, 0, &a), 0);
    assert_true(a->is_default && a->version == 1 && a->vocabulary_count == 2);
    p.name = "Bob";
    assert_int_equal(vg_admin_agent_create(pg, acme.id, &p, 0, &b), 0);
    assert_false(b->is_default);
    struct vg_agent_profile change = VG_AGENT_PROFILE_INIT;
    change.system_prompt = "Be brief.";
    change.is_default = 1;
    assert_int_equal(vg_admin_agent_update(pg, acme.id, b->id, &change, 0, &c), 0);
    assert_true(c->is_default && c->version == 2 && c->vocabulary_count == 2);
    assert_string_equal(c->name, "Bob");
    assert_string_equal(c->system_prompt, "Be brief.");
    vg_agent_put(c);
    change.language = "klingon";
    assert_int_equal(vg_admin_agent_update(pg, acme.id, b->id, &change, 0, &c), VG_EINVAL);
    change.language = NULL;
    assert_int_equal(vg_admin_agent_update(pg, other.id, b->id, &change, 0, &c), VG_ENOENT);
    assert_int_equal(vg_admin_agent_load(pg, acme.id, a->id, 0, &c), 0);
    assert_false(c->is_default);
    vg_agent_put(c);
    assert_int_equal(vg_admin_agent_list(pg, acme.id, NULL, 10, 0, &l), 0);
    assert_int_equal(l->count, 2);
    vg_agent_list_free(l);
    assert_int_equal(vg_admin_agent_list(pg, other.id, NULL, 10, 0, &l), 0);
    assert_int_equal(l->count, 0);
    vg_agent_list_free(l);
    vg_agent_put(a);
    vg_agent_put(b);
}

/* A call through the spool into PostgreSQL. */
static void record_call(struct test_call *c, bool ended)
{
    static int serial;
    char path[128], message[VG_ID_SIZE];
    struct vg_spool *spool = NULL;
    struct vg_record *record = NULL;
    snprintf(path, sizeof path, "%s/calls-%d.db", fx.dir, serial++);
    assert_int_equal(vg_spool_open(&spool, path), 0);
    assert_int_equal(vg_record_new(&record, &(struct vg_record_config){.database_url = fx.url,
                                                                       .instance_id = "elsewhere",
                                                                       .spool = spool}),
                     0);
    vg_id_new(message, VG_ID_MESSAGE);
    test_started(c, spool, NULL, NULL);
    test_state(c, spool, "in_progress");
    test_message(c, spool, message, "my order is late", NULL, NULL, NULL);
    test_usage(c, spool, "turn:1", "112");
    if (ended)
        test_ended(c, spool, "hangup");
    while (vg_spool_depth(spool) > 0)
        assert_int_equal(vg_record_flush(record, 10 * VG_US_PER_S), 0);
    vg_record_free(record);
    vg_spool_free(spool);
}

static void a_call_its_transcript_and_its_usage_can_be_read_by_its_tenant_alone(void **state)
{
    (void)state;
    struct test_call c;
    struct vg_call_record *r = NULL;
    struct vg_transcript *t = NULL;
    struct vg_usage_sums *u = NULL;
    test_call_init(&c, acme.id);
    record_call(&c, true);
    assert_int_equal(vg_call_load(pg, acme.id, c.call_id, 0, &r), 0);
    assert_string_equal(r->status, "ended");
    assert_string_equal(r->session_id, c.session_id);
    assert_string_equal(r->agent_id, "");
    assert_int_equal(r->duration_ms, 1234);
    assert_true(r->answered_at_us >= r->started_at_us);
    vg_call_record_free(r);
    assert_int_equal(vg_call_load(pg, other.id, c.call_id, 0, &r), VG_ENOENT);
    assert_int_equal(vg_call_load(pg, acme.id, "call_x", 0, &r), VG_ENOENT);
    assert_int_equal(vg_transcript_load(pg, acme.id, NULL, c.session_id, NULL, 50, 0, &t), 0);
    assert_int_equal(t->count, 1);
    assert_string_equal(t->messages[0].text, "my order is late");
    assert_null(t->messages[0].heard_text);
    assert_int_equal(t->messages[0].end_ms, 900);
    vg_transcript_free(t);
    assert_int_equal(vg_transcript_load(pg, other.id, c.call_id, NULL, NULL, 50, 0, &t), 0);
    assert_int_equal(t->count, 0);
    vg_transcript_free(t);
    assert_int_equal(vg_usage_load(pg, acme.id, c.call_id, NULL, 0, &u), 0);
    assert_int_equal(u->count, 1);
    assert_string_equal(u->sums[0].cost, "0.0002240000");
    assert_int_equal(u->sums[0].tokens_in, 45);
    vg_usage_sums_free(u);
}

static void a_handoff_moves_only_as_its_state_allows(void **state)
{
    (void)state;
    char a[VG_ID_SIZE], b[VG_ID_SIZE];
    struct test_call call_a, call_b;
    struct vg_handoffs *h = NULL;
    test_call_init(&call_a, acme.id);
    test_call_init(&call_b, acme.id);
    assert_int_equal(
        vg_handoff_create(pg, acme.id, "", call_a.call_id, "general", "asked", "{\"x\":1}", 0, &h), 0);
    assert_string_equal(h->items[0].status, "queued");
    assert_int_equal(h->items[0].estimated_wait_s, 0);
    memcpy(a, h->items[0].id, sizeof a);
    vg_handoffs_free(h);
    /* The same call again: the same handoff. */
    assert_int_equal(vg_handoff_create(pg, acme.id, "", call_a.call_id, "general", "again", NULL, 0, &h), 0);
    assert_string_equal(h->items[0].id, a);
    assert_string_equal(h->items[0].reason, "asked");
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_create(pg, acme.id, "", call_b.call_id, "general", "asked", NULL, 0, &h), 0);
    assert_int_equal(h->items[0].queued_ahead, 1);
    assert_int_equal(h->items[0].estimated_wait_s, 30);
    memcpy(b, h->items[0].id, sizeof b);
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_complete(pg, acme.id, a, NULL, 0, &h), VG_ESTATE);
    assert_int_equal(vg_handoff_accept(pg, other.id, a, "x", 0, &h), VG_ENOENT);
    assert_int_equal(vg_handoff_accept(pg, acme.id, a, "Zoe", 0, &h), 0);
    assert_string_equal(h->items[0].accepted_by, "Zoe");
    assert_true(h->items[0].accepted_at_us > 0 && h->items[0].closed_at_us == 0);
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_accept(pg, acme.id, a, "Max", 0, &h), VG_ESTATE);
    assert_int_equal(vg_handoff_decline(pg, acme.id, b, NULL, "nobody here", 0, &h), 0);
    assert_string_equal(h->items[0].status, "declined");
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_complete(pg, acme.id, a, "solved", 0, &h), 0);
    assert_string_equal(h->items[0].note, "solved");
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_list(pg, acme.id, "general", NULL, NULL, 50, 0, &h), 0);
    assert_int_equal(h->count, 2);
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_list(pg, acme.id, NULL, "queued", NULL, 50, 0, &h), 0);
    assert_int_equal(h->count, 0);
    vg_handoffs_free(h);
}

static void the_wait_is_those_ahead_times_the_mean_of_the_last_twenty(void **state)
{
    (void)state;
    struct vg_handoffs *h = NULL;
    pg_fixture_sql(&fx,
                   "insert into handoffs (id, tenant_id, call_id, queue, status, accepted_at, closed_at) "
                   "select gen_random_uuid(), '%s', gen_random_uuid(), 'q', 'completed', "
                   "now() - make_interval(secs => i * 1000 + case when i <= 20 then 60 else 9000 end), "
                   "now() - make_interval(secs => i * 1000) from generate_series(1, 30) i",
                   test_uuid(acme.id));
    for (int i = 0; i < 3; i++) {
        struct test_call c;
        test_call_init(&c, acme.id);
        assert_int_equal(vg_handoff_create(pg, acme.id, "", c.call_id, "q", "", NULL, 0, &h), 0);
        assert_int_equal(h->items[0].estimated_wait_s, 60 * i);
        vg_handoffs_free(h);
    }
}

static void a_call_that_ended_is_not_handed_off_and_its_open_handoff_closes(void **state)
{
    (void)state;
    struct test_call c;
    struct vg_handoffs *h = NULL;
    test_call_init(&c, acme.id);
    assert_int_equal(vg_handoff_create(pg, acme.id, "", c.call_id, "z", "", NULL, 0, &h), 0);
    char id[VG_ID_SIZE];
    memcpy(id, h->items[0].id, sizeof id);
    vg_handoffs_free(h);
    record_call(&c, true);
    assert_int_equal(vg_handoff_load(pg, acme.id, id, 0, &h), 0);
    assert_string_equal(h->items[0].status, "cancelled");
    vg_handoffs_free(h);
    assert_int_equal(vg_handoff_create(pg, acme.id, "", c.call_id, "z", "", NULL, 0, &h), VG_ESTATE);
}

static void the_demo_answers_questions(void **state)
{
    (void)state;
    struct vg_demo demo;
    struct vg_found *f = NULL;
    assert_int_equal(vg_admin_demo(pg, "Demo", 0, &demo), 0);
    assert_true(vg_id_valid(demo.agent_id, VG_ID_AGENT));
    assert_string_equal(demo.tenant.default_agent_id, demo.agent_id);
    assert_int_equal(vg_knowledge_search(pg, demo.tenant.id, "en",
                                         "what are your opening hours on the weekend", NULL, 3, 0, &f),
                     0);
    assert_true(f->count > 0);
    assert_string_equal(f->items[0].source, "demo/hours");
    vg_found_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_comes_with_its_first_key),
        cmocka_unit_test(a_tenant_can_be_changed_and_listed),
        cmocka_unit_test(keys_are_made_listed_and_revoked_by_their_own_tenant),
        cmocka_unit_test(every_update_of_an_agent_is_a_version_and_one_is_the_default),
        cmocka_unit_test(a_call_its_transcript_and_its_usage_can_be_read_by_its_tenant_alone),
        cmocka_unit_test(a_handoff_moves_only_as_its_state_allows),
        cmocka_unit_test(the_wait_is_those_ahead_times_the_mean_of_the_last_twenty),
        cmocka_unit_test(a_call_that_ended_is_not_handed_off_and_its_open_handoff_closes),
        cmocka_unit_test(the_demo_answers_questions),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
