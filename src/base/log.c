/* Asynchronous JSON logger; see log.h.
 *
 * The ring is the bounded many-producer queue with a sequence number per slot: a producer claims a slot by
 * moving `tail`, writes the line, and publishes it by the slot's sequence. The writer thread sleeps on a
 * futex- like semaphore (POSIX sem) that producers post without blocking. */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

enum {
    LINE_BYTES = 1024,
    RING_LINES = 2048, /* a power of two */
    REPEATS_PER_SECOND = 20,
    REPEAT_SLOTS = 64,
};

struct line {
    _Atomic uint32_t sequence; /* release by the side that is done with the slot, acquire by the other */
    uint32_t length;
    char text[LINE_BYTES];
};

/* How often one event was seen in the present second; the counters are approximate under contention. */
struct repeat {
    _Atomic(const char *) event;
    _Atomic int64_t second;
    _Atomic uint32_t count;
};

static struct {
    struct line *ring;
    _Atomic uint32_t tail; /* producers */
    uint32_t head;         /* writer thread */
    _Atomic uint64_t dropped;
    _Atomic int level;
    _Atomic bool running;
    sem_t ready;
    pthread_t thread;
    int fd;
    struct repeat repeats[REPEAT_SLOTS];
} logger = {.level = VG_LOG_INFO, .fd = STDERR_FILENO};

static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0) {
            if (errno == EINTR)
                continue;
            return; /* nowhere to say that the log cannot be written */
        }
        p += done;
        n -= (size_t)done;
    }
}

/* Writes the lines that are published, up to the first that is claimed but not yet written by its producer.
 */
static void write_published(void)
{
    for (;;) {
        struct line *l = &logger.ring[logger.head & (RING_LINES - 1)];
        if (atomic_load_explicit(&l->sequence, memory_order_acquire) != logger.head + 1)
            return;
        write_all(logger.fd, l->text, l->length);
        atomic_store_explicit(&l->sequence, logger.head + RING_LINES, memory_order_release);
        logger.head++;
    }
}

/* A wake-up may stand for no line (it came for one behind an unpublished line, and was used up) or for
 * several, so each works off all that is there. */
static void *writer(void *arg)
{
    (void)arg;
    for (;;) {
        while (sem_wait(&logger.ready) && errno == EINTR)
            continue;
        bool running = atomic_load(&logger.running);
        write_published();
        if (!running)
            return NULL;
    }
}

int vg_log_start(int fd, enum vg_log_level level)
{
    VG_ASSERT(!atomic_load(&logger.running));
    logger.ring = calloc(RING_LINES, sizeof *logger.ring);
    if (!logger.ring)
        return VG_ENOMEM;
    for (uint32_t i = 0; i < RING_LINES; i++)
        atomic_init(&logger.ring[i].sequence, i);
    logger.head = 0;
    atomic_store(&logger.tail, 0);
    logger.fd = fd;
    vg_log_set_level(level);
    sem_init(&logger.ready, 0, 0);
    atomic_store(&logger.running, true);
    if (pthread_create(&logger.thread, NULL, writer, NULL)) {
        atomic_store(&logger.running, false);
        free(logger.ring);
        return VG_EIO;
    }
    return 0;
}

void vg_log_stop(void)
{
    if (!atomic_exchange(&logger.running, false))
        return;
    sem_post(&logger.ready);
    pthread_join(logger.thread, NULL);
    free(logger.ring);
    logger.ring = NULL;
    logger.fd = STDERR_FILENO;
}

void vg_log_set_level(enum vg_log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

int vg_log_parse_level(const char *text, enum vg_log_level *out)
{
    static const struct {
        const char *name;
        enum vg_log_level level;
    } NAMES[] = {{"debug", VG_LOG_DEBUG},
                 {"info", VG_LOG_INFO},
                 {"warn", VG_LOG_WARN},
                 {"warning", VG_LOG_WARN},
                 {"error", VG_LOG_ERROR}};
    for (size_t i = 0; i < VG_COUNT_OF(NAMES); i++) {
        if (strcasecmp(text, NAMES[i].name) == 0) {
            *out = NAMES[i].level;
            return 0;
        }
    }
    return VG_EINVAL;
}

uint64_t vg_log_dropped(void)
{
    return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}

/* True if this event is to be written; `*suppressed` is how many of the last second were not. */
static bool admit(const char *event, int64_t now_us, uint32_t *suppressed)
{
    struct repeat *r = &logger.repeats[((uintptr_t)event >> 4) % REPEAT_SLOTS];
    int64_t second = now_us / VG_US_PER_S;
    *suppressed = 0;
    if (atomic_load_explicit(&r->event, memory_order_relaxed) != event ||
        atomic_load_explicit(&r->second, memory_order_relaxed) != second) {
        uint32_t count = atomic_exchange_explicit(&r->count, 1, memory_order_relaxed);
        bool same = atomic_exchange_explicit(&r->event, event, memory_order_relaxed) == event;
        atomic_store_explicit(&r->second, second, memory_order_relaxed);
        if (same && count > REPEATS_PER_SECOND)
            *suppressed = count - REPEATS_PER_SECOND;
        return true;
    }
    return atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed) < REPEATS_PER_SECOND;
}

/* Copies one conversion such as "%lld" out of `fmt` and returns where it ends. */
static const char *take_conversion(const char *fmt, char spec[16])
{
    size_t n = strcspn(fmt, "diuoxXcsfgeEG");
    n = fmt[n] ? n + 1 : n;
    VG_ASSERT(n < 16);
    memcpy(spec, fmt, n);
    spec[n] = 0;
    return fmt + n;
}

static void add_number(struct vg_json *j, const char *key, const char *spec, va_list *ap)
{
    char text[64];
    char kind = spec[strlen(spec) - 1];
    bool wide = strchr(spec, 'l') || strchr(spec, 'z') || strchr(spec, 'j');
    if (strchr("feEgG", kind)) {
        double value = va_arg(*ap, double);
        if (isfinite(value))
            snprintf(text, sizeof text, "%.6g", value);
        else
            snprintf(text, sizeof text, "null");
    } else if (strchr("di", kind))
        snprintf(text, sizeof text, "%lld", wide ? va_arg(*ap, long long) : (long long)va_arg(*ap, int));
    else
        snprintf(text, sizeof text, "%llu",
                 wide ? va_arg(*ap, unsigned long long) : (unsigned long long)va_arg(*ap, unsigned));
    vg_json_raw(j, key, text);
}

static void add_pairs(struct vg_json *j, const char *fmt, va_list *ap)
{
    while (*fmt) {
        const char *eq = strchr(fmt, '=');
        if (!eq)
            break;
        char key[48];
        size_t n = (size_t)(eq - fmt);
        VG_ASSERT(n < sizeof key && eq[1] == '%');
        memcpy(key, fmt, n);
        key[n] = 0;
        char spec[16];
        fmt = take_conversion(eq + 1, spec);
        if (spec[strlen(spec) - 1] == 's')
            vg_json_str(j, key, va_arg(*ap, const char *));
        else
            add_number(j, key, spec, ap);
        while (isspace((unsigned char)*fmt))
            fmt++;
    }
}

static void enqueue(const char *text, size_t n)
{
    uint32_t at = atomic_load_explicit(&logger.tail, memory_order_relaxed);
    for (;;) {
        struct line *l = &logger.ring[at & (RING_LINES - 1)];
        uint32_t sequence = atomic_load_explicit(&l->sequence, memory_order_acquire);
        if (sequence == at) {
            if (atomic_compare_exchange_weak_explicit(&logger.tail, &at, at + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                memcpy(l->text, text, n);
                l->length = (uint32_t)n;
                atomic_store_explicit(&l->sequence, at + 1, memory_order_release);
                sem_post(&logger.ready);
                return;
            }
        } else if ((int32_t)(sequence - at) < 0) {
            atomic_fetch_add_explicit(&logger.dropped, 1, memory_order_relaxed);
            return;
        } else {
            at = atomic_load_explicit(&logger.tail, memory_order_relaxed);
        }
    }
}

void vg_log(enum vg_log_level level, const char *event, const char *fmt, ...)
{
    static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load_explicit(&logger.level, memory_order_relaxed))
        return;
    int64_t now = vg_utc_us();
    uint32_t suppressed;
    if (!admit(event, now, &suppressed))
        return;

    struct vg_buf b = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&b);
    char when[VG_ISO8601_SIZE];
    vg_json_object(&j, NULL);
    vg_json_str(&j, "ts", vg_iso8601(now, when));
    vg_json_str(&j, "level", LEVELS[level]);
    vg_json_str(&j, "event", event);
    va_list ap;
    va_start(ap, fmt);
    add_pairs(&j, fmt, &ap);
    va_end(ap);
    if (suppressed)
        vg_json_int(&j, "suppressed", suppressed);
    vg_json_end(&j);
    vg_buf_putc(&b, '\n');

    if (!b.failed && b.len > LINE_BYTES) {
        /* A cut JSON line would break the reader of the log, so an oversized event keeps only its name. */
        vg_buf_reset(&b);
        vg_buf_printf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"oversized\":true}\n", when,
                      LEVELS[level], event);
    }
    if (!b.failed && b.len <= LINE_BYTES) {
        if (atomic_load_explicit(&logger.running, memory_order_acquire))
            enqueue(b.data, b.len);
        else
            write_all(STDERR_FILENO, b.data, b.len);
    }
    vg_buf_free(&b);
}
