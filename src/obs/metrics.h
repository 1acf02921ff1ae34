/* Counters, gauges and histograms in the Prometheus text format. One table (metrics_table.inc) names them
 * all: name, type, labels, unit, help; docs are generated from it. Updates are lock-free and real-time safe;
 * the exposition is built on demand. The registry is one of the two mutable globals of the project. */
#ifndef VG_OBS_METRICS_H
#define VG_OBS_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum vg_metric {
#define VG_METRIC(id, name, type, label1, label2, help) VG_M_##id,
#include "obs/metrics_table.inc"
#undef VG_METRIC
    VG_METRIC_COUNT
};

/* Label values are strings with static life or short-lived ones that are interned (bounded: at most 128 pairs
 * a metric, then "other"). NULL where the metric has no such label. Any thread. */
void vg_metric_add(enum vg_metric m, const char *label1, const char *label2, int64_t n);
void vg_metric_set(enum vg_metric m, const char *label1, const char *label2, double value);
/* Records an observation; times are given in microseconds and shown in seconds. */
void vg_metric_observe_us(enum vg_metric m, const char *label1, const char *label2, int64_t us);
/* The same for a histogram that counts something else (slots); `value` is in the unit of its name. */
void vg_metric_observe(enum vg_metric m, const char *label1, const char *label2, int64_t value);

#define vg_count(id)            vg_metric_add(VG_M_##id, NULL, NULL, 1)
#define vg_count1(id, label)    vg_metric_add(VG_M_##id, label, NULL, 1)
#define vg_gauge_add(id, n)     vg_metric_add(VG_M_##id, NULL, NULL, n)
#define vg_gauge_set(id, value) vg_metric_set(VG_M_##id, NULL, NULL, value)
#define vg_observe_us(id, us)   vg_metric_observe_us(VG_M_##id, NULL, NULL, us)

/* Writes the exposition (text/plain; version=0.0.4). Any thread. */
void vg_metrics_write(struct vg_buf *out);
/* Gauges that are read rather than kept: `fn` runs at each exposition. At most 32. */
void vg_metrics_on_scrape(void (*fn)(void *arg), void *arg);
/* Takes the hook back; when it returns, `fn` does not run any more. */
void vg_metrics_off_scrape(void (*fn)(void *arg), void *arg);
/* Inside such a hook only: one sample of this exposition and no other, for label values that come and go
 * (live calls by tenant). The hook gives each pair of labels once and bounds their number itself. */
void vg_metric_sample(enum vg_metric m, const char *label1, const char *label2, double value);

#endif
