/* `voxgate bench` inside: its options, one measured step, and the parts that bench.c puts together. */
#ifndef VG_CLI_BENCH_BENCH_H
#define VG_CLI_BENCH_BENCH_H

#include "base/json.h"
#include "cli/bench/counts.h"
#include "cli/bench/load.h"
#include "cli/bench/proc.h"

struct bench_options {
    const char *url, *ws_url, *speech, *shape, *tenant, *api_key, *agent, *config_file;
    const char *json, *csv, *plot, *label, *soak_for, *rest;
    int64_t calls, calls_max, duration_s, settle_s, ramp, pid, threads, talk_pct, agent_talk_pct, cpu;
    int64_t precision_pct, rate, connections;
    bool search, soak, overload, setup, quiet;
};

/* One load, held and measured. */
struct step {
    int64_t calls; /* asked for */
    int64_t held;  /* talking at its end */
    double seconds;
    struct stats stats;  /* of the measured time */
    struct stats coming; /* of the time before, in which the load was built up */
    struct proc_sample before, after;
    struct server_counts counts_before, counts_after;
    double client_cpu;   /* cores */
    const char *verdict; /* "good", or the first thing that was not; static */
    bool good, client_bound;
};

struct bench {
    const struct bench_options *options;
    struct load load;
    struct speech speech;
    struct frames frames;
    struct worker *workers; /* owned, options->threads of them */
    struct step idle;       /* before the first call */
    struct step *steps;     /* owned */
    size_t step_count;
    int64_t capacity;       /* the best that was good; 0: none */
    int64_t field_capacity; /* by the measure of other platforms */
    struct stats total;     /* of the whole run, its end included */
    double recovered_s;     /* --overload: until p99 was good again; below 0: never */
    double soak_growth;     /* --soak: of RSS after the first tenth, as a share */
    double setup_s; /* --setup: from the first request to the last `ready`; below 0: some never came */
    struct proc_sample setup_before, setup_after;
    char config[256];
    struct vg_buf token; /* owned */
    char tenant_id[VG_ID_SIZE], agent_id[VG_ID_SIZE];
};

/* tenant.c: makes a tenant with limits that do not limit, and an agent with loopback engines, in the database
 * of DATABASE_URL; fetches a token. An exit status or CLI_GO_ON. */
int bench_tenant(struct bench *b, const char *command);

/* run.c */
int bench_run(struct bench *b);

/* rest.c: --rest. An exit status. */
int bench_rest(struct bench *b);

/* report.c */
void report_heading(const struct bench *b);
void report_step(const struct bench *b, const struct step *s);
void report_summary(const struct bench *b);
int report_json(const struct bench *b, const char *path) VG_MUST_CHECK;
int report_csv(const struct bench *b, const char *path) VG_MUST_CHECK;
/* Share of a core that a group of threads used in a step. */
double step_cores(const struct step *s, int group);
/* The same, of which user. */
double step_user_share(const struct step *s, int group);
double step_frame_us(const struct step *s, int group);
/* A histogram's quantiles as a JSON object; a group of threads' CPU between two samples, the cores' and the
 * stolen time. */
void report_hist(struct vg_json *j, const char *key, const struct hist *h);
void report_machine(struct vg_json *j, const struct proc_sample *before, const struct proc_sample *after);
/* Takes what is in `text`. VG_EIO. */
int report_file(const char *path, struct vg_buf *text) VG_MUST_CHECK;
int64_t step_rss_per_call(const struct bench *b, const struct step *s);

/* plot.c: latency and CPU against calls as an SVG, the capacity marked. */
int plot_svg(const struct bench *b, const char *path) VG_MUST_CHECK;

#endif
