/* The Prometheus text format (version 0.0.4) of the registry. Any thread; scrapes are serialised by a mutex
 * that updates never see. Source: prometheus/docs, exposition_formats.md. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "obs/metrics_internal.h"

enum { SCRAPE_HOOKS_MAX = 32 };

static const int64_t bounds_turn_us[] = {1000,   2500,   5000,   10000,   25000,   50000,   100000,
                                         250000, 500000, 750000, 1000000, 2500000, 5000000, 10000000};
static const int64_t bounds_fine_us[] = {50,    100,   250,   500,    1000,   2500,   5000,
                                         10000, 20000, 50000, 100000, 250000, 1000000};
static const int64_t bounds_slots[] = {0, 1, 2, 4, 8, 16, 32, 48, 60, 64, 128};

static struct {
    pthread_mutex_t lock;
    struct {
        void (*fn)(void *arg);
        void *arg;
    } hook[SCRAPE_HOOKS_MAX];
    unsigned hooks;
    struct vg_buf sample[VG_METRIC_COUNT]; /* lines that hooks gave this scrape */
} scrape = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool in_scrape;

struct metric_buckets metric_buckets_of(enum vg_metric m)
{
    switch (m) {
    case VG_M_uplink_ring_fill_slots:
        return (struct metric_buckets){bounds_slots, VG_COUNT_OF(bounds_slots), 1};
    case VG_M_frame_to_ring_seconds:
    case VG_M_frame_to_stt_seconds:
    case VG_M_media_tick_seconds:
    case VG_M_loop_lag_seconds:
    case VG_M_turn_persist_seconds:
    case VG_M_spool_commit_seconds:
        return (struct metric_buckets){bounds_fine_us, VG_COUNT_OF(bounds_fine_us), 1e-6};
    default: return (struct metric_buckets){bounds_turn_us, VG_COUNT_OF(bounds_turn_us), 1e-6};
    }
}

static void label_write(struct vg_buf *out, const char *name, const char *value)
{
    vg_buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            vg_buf_putc(out, '\\');
        vg_buf_putc(out, *value);
    }
    vg_buf_putc(out, '"');
}

/* `{a="x",b="y",le="z"}`, or nothing. */
static void labels_write(struct vg_buf *out, const struct metric_def *def, const char *label1,
                         const char *label2, const char *le)
{
    const char *name[] = {def->label[0], def->label[1], le ? "le" : NULL};
    const char *value[] = {label1, label2, le};
    char before = '{';
    for (unsigned i = 0; i < VG_COUNT_OF(name); i++) {
        if (!name[i])
            continue;
        vg_buf_putc(out, before);
        label_write(out, name[i], value[i]);
        before = ',';
    }
    if (before == ',')
        vg_buf_putc(out, '}');
}

static void sample_write(struct vg_buf *out, const struct metric_def *def, const char *label1,
                         const char *label2, double value)
{
    vg_buf_puts(out, def->name);
    labels_write(out, def, label1, label2, NULL);
    vg_buf_printf(out, " %.15g\n", value);
}

static void counter_write(struct vg_buf *out, const struct metric_def *def, struct metric_series *s)
{
    int64_t n = 0;
    for (unsigned i = 0; i < METRIC_SHARDS; i++)
        n += atomic_load_explicit(&s->shard[i].n, memory_order_relaxed);
    double set = atomic_load_explicit(&s->value, memory_order_relaxed);
    vg_buf_puts(out, def->name);
    labels_write(out, def, s->label[0], s->label[1], NULL);
    if (set != 0)
        vg_buf_printf(out, " %.15g\n", set + (double)n);
    else
        vg_buf_printf(out, " %" PRId64 "\n", n);
}

/* _count comes from the buckets, so that it always equals the +Inf bucket although updates go on. */
static void histogram_write(struct vg_buf *out, enum vg_metric m, struct metric_series *s)
{
    const struct metric_def *def = &vg_metric_defs[m];
    struct metric_buckets buckets = metric_buckets_of(m);
    struct metric_histogram *h = atomic_load_explicit(&s->histogram, memory_order_acquire);
    int64_t total = 0, sum = 0;
    for (unsigned b = 0; b <= buckets.count; b++) {
        for (unsigned i = 0; h && i < METRIC_SHARDS; i++)
            total += atomic_load_explicit(&h->shard[i].bucket[b], memory_order_relaxed);
        char le[32] = "+Inf";
        if (b < buckets.count)
            snprintf(le, sizeof le, "%.12g", (double)buckets.bound[b] * buckets.unit);
        vg_buf_printf(out, "%s_bucket", def->name);
        labels_write(out, def, s->label[0], s->label[1], le);
        vg_buf_printf(out, " %" PRId64 "\n", total);
    }
    for (unsigned i = 0; h && i < METRIC_SHARDS; i++)
        sum += atomic_load_explicit(&h->shard[i].sum, memory_order_relaxed);
    vg_buf_printf(out, "%s_sum", def->name);
    labels_write(out, def, s->label[0], s->label[1], NULL);
    vg_buf_printf(out, " %.15g\n", (double)sum * buckets.unit);
    vg_buf_printf(out, "%s_count", def->name);
    labels_write(out, def, s->label[0], s->label[1], NULL);
    vg_buf_printf(out, " %" PRId64 "\n", total);
}

static void series_write(struct vg_buf *out, enum vg_metric m, struct metric_series *s)
{
    const struct metric_def *def = &vg_metric_defs[m];
    switch (def->type) {
    case METRIC_counter: counter_write(out, def, s); break;
    case METRIC_gauge:
        sample_write(out, def, s->label[0], s->label[1],
                     atomic_load_explicit(&s->value, memory_order_relaxed));
        break;
    case METRIC_histogram: histogram_write(out, m, s); break;
    }
}

static void family_write(struct vg_buf *out, enum vg_metric m)
{
    static const char *const type_name[] = {"counter", "gauge", "histogram"};
    const struct metric_def *def = &vg_metric_defs[m];
    struct metric_family *f = metric_family_of(m);
    vg_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", def->name, def->help, def->name, type_name[def->type]);
    if (scrape.sample[m].len > 0) {
        vg_buf_add(out, scrape.sample[m].data, scrape.sample[m].len);
        vg_buf_reset(&scrape.sample[m]);
        return; /* a metric is either kept or read, never both: no series twice */
    }
    if (!def->label[0]) {
        series_write(out, m, &f->plain);
        return;
    }
    for (unsigned i = 0; i < METRIC_SLOTS; i++) {
        struct metric_series *s = atomic_load_explicit(&f->slot[i], memory_order_acquire);
        if (s)
            series_write(out, m, s);
    }
}

void vg_metric_sample(enum vg_metric m, const char *label1, const char *label2, double value)
{
    VG_ASSERT(in_scrape && vg_metric_defs[m].type != METRIC_histogram);
    sample_write(&scrape.sample[m], &vg_metric_defs[m], label1 ? label1 : "", label2 ? label2 : "", value);
}

void vg_metrics_on_scrape(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&scrape.lock);
    VG_ASSERT(scrape.hooks < SCRAPE_HOOKS_MAX);
    scrape.hook[scrape.hooks].fn = fn;
    scrape.hook[scrape.hooks].arg = arg;
    scrape.hooks++;
    pthread_mutex_unlock(&scrape.lock);
}

void vg_metrics_off_scrape(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&scrape.lock);
    for (unsigned i = 0; i < scrape.hooks; i++) {
        if (scrape.hook[i].fn == fn && scrape.hook[i].arg == arg) {
            scrape.hook[i] = scrape.hook[--scrape.hooks];
            break;
        }
    }
    pthread_mutex_unlock(&scrape.lock);
}

void vg_metrics_write(struct vg_buf *out)
{
    pthread_mutex_lock(&scrape.lock);
    in_scrape = true;
    metrics_process_read();
    for (unsigned i = 0; i < scrape.hooks; i++)
        scrape.hook[i].fn(scrape.hook[i].arg);
    in_scrape = false;
    for (unsigned m = 0; m < VG_METRIC_COUNT; m++)
        family_write(out, (enum vg_metric)m);
    pthread_mutex_unlock(&scrape.lock);
}
