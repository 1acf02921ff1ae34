/* `voxgate serve`: the order in which things are made, and the reverse of it. The nursery is forked first,
 * while there is one thread; what calls need is made before anything listens; on SIGTERM the drain lets calls
 * end before anything is taken away from them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/instance.h"
#include "app/scrape.h"
#include "app/shard_thread.h"
#include "base/clock.h"
#include "base/log.h"
#include "call/call.h"
#include "net/nursery.h"
#include "net/server.h"
#include "net/workers.h"
#include "obs/metrics.h"
#include "obs/trace.h"
#include "provider/stt/list.h"
#include "provider/tts/synth_pool.h"
#include "store/directory.h"
#include "store/knowledge.h"
#include "store/migrate.h"
#include "store/pg.h"
#include "store/record.h"
#include "store/spool.h"

enum {
    SHARDS_MAX = 64,
    STT_STREAMS_PER_CORE = 3,
    WORK_QUEUE_MAX = 1024,
    NURSERY_WAIT_MS = 30000,
    KNOWLEDGE_TIMEOUT_US = 1000000,
};

struct app {
    const struct vg_config *config;
    char instance_id[VG_ID_SIZE];
    struct vg_nursery *nursery;
    struct vg_synth_pool *synth;
    struct vg_workers *workers;
    struct vg_spool *spool;
    struct vg_record *record;
    struct vg_directory *directory;
    struct vg_knowledge *knowledge;
    struct vg_tokens *tokens;
    struct vg_calls *calls;
    struct vg_api_shared api;
    struct shard_thread *shards;
    unsigned shard_count;
    bool log_started;
};

static int fail(const char *what, const char *why)
{
    vg_log_error("serve.failed", "step=%s reason=%s", what, why);
    return VG_EIO;
}

/* --- process ---------------------------------------------------------------------------------------------
 */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Threads inherit this: signals are taken by the main thread's sigwait alone. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int start_nursery(struct app *a)
{
    struct vg_nursery_program programs[8];
    size_t n = 0;
    for (size_t i = 0; i < vg_stt_list_count && n < VG_COUNT_OF(programs); i++) {
        if (vg_stt_list[i].program)
            programs[n++] = *vg_stt_list[i].program;
    }
    return vg_nursery_start(&a->nursery, programs, n);
}

static int start_log(struct app *a)
{
    enum vg_log_level level = VG_LOG_INFO;
    int err = vg_log_parse_level(a->config->debug ? "debug" : a->config->log_level, &level);
    if (!err)
        err = vg_log_start(STDERR_FILENO, level);
    a->log_started = !err;
    return err;
}

/* --- stores ----------------------------------------------------------------------------------------------
 */

static void migration_line(void *arg, const char *line)
{
    (void)arg;
    vg_log_info("migrate", "step=%s", line);
}

/* A database that does not answer is no reason not to start: calls go to the spool. A schema that does not
 * fit is. */
static int check_schema(struct app *a)
{
    char problem[VG_PG_PROBLEM_SIZE] = "";
    const char *direct =
        a->config->database_url_direct ? a->config->database_url_direct : a->config->database_url;
    if (a->config->migrate_on_start && vg_migrate(direct, migration_line, NULL, problem))
        return fail("migrate", problem);
    int err = vg_schema_check(a->config->database_url, problem);
    if (err == VG_EUNAVAIL) {
        vg_log_warn("serve.database_away", "reason=%s", problem);
        return 0;
    }
    return err ? fail("schema", problem) : 0;
}

static int open_stores(struct app *a)
{
    char path[4096];
    int err = instance_load(a->config->data_dir, a->instance_id);
    if (err)
        return fail("data_dir", "VOXGATE_DATA_DIR cannot be written, or another instance uses it");
    snprintf(path, sizeof path, "%s/spool.db", a->config->data_dir);
    if (vg_spool_open(&a->spool, path))
        return fail("spool", path);
    int ended = vg_store_recover(a->spool, a->instance_id);
    if (ended < 0)
        return fail("recover", path);
    if (ended > 0)
        vg_log_warn("serve.recovered", "calls_ended=%d", ended);
    struct vg_record_config record = {.database_url = a->config->database_url,
                                      .instance_id = a->instance_id,
                                      .spool = a->spool};
    if (vg_record_new(&a->record, &record))
        return fail("record", "the record thread cannot start");
    struct vg_workers_config workers = {.threads = (unsigned)a->config->workers,
                                        .queue_max = WORK_QUEUE_MAX,
                                        .state_new = vg_pg_worker_state_new,
                                        .state_free = vg_pg_worker_state_free,
                                        .arg = (void *)(uintptr_t)a->config->database_url};
    a->workers = vg_workers_new(&workers);
    if (!a->workers)
        return fail("workers", "no threads");
    const char *direct =
        a->config->database_url_direct ? a->config->database_url_direct : a->config->database_url;
    if (vg_directory_new(&a->directory, a->workers) || vg_directory_listen(a->directory, direct))
        return fail("directory", "out of memory");
    a->knowledge = vg_knowledge_new(a->workers, KNOWLEDGE_TIMEOUT_US);
    return a->knowledge ? 0 : fail("knowledge", "out of memory");
}

/* --- engines, access, calls -------------------------------------------------------------------------------
 */

static int make_engines(struct app *a)
{
    struct vg_synth_config synth = vg_synth_config_default();
    synth.threads = (unsigned)a->config->tts_threads;
    if (vg_synth_pool_new(&a->synth, &synth))
        return fail("synthesis", "the synthesis threads cannot start");
    int err = vg_nursery_wait(a->nursery, NURSERY_WAIT_MS);
    if (err)
        return fail("nursery", vg_strerror(err));
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct vg_calls_limits limits = {.calls_max = (uint32_t)a->config->calls_max,
                                     .stt_streams_max =
                                         (uint32_t)(a->config->stt_streams ? a->config->stt_streams
                                                                           : STT_STREAMS_PER_CORE * cores)};
    a->calls = vg_calls_new(&limits);
    return a->calls ? 0 : fail("calls", "out of memory");
}

static int make_access(struct app *a)
{
    struct vg_buf problem = VG_BUF_INIT;
    int err = vg_tokens_new(&a->tokens, a->config, &problem);
    if (err)
        fail("tokens", vg_buf_str(&problem));
    vg_buf_free(&problem);
    a->api.config = a->config;
    a->api.tokens = a->tokens;
    a->api.directory = a->directory;
    a->api.workers = a->workers;
    a->api.record = a->record;
    a->api.nursery = a->nursery;
    a->api.calls = a->calls;
    if (a->config->admin_key && *a->config->admin_key)
        vg_sha256_hex(a->config->admin_key, strlen(a->config->admin_key), a->api.admin_key_sha256);
    return err ? err : vg_api_shared_init(&a->api);
}

static void on_scrape(void *arg)
{
    struct app *a = arg;
    vg_metric_set(VG_M_spool_depth_events, NULL, NULL, (double)vg_spool_depth(a->spool));
    vg_metric_set(VG_M_postgres_up, NULL, NULL, vg_record_up(a->record));
    scrape_tenants(a->calls);
}

/* --- shards ----------------------------------------------------------------------------------------------
 */

static unsigned count_shards(const struct vg_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long n = config->shards ? config->shards : cores / 2;
    return (unsigned)(n < 1 ? 1 : n > SHARDS_MAX ? SHARDS_MAX : n);
}

static int make_shards(struct app *a, int *port)
{
    a->shard_count = count_shards(a->config);
    a->shards = calloc(a->shard_count, sizeof *a->shards);
    struct shard_parts parts = {.config = a->config,
                                .api = &a->api,
                                .spool = a->spool,
                                .calls = a->calls,
                                .env = {.nursery = a->nursery,
                                        .synth = a->synth,
                                        .knowledge = &vg_knowledge_ops,
                                        .knowledge_arg = a->knowledge},
                                .instance_id = a->instance_id,
                                .count = a->shard_count};
    *port = (int)a->config->port;
    for (unsigned i = 0; a->shards && i < a->shard_count; i++) {
        int err = shard_thread_init(&a->shards[i], i, &parts, *port);
        if (err == VG_EEXIST || err == VG_EIO)
            return fail("listen", "the port is taken, or HOST is not an address of this machine");
        if (err)
            return fail("shard", vg_strerror(err));
        *port = vg_server_port(a->shards[i].server);
    }
    for (unsigned i = 0; a->shards && i < a->shard_count; i++) {
        if (shard_thread_start(&a->shards[i]))
            return fail("shard", "no thread");
    }
    return a->shards ? 0 : VG_ENOMEM;
}

/* --- drain -----------------------------------------------------------------------------------------------
 */

struct end_job {
    struct vg_message message;
    struct vg_shard *shard;
    struct vg_call_entry *entry; /* a reference */
};

static void run_end(struct vg_message *msg)
{
    struct end_job *job = VG_MESSAGE_OF(msg, struct end_job, message);
    vg_call_end(job->shard, job->entry, "server_draining", NULL, NULL);
    vg_call_entry_put(job->entry);
    free(job);
}

/* Those that wait for a connection cannot get one any more, so they are not waited for. */
static void end_calls(struct app *a, bool ready_only)
{
    struct vg_call_entry **live;
    size_t n = vg_calls_all_live(a->calls, &live);
    for (size_t i = 0; i < n; i++) {
        bool wanted = !ready_only || vg_calls_look(a->calls, live[i]).status == VG_CALL_READY;
        struct end_job *job = wanted ? calloc(1, sizeof *job) : NULL;
        if (!job) {
            vg_call_entry_put(live[i]);
            continue;
        }
        *job = (struct end_job){.message.handle = run_end, .shard = live[i]->home, .entry = live[i]};
        vg_loop_post(live[i]->home->loop, &job->message);
    }
    free(live);
}

/* Waits until no call is live; true if a second signal came. */
static bool wait_for_calls(struct app *a, const sigset_t *signals, int64_t timeout_us)
{
    struct timespec step = {.tv_nsec = 100 * 1000000};
    int64_t until = vg_mono_us() + timeout_us;
    while (vg_calls_live(a->calls) > 0 && vg_mono_us() < until) {
        if (sigtimedwait(signals, NULL, &step) > 0)
            return true;
    }
    return false;
}

static void drain(struct app *a, const sigset_t *signals)
{
    atomic_store(&a->api.draining, true);
    vg_log_info("serve.draining", "live_calls=%u", vg_calls_live(a->calls));
    end_calls(a, true);
    wait_for_calls(a, signals, a->config->drain_seconds * VG_US_PER_S);
    end_calls(a, false);
    wait_for_calls(a, signals, 3 * VG_US_PER_S);
    /* Farewells are on their way: give the sockets a moment. */
    struct timespec moment = {.tv_nsec = 200 * 1000000};
    nanosleep(&moment, NULL);
}

static void take_apart(struct app *a)
{
    for (unsigned i = 0; i < a->shard_count && a->shards; i++)
        shard_thread_stop(&a->shards[i]);
    vg_workers_free(a->workers); /* what waits is answered with an error */
    vg_synth_pool_free(a->synth);
    vg_record_free(a->record);
    vg_spool_free(a->spool);
    for (unsigned i = 0; i < a->shard_count && a->shards; i++)
        shard_thread_clear(&a->shards[i]);
    free(a->shards);
    vg_knowledge_free(a->knowledge);
    vg_directory_free(a->directory);
    vg_api_shared_clear(&a->api);
    vg_tokens_free(a->tokens);
    vg_calls_free(a->calls);
    vg_nursery_free(a->nursery);
    vg_trace_stop();
    vg_log_info("serve.stopped", "instance=%s", a->instance_id);
    if (a->log_started)
        vg_log_stop();
}

static int assemble(struct app *a, int *port)
{
    int err = check_schema(a);
    if (!err)
        err = open_stores(a);
    if (!err)
        err = make_engines(a);
    if (!err)
        err = make_access(a);
    if (!err && a->config->otel_endpoint)
        err = vg_trace_start(a->config->otel_endpoint, a->config->otel_service_name);
    if (err)
        return err;
    vg_metrics_on_scrape(on_scrape, a);
    return make_shards(a, port);
}

int vg_app_serve(const struct vg_config *config)
{
    struct app a = {.config = config};
    sigset_t signals;
    int port = 0;
    raise_descriptor_limit();
    int err = start_nursery(&a);
    block_signals(&signals);
    if (!err)
        err = start_log(&a);
    if (!err)
        err = assemble(&a, &port);
    if (!err) {
        vg_log_info("serve.ready", "host=%s port=%d shards=%u instance=%s version=%s", config->host, port,
                    a.shard_count, a.instance_id, VG_VERSION);
        int signal_number;
        sigwait(&signals, &signal_number);
        drain(&a, &signals);
    }
    take_apart(&a);
    return err ? 1 : 0;
}
