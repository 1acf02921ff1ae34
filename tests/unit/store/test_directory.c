/* The directory with a real PostgreSQL, workers and two loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "events.h"
#include "net/workers.h"
#include "pg_fixture.h"
#include "store/directory.h"
#include "store/pg.h"

static struct pg_fixture fx;
static struct loop_thread loops[2];
static struct vg_workers *workers;
static struct vg_directory *directory;
static char tenant[VG_ID_SIZE], agent[VG_ID_SIZE], key[VG_ID_SIZE], hash[VG_SHA256_HEX_SIZE];

/* One look-up as a blocking call. */
struct answer {
    struct vg_message message;
    enum { ASK_KEY, ASK_KEY_ID, ASK_TENANT, ASK_AGENT } what;
    const char *id;
    struct vg_loop *loop;
    atomic_int done; /* 1 + answered */
    int err;
    bool at_once, revoked;
    uint32_t scopes, version;
    char text[128];
    const struct vg_agent *kept;
};

static void got_key(void *arg, int err, const struct vg_key_record *k, const struct vg_tenant *t)
{
    struct answer *a = arg;
    VG_ASSERT(vg_loop_here(a->loop));
    a->err = err;
    a->revoked = k && k->revoked;
    a->scopes = k ? k->scopes : 0;
    snprintf(a->text, sizeof a->text, "%s", t ? t->name : "");
    atomic_fetch_add(&a->done, 1);
}

static void got_tenant(void *arg, int err, const struct vg_tenant *t)
{
    struct answer *a = arg;
    a->err = err;
    snprintf(a->text, sizeof a->text, "%s", t ? t->plan : "");
    atomic_fetch_add(&a->done, 1);
}

static void got_agent(void *arg, int err, const struct vg_agent *g)
{
    struct answer *a = arg;
    a->err = err;
    a->version = g ? g->version : 0;
    a->kept = vg_agent_get(g);
    atomic_fetch_add(&a->done, 1);
}

static void ask(struct vg_message *msg)
{
    struct answer *a = VG_MESSAGE_OF(msg, struct answer, message);
    switch (a->what) {
    case ASK_KEY: vg_directory_key(directory, a->loop, a->id, got_key, a); break;
    case ASK_KEY_ID: vg_directory_key_by_id(directory, a->loop, a->id, got_key, a); break;
    case ASK_TENANT: vg_directory_tenant(directory, a->loop, a->id, got_tenant, a); break;
    case ASK_AGENT: vg_directory_agent(directory, a->loop, tenant, a->id, got_agent, a); break;
    }
    a->at_once = atomic_load(&a->done) > 0;
    atomic_fetch_add(&a->done, 1);
}

static struct answer look_on(int loop, int what, const char *id)
{
    struct answer a = {.message.handle = ask, .id = id, .loop = loops[loop].loop};
    a.what = (unsigned)what;
    vg_loop_post(a.loop, &a.message);
    while (atomic_load(&a.done) < 2)
        usleep(100);
    return a;
}

static struct answer look(int what, const char *id)
{
    return look_on(0, what, id);
}

static int start(void **state)
{
    (void)state;
    char t[VG_UUID_SIZE], a[VG_UUID_SIZE];
    pg_fixture_start(&fx);
    pg_fixture_migrate(&fx);
    vg_id_new(tenant, VG_ID_TENANT);
    vg_id_new(agent, VG_ID_AGENT);
    vg_id_new(key, VG_ID_KEY);
    vg_sha256_hex("secret", 6, hash);
    pg_fixture_tenant(&fx, tenant, "Acme");
    snprintf(t, sizeof t, "%s", test_uuid(tenant));
    snprintf(a, sizeof a, "%s", test_uuid(agent));
    pg_fixture_sql(&fx,
                   "insert into api_keys (id, tenant_id, prefix, sha256_hex, scopes) values "
                   "('%s', '%s', 'vg_', '%s', 3)",
                   test_uuid(key), t, hash);
    pg_fixture_sql(&fx, "insert into agents (id, tenant_id, is_default) values ('%s', '%s', true)", a, t);
    pg_fixture_sql(
        &fx,
        "insert into agent_versions (tenant_id, agent_id, version, name, system_prompt, vocabulary) "
        "values ('%s', '%s', 1, 'Ann', 'Be kind.', '{refund,opening hours}')",
        t, a);
    loop_thread_start(&loops[0]);
    loop_thread_start(&loops[1]);
    workers = vg_workers_new(&(struct vg_workers_config){.threads = 2,
                                                         .queue_max = 100,
                                                         .state_new = vg_pg_worker_state_new,
                                                         .state_free = vg_pg_worker_state_free,
                                                         .arg = fx.url});
    return workers && !vg_directory_new(&directory, workers) && !vg_directory_listen(directory, fx.url) ? 0
                                                                                                        : -1;
}

static int stop(void **state)
{
    (void)state;
    workers = vg_workers_free(workers);
    usleep(20000);
    loop_thread_stop(&loops[0]);
    loop_thread_stop(&loops[1]);
    directory = vg_directory_free(directory);
    pg_fixture_stop(&fx);
    return 0;
}

static void the_second_look_is_answered_at_once(void **state)
{
    (void)state;
    usleep(200000); /* the listener's first connection makes everything suspect */
    struct answer a = look(ASK_KEY, hash);
    assert_int_equal(a.err, 0);
    assert_string_equal(a.text, "Acme");
    assert_int_equal(a.scopes, 3);
    assert_false(a.at_once);
    assert_true(look(ASK_KEY, hash).at_once);
    assert_true(look_on(1, ASK_KEY, hash).at_once);
    assert_int_equal(look(ASK_KEY_ID, key).err, 0);
    assert_int_equal(look(ASK_TENANT, tenant).err, 0);
}

static void an_agent_comes_with_its_words_and_can_be_kept(void **state)
{
    (void)state;
    struct answer a = look(ASK_AGENT, NULL);
    assert_int_equal(a.err, 0);
    assert_string_equal(a.kept->name, "Ann");
    assert_string_equal(a.kept->language, "auto");
    assert_int_equal(a.kept->vocabulary_count, 2);
    assert_string_equal(a.kept->vocabulary[1], "opening hours");
    assert_true(a.kept->is_default && a.kept->barge_in);
    vg_agent_put(a.kept);
    struct answer b = look(ASK_AGENT, agent);
    assert_int_equal(b.err, 0);
    vg_agent_put(b.kept);
}

static void unknown_and_malformed_ids_are_not_there_and_remembered(void **state)
{
    (void)state;
    char other[VG_SHA256_HEX_SIZE], id[VG_ID_SIZE];
    vg_sha256_hex("wrong", 5, other);
    vg_id_new(id, VG_ID_TENANT);
    assert_int_equal(look(ASK_KEY, other).err, VG_ENOENT);
    struct answer again = look(ASK_KEY, other);
    assert_int_equal(again.err, VG_ENOENT);
    assert_true(again.at_once);
    assert_int_equal(look(ASK_KEY, "short").err, VG_ENOENT);
    assert_int_equal(look(ASK_TENANT, id).err, VG_ENOENT);
    assert_int_equal(look(ASK_TENANT, "tnt_x").err, VG_ENOENT);
    assert_int_equal(look(ASK_AGENT, "agt_00000000000000000000000000000000").err, VG_ENOENT);
}

/* How long until a look-up says what the change made true. */
static int64_t until_us(int what, const char *id, bool (*is)(const struct answer *a))
{
    int64_t start_us = vg_mono_us();
    while (vg_mono_us() - start_us < 5 * VG_US_PER_S) {
        struct answer a = look(what, id);
        vg_agent_put(a.kept);
        if (is(&a))
            break;
        usleep(1000);
    }
    return vg_mono_us() - start_us;
}

static bool is_revoked(const struct answer *a)
{
    return a->err == 0 && a->revoked;
}

static bool is_version_2(const struct answer *a)
{
    return a->err == 0 && a->version == 2;
}

static bool is_known(const struct answer *a)
{
    return a->err == 0;
}

static void a_change_is_seen_within_a_second(void **state)
{
    (void)state;
    assert_int_equal(look(ASK_KEY, hash).revoked, 0);
    pg_fixture_sql(&fx, "update api_keys set revoked_at = now()");
    assert_true(until_us(ASK_KEY, hash, is_revoked) < VG_US_PER_S);
    pg_fixture_sql(&fx, "insert into agent_versions (tenant_id, agent_id, version, name, system_prompt) "
                        "select tenant_id, agent_id, 2, 'Bob', system_prompt from agent_versions; "
                        "update agents set version = 2");
    assert_true(until_us(ASK_AGENT, NULL, is_version_2) < VG_US_PER_S);
    /* A key that was unknown a moment ago. */
    char fresh[VG_SHA256_HEX_SIZE];
    vg_sha256_hex("fresh", 5, fresh);
    assert_int_equal(look(ASK_KEY, fresh).err, VG_ENOENT);
    pg_fixture_sql(&fx,
                   "insert into api_keys (id, tenant_id, prefix, sha256_hex, scopes) values "
                   "(gen_random_uuid(), null, 'vg_', '%s', 32)",
                   fresh);
    assert_true(until_us(ASK_KEY, fresh, is_known) < VG_US_PER_S);
    assert_string_equal(look(ASK_KEY, fresh).text, "");
}

static void stale_entries_are_served_while_the_database_is_away(void **state)
{
    (void)state;
    if (!fx.can_stop)
        skip();
    assert_int_equal(look(ASK_TENANT, tenant).err, 0);
    pg_fixture_server_down(&fx);
    usleep(300000); /* the listener notices */
    vg_directory_invalidate(directory, NULL);
    for (int i = 0; i < 20; i++) {
        int64_t start_us = vg_mono_us();
        assert_int_equal(look(ASK_TENANT, tenant).err, 0);
        assert_true(vg_mono_us() - start_us < 200 * VG_US_PER_MS);
    }
    char other[VG_SHA256_HEX_SIZE];
    vg_sha256_hex("never", 5, other);
    assert_int_equal(look(ASK_KEY, other).err, VG_EUNAVAIL);
    pg_fixture_server_up(&fx);
    pg_fixture_sql(&fx, "update tenants set plan = 'growth'");
    int64_t start_us = vg_mono_us();
    while (strcmp(look(ASK_TENANT, tenant).text, "growth") != 0 && vg_mono_us() - start_us < 10 * VG_US_PER_S)
        usleep(10000);
    assert_string_equal(look(ASK_TENANT, tenant).text, "growth");
    print_message("fresh again %lld ms after the database came back\n",
                  (long long)(vg_mono_us() - start_us) / 1000);
}

static void many_at_once_load_once(void **state)
{
    (void)state;
    enum { N = 200 };
    struct answer *a = calloc(N, sizeof *a);
    long before =
        pg_fixture_number(&fx, "select xact_commit from pg_stat_database where datname = 'voxgate'");
    vg_directory_invalidate(directory, NULL);
    for (int i = 0; i < N; i++) {
        a[i] = (struct answer){
            .message.handle = ask, .what = ASK_TENANT, .id = tenant, .loop = loops[i % 2].loop};
        vg_loop_post(a[i].loop, &a[i].message);
    }
    for (int i = 0; i < N; i++) {
        while (atomic_load(&a[i].done) < 2)
            usleep(100);
        assert_int_equal(a[i].err, 0);
    }
    long after = pg_fixture_number(&fx, "select xact_commit from pg_stat_database where datname = 'voxgate'");
    assert_true(after - before < N / 4);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_look_is_answered_at_once),
        cmocka_unit_test(an_agent_comes_with_its_words_and_can_be_kept),
        cmocka_unit_test(unknown_and_malformed_ids_are_not_there_and_remembered),
        cmocka_unit_test(a_change_is_seen_within_a_second),
        cmocka_unit_test(stale_entries_are_served_while_the_database_is_away),
        cmocka_unit_test(many_at_once_load_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
