/* The exporter: a bounded queue of ended spans and one thread that posts them in batches.
 *
 * Spans wait under a mutex (no real-time thread opens spans). The thread takes up to TRACE_BATCH_MAX of them
 * once a second, or sooner when a batch is full, and repeats a request that may be repeated (429, 502, 503,
 * 504, no connection) with back-off; meanwhile the queue fills and then drops the newest. */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "obs/metrics.h"
#include "obs/trace_internal.h"

enum {
    FLUSH_EVERY_US = VG_US_PER_S,
    STOP_WITHIN_US = 2 * VG_US_PER_S,
    REQUEST_TIMEOUT_MS = 10000,
    ATTEMPTS_MAX = 6, /* of one batch: about 30 s with the back-off below */
    BACKOFF_FIRST_US = VG_US_PER_S,
    BACKOFF_MAX_US = 10 * VG_US_PER_S,
};

static struct {
    atomic_bool enabled; /* ATOMIC: relaxed; the queue's lock orders the rest */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping;                          /* by lock */
    _Atomic int64_t until_us;               /* ATOMIC: relaxed; monotonic end of a stop, 0: none asked */
    struct vg_span *queue[TRACE_QUEUE_MAX]; /* by lock; a ring */
    unsigned first, count;                  /* by lock */
    char *url, *service_name;               /* RO while the thread runs */
} exporter = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void count_spans(const char *result, unsigned n)
{
    if (n > 0)
        vg_metric_add(VG_M_trace_spans_total, result, NULL, n);
}

bool vg_trace_enabled(void)
{
    return atomic_load_explicit(&exporter.enabled, memory_order_relaxed);
}

void trace_export(struct vg_span *s)
{
    pthread_mutex_lock(&exporter.lock);
    bool taken = !exporter.stopping && vg_trace_enabled() && exporter.count < TRACE_QUEUE_MAX;
    if (taken) {
        exporter.queue[(exporter.first + exporter.count) % TRACE_QUEUE_MAX] = s;
        if (++exporter.count == TRACE_BATCH_MAX)
            pthread_cond_signal(&exporter.wake);
    }
    pthread_mutex_unlock(&exporter.lock);
    if (taken)
        return;
    count_spans("dropped", 1);
    trace_span_free(s);
}

/* Waits on `wake` until a monotonic time at the latest. By lock. */
static void wait_until(int64_t mono_us)
{
    struct timespec ts = {.tv_sec = mono_us / VG_US_PER_S, .tv_nsec = mono_us % VG_US_PER_S * 1000};
    pthread_cond_timedwait(&exporter.wake, &exporter.lock, &ts);
}

/* Waits for a batch, or for what there is after a while. Returns its size; 0 with `*stop`: all done. */
static unsigned batch_take(struct vg_span *out[TRACE_BATCH_MAX], bool *stop)
{
    pthread_mutex_lock(&exporter.lock);
    int64_t flush_us = vg_mono_us() + FLUSH_EVERY_US;
    while (!exporter.stopping && exporter.count < TRACE_BATCH_MAX && vg_mono_us() < flush_us)
        wait_until(flush_us);
    unsigned n = exporter.count < TRACE_BATCH_MAX ? exporter.count : TRACE_BATCH_MAX;
    for (unsigned i = 0; i < n; i++)
        out[i] = exporter.queue[(exporter.first + i) % TRACE_QUEUE_MAX];
    exporter.first = (exporter.first + n) % TRACE_QUEUE_MAX;
    exporter.count -= n;
    *stop = exporter.stopping;
    pthread_mutex_unlock(&exporter.lock);
    return n;
}

/* Sleeps, but not past a stop. False: stopping, do not try again. */
static bool back_off(unsigned attempt, int64_t retry_after_us)
{
    int64_t wait_us = (int64_t)BACKOFF_FIRST_US << attempt;
    wait_us = wait_us < BACKOFF_MAX_US ? wait_us : BACKOFF_MAX_US;
    uint32_t dice;
    vg_random_bytes(&dice, sizeof dice);
    wait_us = wait_us / 2 + dice % (wait_us / 2);
    if (retry_after_us > wait_us)
        wait_us = retry_after_us < 60 * VG_US_PER_S ? retry_after_us : 60 * VG_US_PER_S;
    int64_t until_us = vg_mono_us() + wait_us;
    pthread_mutex_lock(&exporter.lock);
    while (!exporter.stopping && vg_mono_us() < until_us)
        wait_until(until_us);
    bool again = !exporter.stopping;
    pthread_mutex_unlock(&exporter.lock);
    return again;
}

/* libcurl asks this about once a second and at each event: a stop does not wait for a silent collector. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    int64_t until_us = atomic_load_explicit(&exporter.until_us, memory_order_relaxed);
    return until_us != 0 && vg_mono_us() > until_us;
}

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
    (void)data, (void)arg; /* a partialSuccess is not to be repeated, so the answer does not matter */
    return size * n;
}

static bool may_retry(CURLcode code, long status)
{
    return code != CURLE_OK ? code != CURLE_ABORTED_BY_CALLBACK
                            : status == 429 || status == 502 || status == 503 || status == 504;
}

static void batch_send(CURL *curl, const struct vg_buf *body, unsigned n)
{
    long status = 0;
    CURLcode code = CURLE_OK;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        int64_t until_us = atomic_load_explicit(&exporter.until_us, memory_order_relaxed);
        int64_t left_ms = until_us ? (until_us - vg_mono_us()) / VG_US_PER_MS : REQUEST_TIMEOUT_MS;
        if (left_ms <= 0)
            break;
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
        code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status >= 200 && status < 300) {
            count_spans("exported", n);
            return;
        }
        curl_off_t retry_after_seconds = 0;
        curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_seconds);
        if (!may_retry(code, status) || !back_off(attempt, retry_after_seconds * VG_US_PER_S))
            break;
    }
    const char *why = code != CURLE_OK ? curl_easy_strerror(code) : status ? "refused" : "no time left";
    vg_log_warn("trace.export_failed", "status=%ld error=%s spans=%u", status, why, n);
    count_spans(code == CURLE_OK && status != 0 ? "rejected" : "dropped", n);
}

static void *export_thread(void *arg)
{
    CURL *curl = arg;
    struct vg_span *batch[TRACE_BATCH_MAX];
    struct vg_buf body = VG_BUF_INIT;
    bool stop = false;
    for (;;) {
        unsigned n = batch_take(batch, &stop);
        if (n == 0 && stop)
            break;
        if (n == 0)
            continue;
        vg_buf_reset(&body);
        trace_json(&body, exporter.service_name, batch, n);
        for (unsigned i = 0; i < n; i++)
            trace_span_free(batch[i]);
        if (body.failed)
            count_spans("dropped", n);
        else
            batch_send(curl, &body, n);
    }
    vg_buf_free(&body);
    return NULL;
}

static CURL *curl_new(const char *url, struct curl_slist **headers)
{
    CURL *curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    *headers = curl ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
    if (!*headers) {
        curl_easy_cleanup(curl);
        return NULL;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "voxgate/" VG_VERSION);
    return curl;
}

/* What the thread needs and only start and stop touch. */
static struct {
    CURL *curl;
    struct curl_slist *headers;
} http;

static void http_free(void)
{
    curl_slist_free_all(http.headers);
    curl_easy_cleanup(http.curl);
    free(exporter.url);
    free(exporter.service_name);
    http.headers = NULL;
    http.curl = NULL;
    exporter.url = exporter.service_name = NULL;
}

int vg_trace_start(const char *otlp_endpoint, const char *service_name)
{
    if (!otlp_endpoint || !*otlp_endpoint)
        return VG_OK;
    if (vg_trace_enabled())
        return VG_ESTATE;
    int err = trace_url(otlp_endpoint, &exporter.url);
    if (err)
        return err;
    exporter.service_name = strdup(service_name && *service_name ? service_name : "voxgate");
    http.curl = exporter.service_name ? curl_new(exporter.url, &http.headers) : NULL;
    if (!http.curl) {
        http_free();
        return VG_ENOMEM;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&exporter.wake, &attr);
    pthread_condattr_destroy(&attr);
    exporter.stopping = false;
    atomic_store_explicit(&exporter.until_us, 0, memory_order_relaxed);
    if (pthread_create(&exporter.thread, NULL, export_thread, http.curl) != 0) {
        pthread_cond_destroy(&exporter.wake);
        http_free();
        return VG_EIO;
    }
    pthread_setname_np(exporter.thread, "vg-trace");
    atomic_store_explicit(&exporter.enabled, true, memory_order_relaxed);
    vg_log_info("trace.started", "url=%s", exporter.url);
    return VG_OK;
}

void vg_trace_stop(void)
{
    if (!vg_trace_enabled())
        return;
    atomic_store_explicit(&exporter.until_us, vg_mono_us() + STOP_WITHIN_US, memory_order_relaxed);
    pthread_mutex_lock(&exporter.lock);
    exporter.stopping = true;
    pthread_cond_signal(&exporter.wake);
    pthread_mutex_unlock(&exporter.lock);
    pthread_join(exporter.thread, NULL);
    atomic_store_explicit(&exporter.enabled, false, memory_order_relaxed);
    pthread_cond_destroy(&exporter.wake);
    http_free();
}
