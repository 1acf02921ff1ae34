/* What a load test found: a table, JSON, CSV. See bench.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/bench/bench.h"

double step_cores(const struct step *s, int group)
{
    if (s->seconds <= 0)
        return 0;
    return (double)(s->after.run_ns[group] - s->before.run_ns[group]) / 1e9 / s->seconds;
}

double step_user_share(const struct step *s, int group)
{
    double user = (double)(s->after.user_ns[group] - s->before.user_ns[group]);
    double kernel = (double)(s->after.kernel_ns[group] - s->before.kernel_ns[group]);
    return user + kernel > 0 ? user / (user + kernel) : 0;
}

double step_frame_us(const struct step *s, int group)
{
    if (s->stats.frames_sent == 0)
        return 0;
    return (double)(s->after.run_ns[group] - s->before.run_ns[group]) / 1e3 / (double)s->stats.frames_sent;
}

int64_t step_rss_per_call(const struct bench *b, const struct step *s)
{
    return s->held > 0 ? (s->after.rss_bytes - b->idle.after.rss_bytes) / s->held : 0;
}

static double ms(const struct hist *h, double share)
{
    return (double)hist_quantile_us(h, share) / 1000;
}

static double late_pct(const struct step *s)
{
    return s->stats.replies ? 100.0 * (double)s->stats.late / (double)s->stats.replies : 0;
}

static double total_cores(const struct step *s)
{
    return step_cores(s, PROC_LOOP) + step_cores(s, PROC_MEDIA) + step_cores(s, PROC_OTHER);
}

/* --- screen ----------------------------------------------------------------------------------------------
 */

void report_heading(const struct bench *b)
{
    printf("%s against %s: callers speak %.0f %% of the time, %zu utterances in a loop of %.0f s\n",
           b->frames.shape->what, b->load.url.host, 100 * b->speech.share, b->speech.count,
           (double)b->speech.samples / VG_RATE_HZ);
    printf("%6s  %23s  %15s  %19s  %6s  %5s  %5s  %8s  %7s  %s\n", "", "ping-pong ms", "turn ms",
           "server CPU, % of core", "late", "lost", "fail", "us/frame", "client", "");
    printf("%6s  %7s %7s %7s  %7s %7s  %6s %6s %6s  %6s  %5s  %5s  %8s  %7s  %s\n", "calls", "p50", "p99",
           "p99.9", "p50", "p95", "loop", "media", "all", "%", "", "", "loop", "p99 ms", "");
    fflush(stdout);
}

void report_step(const struct bench *b, const struct step *s)
{
    (void)b;
    const struct stats *st = &s->stats;
    double dropped = s->counts_after.dropped - s->counts_before.dropped;
    printf(
        "%6lld  %7.2f %7.2f %7.2f  %7.0f %7.0f  %6.1f %6.1f %6.1f  %6.3f  %5.0f  %5llu  %8.2f  %7.2f  %s%s\n",
        (long long)s->held, ms(&st->ping, 0.5), ms(&st->ping, 0.99), ms(&st->ping, 0.999), ms(&st->turn, 0.5),
        ms(&st->turn, 0.95), 100 * step_cores(s, PROC_LOOP), 100 * step_cores(s, PROC_MEDIA),
        100 * total_cores(s), late_pct(s), (double)st->gaps + dropped,
        (unsigned long long)(stats_failures(st, true) + stats_failures(&s->coming, true)),
        step_frame_us(s, PROC_LOOP), ms(&st->send_late, 0.99), s->verdict,
        s->client_bound ? " (the client was the bottleneck)" : "");
    fflush(stdout);
}

static void print_failures(const struct bench *b)
{
    if (stats_failures(&b->total, true) == 0)
        return;
    printf("failures:");
    for (int i = 0; i < FAILURES; i++) {
        if (b->total.failed[i])
            printf(" %s %llu", failure_names[i], (unsigned long long)b->total.failed[i]);
    }
    if (b->total.refused_bare)
        printf(" (%llu refusals without Retry-After)", (unsigned long long)b->total.refused_bare);
    putchar('\n');
}

static double setup_rate(const struct stats *s)
{
    int64_t took = s->last_up_us - s->first_up_us;
    return took > 0 && s->set_up > 1 ? (double)(s->set_up - 1) * VG_US_PER_S / (double)took : 0;
}

void report_summary(const struct bench *b)
{
    if (b->step_count == 0)
        return;
    const struct step *s = &b->steps[b->step_count - 1], *first = &b->steps[0];
    for (size_t i = 0; i < b->step_count; i++) {
        if (b->steps[i].good && b->steps[i].held == b->capacity)
            s = &b->steps[i];
    }
    const struct stats *t = &b->total;
    putchar('\n');
    if (b->options->search)
        printf("capacity: %lld calls (p99 ping-pong at most 5 ms, no failed call, no lost frame, at most 0.1 "
               "%% late); "
               "by the field's measure %lld\n",
               (long long)b->capacity, (long long)b->field_capacity);
    printf("set up: %.0f calls/s in the first step (p50 %.1f ms, p99 %.1f ms)\n", setup_rate(&first->coming),
           ms(&first->coming.setup, 0.5), ms(&first->coming.setup, 0.99));
    printf("at %lld calls: loop %.2f us a frame (%.0f %% kernel), media %.0f us a call and second, RSS %.1f "
           "KiB a call, "
           "kernel %.1f KiB a call (both ends)\n",
           (long long)s->held, step_frame_us(s, PROC_LOOP), 100 * (1 - step_user_share(s, PROC_LOOP)),
           s->held ? 1e6 * step_cores(s, PROC_MEDIA) / (double)s->held : 0,
           (double)step_rss_per_call(b, s) / 1024,
           s->held ? (double)(s->after.slab_bytes + s->after.socket_bytes - b->idle.after.slab_bytes -
                              b->idle.after.socket_bytes) /
                         1024 / (double)s->held
                   : 0);
    printf("frames: sent %llu, replies %llu, late %llu, gaps %llu; transcripts %llu (missing %llu of %llu, "
           "split %llu, "
           "wrong %llu)\n",
           (unsigned long long)t->frames_sent, (unsigned long long)t->replies, (unsigned long long)t->late,
           (unsigned long long)t->gaps, (unsigned long long)t->transcripts,
           (unsigned long long)t->turns_missing, (unsigned long long)t->turns_due,
           (unsigned long long)t->turns_split, (unsigned long long)t->bad_transcripts);
    if (s->counts_after.there)
        printf("on its way in a frame takes p50 %.2f ms, p99 %.2f ms to its ring, %.2f ms, %.2f ms to the "
               "recogniser\n",
               counts_quantile_ms(&s->counts_before.to_ring, &s->counts_after.to_ring, 0.5),
               counts_quantile_ms(&s->counts_before.to_ring, &s->counts_after.to_ring, 0.99),
               counts_quantile_ms(&s->counts_before.to_stt, &s->counts_after.to_stt, 0.5),
               counts_quantile_ms(&s->counts_before.to_stt, &s->counts_after.to_stt, 0.99));
    print_failures(b);
    if (b->options->overload)
        printf("after the overload p99 was at most 5 ms again within %.1f s\n", b->recovered_s);
    if (b->options->setup && b->setup_s >= 0)
        printf("%lld calls were set up in %.2f s\n", (long long)s->held, b->setup_s);
    if (b->options->soak)
        printf("RSS grew by %.2f %% after the first slice\n", 100 * b->soak_growth);
    printf("stolen by other machines: %.1f ms a second; client %.0f %% of a core, sends late p99 %.2f ms\n",
           (double)(s->after.stolen_us - s->before.stolen_us) / 1000 / s->seconds, 100 * s->client_cpu,
           ms(&s->stats.send_late, 0.99));
}

/* --- files -----------------------------------------------------------------------------------------------
 */

void report_hist(struct vg_json *j, const char *key, const struct hist *h)
{
    vg_json_object(j, key);
    vg_json_int(j, "count", (int64_t)h->n);
    vg_json_num(j, "p50_ms", ms(h, 0.5), 3);
    vg_json_num(j, "p95_ms", ms(h, 0.95), 3);
    vg_json_num(j, "p99_ms", ms(h, 0.99), 3);
    vg_json_num(j, "p999_ms", ms(h, 0.999), 3);
    vg_json_num(j, "max_ms", (double)h->max_us / 1000, 3);
    vg_json_end(j);
}

void report_machine(struct vg_json *j, const struct proc_sample *before, const struct proc_sample *after)
{
    double us = (double)(after->at_us - before->at_us);
    vg_json_array(j, "cores_busy");
    for (int i = 0; i < after->core_count && us > 0; i++)
        vg_json_num(j, NULL, (double)(after->core_busy_us[i] - before->core_busy_us[i]) / us, 3);
    vg_json_end(j);
    vg_json_num(j, "stolen_ms", (double)(after->stolen_us - before->stolen_us) / 1000, 1);
}

/* Of a step both of its parts; of the whole run also what fell between steps. */
static void put_failures(struct vg_json *j, const struct stats *s, const struct stats *coming)
{
    vg_json_object(j, "failures");
    for (int i = 0; i < FAILURES; i++)
        vg_json_int(j, failure_names[i], (int64_t)(s->failed[i] + (coming ? coming->failed[i] : 0)));
    vg_json_end(j);
}

static void put_times(struct vg_json *j, const char *key, const struct counted_times *before,
                      const struct counted_times *after)
{
    vg_json_object(j, key);
    vg_json_num(j, "p50_ms", counts_quantile_ms(before, after, 0.5), 3);
    vg_json_num(j, "p99_ms", counts_quantile_ms(before, after, 0.99), 3);
    vg_json_num(j, "p999_ms", counts_quantile_ms(before, after, 0.999), 3);
    vg_json_end(j);
}

static void put_step(const struct bench *b, struct vg_json *j, const struct step *s)
{
    vg_json_object(j, NULL);
    vg_json_int(j, "calls", s->calls);
    vg_json_int(j, "held", s->held);
    vg_json_str(j, "verdict", s->verdict);
    vg_json_bool(j, "client_bound", s->client_bound);
    vg_json_num(j, "seconds", s->seconds, 3);
    report_hist(j, "ping", &s->stats.ping);
    report_hist(j, "turn", &s->stats.turn);
    report_hist(j, "reply_jitter", &s->stats.jitter);
    report_hist(j, "setup", &s->coming.setup);
    report_hist(j, "client_send_late", &s->stats.send_late);
    vg_json_int(j, "frames_sent", (int64_t)s->stats.frames_sent);
    vg_json_int(j, "messages", (int64_t)s->stats.messages);
    vg_json_int(j, "pongs", (int64_t)s->stats.pongs);
    vg_json_int(j, "reply_frames", (int64_t)s->stats.replies);
    vg_json_int(j, "late_frames", (int64_t)s->stats.late);
    vg_json_int(j, "gaps", (int64_t)s->stats.gaps);
    vg_json_num(j, "agent_talk_share",
                s->held ? (double)s->stats.reply_audio_us / 1e6 / s->seconds / (double)s->held : 0, 4);
    vg_json_num(j, "server_dropped", s->counts_after.dropped - s->counts_before.dropped, 0);
    vg_json_num(j, "server_late", s->counts_after.late - s->counts_before.late, 0);
    vg_json_num(j, "server_ticks_late", s->counts_after.tick_late - s->counts_before.tick_late, 0);
    put_times(j, "frame_to_ring", &s->counts_before.to_ring, &s->counts_after.to_ring);
    put_times(j, "frame_to_stt", &s->counts_before.to_stt, &s->counts_after.to_stt);
    vg_json_num(j, "setup_per_second", setup_rate(&s->coming), 1);
    put_failures(j, &s->stats, &s->coming);
    for (int g = 0; g < PROC_GROUPS; g++) {
        vg_json_object(j, proc_group_names[g]);
        vg_json_num(j, "cores", step_cores(s, g), 4);
        vg_json_num(j, "user_share", step_user_share(s, g), 3);
        vg_json_num(j, "us_per_frame", step_frame_us(s, g), 3);
        vg_json_num(j, "us_per_call_second", s->held ? 1e6 * step_cores(s, g) / (double)s->held : 0, 2);
        vg_json_end(j);
    }
    vg_json_num(j, "client_cores", s->client_cpu, 3);
    vg_json_int(j, "rss_per_call_bytes", step_rss_per_call(b, s));
    vg_json_int(j, "kernel_slab_bytes", s->after.slab_bytes - b->idle.after.slab_bytes);
    vg_json_int(j, "kernel_socket_bytes", s->after.socket_bytes - b->idle.after.socket_bytes);
    vg_json_int(j, "rss_bytes", s->after.rss_bytes);
    report_machine(j, &s->before, &s->after);
    vg_json_end(j);
}

int report_file(const char *path, struct vg_buf *text)
{
    FILE *f = text->failed ? NULL : fopen(path, "we");
    int err = f && fwrite(text->data, 1, text->len, f) == text->len ? 0 : VG_EIO;
    if (f && fclose(f))
        err = VG_EIO;
    vg_buf_free(text);
    return err;
}

int report_json(const struct bench *b, const char *path)
{
    struct vg_buf text = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&text);
    struct utsname machine;
    uname(&machine);
    vg_json_object(&j, NULL);
    vg_json_str(&j, "label", b->options->label);
    vg_json_str(&j, "shape", b->frames.shape->name);
    vg_json_str(&j, "version", VG_VERSION);
    vg_json_str(&j, "kernel", machine.release);
    vg_json_int(&j, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    vg_json_num(&j, "talk_share", b->speech.share, 3);
    vg_json_int(&j, "capacity", b->capacity);
    vg_json_int(&j, "field_capacity", b->field_capacity);
    vg_json_num(&j, "recovered_seconds", b->recovered_s, 1);
    vg_json_num(&j, "soak_rss_growth", b->soak_growth, 5);
    vg_json_num(&j, "setup_seconds", b->setup_s, 3);
    if (b->options->setup) {
        vg_json_object(&j, "setup");
        for (int g = 0; g < PROC_GROUPS; g++)
            vg_json_num(&j, proc_group_names[g],
                        (double)(b->setup_after.run_ns[g] - b->setup_before.run_ns[g]) / 1e3 /
                            (double)(b->setup_after.at_us - b->setup_before.at_us),
                        3);
        report_machine(&j, &b->setup_before, &b->setup_after);
        vg_json_end(&j);
    }
    vg_json_int(&j, "idle_rss_bytes", b->idle.after.rss_bytes);
    vg_json_int(&j, "failed", (int64_t)stats_failures(&b->total, true));
    put_failures(&j, &b->total, NULL);
    vg_json_int(&j, "transcripts", (int64_t)b->total.transcripts);
    vg_json_int(&j, "transcripts_due", (int64_t)b->total.turns_due);
    vg_json_int(&j, "transcripts_missing", (int64_t)b->total.turns_missing);
    vg_json_int(&j, "transcripts_wrong", (int64_t)b->total.bad_transcripts);
    vg_json_int(&j, "refused_without_retry_after", (int64_t)b->total.refused_bare);
    vg_json_array(&j, "steps");
    for (size_t i = 0; i < b->step_count; i++)
        put_step(b, &j, &b->steps[i]);
    vg_json_end(&j);
    vg_json_end(&j);
    vg_buf_putc(&text, '\n');
    return report_file(path, &text);
}

int report_csv(const struct bench *b, const char *path)
{
    struct vg_buf text = VG_BUF_INIT;
    vg_buf_puts(
        &text,
        "shape,calls,held,verdict,ping_p50_ms,ping_p99_ms,ping_p999_ms,turn_p50_ms,turn_p95_ms,loop_cores,"
        "media_cores,other_cores,late_frames,gaps,failures,loop_us_per_frame,rss_per_call_bytes,"
        "client_send_late_p99_ms\n");
    for (size_t i = 0; i < b->step_count; i++) {
        const struct step *s = &b->steps[i];
        vg_buf_printf(
            &text, "%s,%lld,%lld,%s,%.3f,%.3f,%.3f,%.1f,%.1f,%.4f,%.4f,%.4f,%llu,%llu,%llu,%.3f,%lld,%.3f\n",
            b->frames.shape->name, (long long)s->calls, (long long)s->held, s->verdict,
            ms(&s->stats.ping, 0.5), ms(&s->stats.ping, 0.99), ms(&s->stats.ping, 0.999),
            ms(&s->stats.turn, 0.5), ms(&s->stats.turn, 0.95), step_cores(s, PROC_LOOP),
            step_cores(s, PROC_MEDIA), step_cores(s, PROC_OTHER), (unsigned long long)s->stats.late,
            (unsigned long long)s->stats.gaps,
            (unsigned long long)(stats_failures(&s->stats, true) + stats_failures(&s->coming, true)),
            step_frame_us(s, PROC_LOOP), (long long)step_rss_per_call(b, s), ms(&s->stats.send_late, 0.99));
    }
    return report_file(path, &text);
}
