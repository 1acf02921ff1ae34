/* A phone call through the whole core in one process: the fake network, directory, a shard with loopback
 * engines, spool and PostgreSQL. No WebSocket and no Redis anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/catalog.h"
#include "app/telephony.h"
#include "audio/block.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "call/call.h"
#include "call/media_clock.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/workers.h"
#include "store/admin.h"
#include "store/record.h"
#include "store/spool.h"
#include "telephony/fake.h"
#include "unit/store/pg_fixture.h"

#define DID "+97142000000"
#define RECORDING                                                                                            \
    "/usr/share/pocketsphinx/test/data/goforward.raw" /* 16 kHz, s16le, "go forward ten meters" */

static struct pg_fixture fx;
static struct vg_tenant tenant;
static char agent_id[VG_ID_SIZE];

/* One shard and what it stands on. */
struct rig {
    struct vg_config *config;
    struct vg_workers *workers;
    struct vg_directory *directory;
    struct vg_spool *spool;
    struct vg_record *record;
    struct vg_calls *calls;
    struct vg_shard shard;
    struct telephony *telephony;
};

/* What the caller noticed. */
struct caller {
    struct vg_loop *loop;
    int finals, responses, interruptions, keys;
    char final[128], reply[256];
    char call_id[VG_ID_SIZE];
    struct vg_fake_result result;
    bool over;
};

static void on_event(void *arg, const struct vg_leg_out *out)
{
    struct caller *c = arg;
    if (out->type == VG_OUT_READY)
        snprintf(c->call_id, sizeof c->call_id, "%s", out->ready->call_id);
    if (out->type == VG_OUT_TRANSCRIPT_FINAL && ++c->finals)
        snprintf(c->final, sizeof c->final, "%s", out->text);
    if (out->type == VG_OUT_RESPONSE && *out->text && !c->responses++)
        snprintf(c->reply, sizeof c->reply, "%s", out->text);
    if (out->type == VG_OUT_INTERRUPTED)
        c->interruptions++;
    if (out->type == VG_OUT_DTMF)
        c->keys++;
}

static void on_over(void *arg, const struct vg_fake_result *result)
{
    struct caller *c = arg;
    c->result = *result;
    c->over = true;
    vg_loop_stop(c->loop);
}

/* --- the rig ---------------------------------------------------------------------------------------------
 */

static void load_config(struct rig *rig)
{
    struct vg_buf problems = VG_BUF_INIT;
    setenv("VOXGATE_STT", "loopback", 1);
    setenv("VOXGATE_LLM", "loopback", 1);
    setenv("VOXGATE_TTS", "loopback", 1);
    setenv("REDIS_URL", "unix:///nowhere/redis.sock", 1);
    setenv("DATABASE_URL", fx.url, 1);
    assert_int_equal(vg_config_load(&rig->config, NULL, false, NULL, &problems), 0);
    vg_buf_free(&problems);
}

static void rig_start(struct rig *rig)
{
    char path[128];
    static int number;
    *rig = (struct rig){0};
    load_config(rig);
    struct vg_workers_config workers = {.threads = 1,
                                        .queue_max = 16,
                                        .state_new = vg_pg_worker_state_new,
                                        .state_free = vg_pg_worker_state_free,
                                        .arg = fx.url};
    rig->workers = vg_workers_new(&workers);
    assert_non_null(rig->workers);
    assert_int_equal(vg_directory_new(&rig->directory, rig->workers), 0);
    snprintf(path, sizeof path, "%s/spool-%d.db", fx.dir, number++);
    assert_int_equal(vg_spool_open(&rig->spool, path), 0);
    struct vg_record_config record = {.database_url = fx.url,
                                      .instance_id = "test-instance",
                                      .spool = rig->spool};
    assert_int_equal(vg_record_new(&rig->record, &record), 0);
    struct vg_calls_limits limits = {.calls_max = 4, .stt_streams_max = 4};
    rig->calls = vg_calls_new(&limits);
    rig->shard = (struct vg_shard){.loop = vg_loop_new("loop"),
                                   .clock = vg_media_clock_new("media"),
                                   .pool = vg_block_pool_new(1 << 20),
                                   .spool = rig->spool,
                                   .calls = rig->calls,
                                   .config = rig->config,
                                   .engines = &vg_catalog,
                                   .instance_id = "test-instance"};
    rig->shard.env.loop = rig->shard.loop;
    struct vg_bus_config bus = {.url = rig->config->redis_url,
                                .instance_id = "test-instance",
                                .queue_bytes_max = 1 << 20,
                                .instances_hint = 1};
    assert_int_equal(vg_bus_new(&rig->shard.bus, rig->shard.loop, &bus), 0);
    assert_int_equal(telephony_new(&rig->telephony, &rig->shard, rig->directory), 0);
    struct telephony_number phone = {.tenant_id = tenant.id,
                                     .number_id = "num_00000000000070008000000000000001",
                                     .did_number = DID,
                                     .agent_id = agent_id};
    assert_int_equal(telephony_register(rig->telephony, "fake", &phone), 0);
}

static void stop_loop(void *arg)
{
    vg_loop_stop(arg);
}

static void run_for(struct rig *rig, int64_t us)
{
    struct vg_timer *t = vg_timer_new(rig->shard.loop, stop_loop, rig->shard.loop);
    vg_timer_start(t, us, 0);
    vg_loop_run(rig->shard.loop);
    vg_timer_free(t);
}

static void rig_stop(struct rig *rig)
{
    run_for(rig, 300000); /* what ends is written down */
    assert_int_equal(vg_record_flush(rig->record, 5 * VG_US_PER_S), 0);
    vg_workers_free(rig->workers);
    vg_record_free(rig->record);
    vg_spool_free(rig->spool);
    telephony_free(rig->telephony);
    vg_bus_free(rig->shard.bus);
    vg_media_clock_free(rig->shard.clock);
    vg_loop_free(rig->shard.loop);
    vg_block_pool_free(rig->shard.pool);
    vg_directory_free(rig->directory);
    vg_calls_free(rig->calls);
    vg_config_free(rig->config);
}

static void dial(struct rig *rig, struct caller *c, struct vg_fake_script script)
{
    *c = (struct caller){.loop = rig->shard.loop};
    script.caller_number = "+971501234567";
    script.event = on_event;
    script.over = on_over;
    script.arg = c;
    assert_int_equal(vg_fake_dial(telephony_adapter(rig->telephony, "fake"), DID, &script), 0);
}

/* --- tests -----------------------------------------------------------------------------------------------
 */

static void a_phone_call_is_understood_answered_and_recorded(void **state)
{
    struct rig rig;
    struct caller c;
    struct vg_wav wav;
    (void)state;
    if (access(RECORDING, R_OK) != 0)
        skip();
    assert_int_equal(vg_wav_read(RECORDING, &wav), 0);
    rig_start(&rig);
    struct vg_fake_key keys[] = {{.at_us = 100000, .digit = '7'}};
    dial(&rig, &c,
         (struct vg_fake_script){.pcm = wav.pcm,
                                 .samples = wav.samples,
                                 .keys = keys,
                                 .key_count = 1,
                                 .ring_us = 100000,
                                 .hang_up_us = 20 * VG_US_PER_S,
                                 .quiet_us = VG_US_PER_S});
    vg_loop_run(rig.shard.loop);
    assert_true(c.over);
    assert_int_equal(c.result.last, VG_TEL_ENDED);
    assert_int_equal(c.finals, 2); /* the key, and the words: one turn of more than a second */
    assert_int_equal(strncmp(c.final, "loopback ", 9), 0);
    assert_true(atoi(strrchr(c.final, ' ') + 1) > 1000);
    assert_true(c.responses >= 1);
    assert_true(c.result.heard_samples > 1000);
    assert_true(c.result.answered_us < 19 * VG_US_PER_S); /* it hung up because all was heard */
    assert_true(c.keys >= 1);
    rig_stop(&rig);
    vg_wav_free(&wav);
    assert_string_equal(
        pg_fixture_sql(&fx,
                       "select channel || ' ' || direction || ' ' || status || ' ' || end_reason from "
                       "calls where id = replace('%s', 'call_', '')::uuid",
                       c.call_id),
        "fake inbound ended caller_hung_up");
    assert_true(pg_fixture_number(&fx,
                                  "select count(*) from messages where role = 'user' and call_id = "
                                  "replace('%s', 'call_', '')::uuid",
                                  c.call_id) >= 1);
}

static void a_caller_who_gives_up_while_it_rings_leaves_an_ended_call(void **state)
{
    struct rig rig;
    struct caller c;
    (void)state;
    rig_start(&rig);
    dial(&rig, &c, (struct vg_fake_script){.ring_us = 60 * VG_US_PER_S});
    run_for(&rig, 500000);
    assert_int_equal(vg_calls_live(rig.calls), 1);
    vg_telephony_fake.unregister_number(telephony_adapter(rig.telephony, "fake"), tenant.id,
                                        "num_00000000000070008000000000000001", DID);
    assert_false(c.over);
    struct telephony *t = rig.telephony;
    rig.telephony = NULL;
    telephony_free(t); /* the network goes away, and with it the caller */
    run_for(&rig, 300000);
    assert_int_equal(vg_calls_live(rig.calls), 0);
    rig_stop(&rig);
}

static void a_suspended_tenant_is_not_answered(void **state)
{
    struct rig rig;
    struct caller c;
    (void)state;
    pg_fixture_sql(&fx, "update tenants set status = 'suspended'");
    rig_start(&rig);
    dial(&rig, &c, (struct vg_fake_script){.ring_us = 500000});
    vg_loop_run(rig.shard.loop);
    assert_int_equal(c.result.last, VG_TEL_FAILED);
    assert_int_equal(c.result.code, 0);
    assert_int_equal(vg_calls_live(rig.calls), 0);
    rig_stop(&rig);
}

static int start_servers(void **state)
{
    struct vg_pg *pg = NULL;
    struct vg_new_key key;
    struct vg_agent_profile profile = VG_AGENT_PROFILE_INIT;
    const struct vg_agent *agent = NULL;
    (void)state;
    pg_fixture_start(&fx);
    pg_fixture_migrate(&fx);
    profile.name = "Operator";
    profile.system_prompt = "You answer the phone.";
    profile.language = "en";
    int err = vg_pg_new(&pg, fx.url);
    if (!err)
        err = vg_admin_tenant_create(pg, "Phone", NULL, 0, &tenant, &key);
    if (!err)
        err = vg_admin_agent_create(pg, tenant.id, &profile, 0, &agent);
    if (!err)
        memcpy(agent_id, agent->id, sizeof agent_id);
    vg_agent_put(agent);
    vg_pg_free(pg);
    return err;
}

static int stop_servers(void **state)
{
    (void)state;
    pg_fixture_stop(&fx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_call_is_understood_answered_and_recorded),
        cmocka_unit_test(a_caller_who_gives_up_while_it_rings_leaves_an_ended_call),
        cmocka_unit_test(a_suspended_tenant_is_not_answered),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
