/* The gateway's own counts; see counts.h. */
#include "cli/bench/counts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next line of `name` or, with a label, of `name{`; NULL: none. `*value` is behind its space. */
static const char *next_sample(const char *at, const char *metrics, const char *name, const char **value)
{
    size_t n = strlen(name);
    for (; (at = strstr(at, name)); at += n) {
        if ((at == metrics || at[-1] == '\n') && (at[n] == ' ' || at[n] == '{') && (*value = strchr(at, ' ')))
            return at;
    }
    return NULL;
}

static double sum_of(const char *metrics, const char *name)
{
    double sum = 0;
    const char *value;
    for (const char *at = metrics; (at = next_sample(at, metrics, name, &value)); at = value)
        sum += strtod(value, NULL);
    return sum;
}

static void times_of(struct counted_times *out, const char *metrics, const char *name)
{
    char bucket[80];
    const char *value;
    snprintf(bucket, sizeof bucket, "%s_bucket", name);
    *out = (struct counted_times){0};
    for (const char *at = metrics; (at = next_sample(at, metrics, bucket, &value)); at = value) {
        const char *bound = strstr(at, "le=\"");
        if (!bound || bound > value || out->buckets == COUNTS_BUCKETS_MAX)
            return;
        out->bound_s[out->buckets] = strtod(bound + 4, NULL); /* "+Inf" is infinite */
        out->count[out->buckets++] = strtod(value, NULL);
    }
}

void counts_parse(struct server_counts *out, const char *metrics)
{
    out->there = true;
    out->frames_in = sum_of(metrics, "voxgate_frames_in_total");
    out->dropped = sum_of(metrics, "voxgate_frames_dropped_total");
    out->late = sum_of(metrics, "voxgate_frames_late_total");
    out->tick_late = sum_of(metrics, "voxgate_media_tick_late_total");
    times_of(&out->to_ring, metrics, "voxgate_frame_to_ring_seconds");
    times_of(&out->to_stt, metrics, "voxgate_frame_to_stt_seconds");
}

void counts_read(struct server_counts *out, const struct wire_url *url)
{
    struct vg_buf text = VG_BUF_INIT;
    *out = (struct server_counts){0};
    if (wire_request(url, "GET", "/metrics", NULL, NULL, &text) == 200)
        counts_parse(out, vg_buf_str(&text));
    vg_buf_free(&text);
}

double counts_quantile_ms(const struct counted_times *before, const struct counted_times *after, double share)
{
    size_t n = after->buckets;
    double low_s = 0, low_count = 0;
    bool same = before->buckets == n; /* else the gateway had counted nothing before */
    double total = n ? after->count[n - 1] - (same ? before->count[n - 1] : 0) : 0;
    if (total <= 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        double count = after->count[i] - (same ? before->count[i] : 0);
        if (isinf(after->bound_s[i]))
            break;
        if (count >= share * total) {
            double within = count > low_count ? (share * total - low_count) / (count - low_count) : 1;
            return 1000 * (low_s + (after->bound_s[i] - low_s) * within);
        }
        low_s = after->bound_s[i];
        low_count = count;
    }
    return 1000 * low_s;
}
