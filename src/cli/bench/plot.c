/* The plot of a load test: ping-pong p50 and p99 on a logarithmic scale and CPU on a linear one, against
 * calls. See bench.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/bench/bench.h"

enum { WIDTH = 860, HEIGHT = 460, LEFT = 70, RIGHT = 70, TOP = 50, BOTTOM = 60 };
enum { PLOT_W = WIDTH - LEFT - RIGHT, PLOT_H = HEIGHT - TOP - BOTTOM };

static const double least_ms = 0.01, most_ms = 1000;

struct plot {
    struct vg_buf svg;
    const struct step **by_calls; /* owned, in the order of calls */
    size_t count;
    double most_calls, most_cores;
};

static double at_x(const struct plot *p, double calls)
{
    return LEFT + PLOT_W * calls / p->most_calls;
}

static double at_latency(double ms)
{
    double v = fmin(fmax(ms, least_ms), most_ms);
    return TOP + PLOT_H * (1 - log10(v / least_ms) / log10(most_ms / least_ms));
}

static double at_cores(const struct plot *p, double cores)
{
    return TOP + PLOT_H * (1 - cores / p->most_cores);
}

static double ping_p50(const struct plot *p, const struct step *s)
{
    (void)p;
    return at_latency((double)hist_quantile_us(&s->stats.ping, 0.5) / 1000);
}

static double ping_p99(const struct plot *p, const struct step *s)
{
    (void)p;
    return at_latency((double)hist_quantile_us(&s->stats.ping, 0.99) / 1000);
}

static double loop_cores(const struct plot *p, const struct step *s)
{
    return at_cores(p, step_cores(s, PROC_LOOP));
}

static double all_cores(const struct plot *p, const struct step *s)
{
    return at_cores(p, step_cores(s, PROC_LOOP) + step_cores(s, PROC_MEDIA) + step_cores(s, PROC_OTHER));
}

/* A load that was tried more than once: the line goes through the last one in order, which is the best. */
static bool tried_again(const struct plot *p, size_t i)
{
    return i + 1 < p->count && p->by_calls[i + 1]->held == p->by_calls[i]->held;
}

static void line(struct plot *p, const char *colour, const char *dash,
                 double (*y)(const struct plot *p, const struct step *s))
{
    vg_buf_printf(
        &p->svg, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" points=\"",
        colour, dash);
    for (size_t i = 0; i < p->count; i++) {
        if (tried_again(p, i))
            continue;
        vg_buf_printf(&p->svg, "%.1f,%.1f ", at_x(p, (double)p->by_calls[i]->held), y(p, p->by_calls[i]));
    }
    vg_buf_puts(&p->svg, "\"/>\n");
    for (size_t i = 0; i < p->count; i++)
        vg_buf_printf(&p->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\" stroke=\"%s\"/>\n",
                      at_x(p, (double)p->by_calls[i]->held), y(p, p->by_calls[i]),
                      p->by_calls[i]->good ? colour : "#fff", colour);
}

static void text(struct plot *p, double x, double y, const char *anchor, const char *colour, const char *what)
{
    vg_buf_printf(&p->svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y,
                  anchor, colour, what);
}

static void axes(struct plot *p)
{
    char label[64];
    for (double ms = least_ms; ms <= most_ms * 1.01; ms *= 10) {
        vg_buf_printf(&p->svg, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT,
                      LEFT + PLOT_W, at_latency(ms), at_latency(ms));
        snprintf(label, sizeof label, "%g ms", ms);
        text(p, LEFT - 6, at_latency(ms) + 4, "end", "#b3261e", label);
    }
    vg_buf_printf(
        &p->svg,
        "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#b3261e\" stroke-dasharray=\"2 4\"/>\n",
        LEFT, LEFT + PLOT_W, at_latency(5), at_latency(5));
    for (int i = 0; i <= 4; i++) {
        double cores = p->most_cores * i / 4;
        snprintf(label, sizeof label, "%.0f %%", 100 * cores);
        text(p, LEFT + PLOT_W + 6, at_cores(p, cores) + 4, "start", "#0b57d0", label);
        snprintf(label, sizeof label, "%.0f", p->most_calls * i / 4);
        text(p, at_x(p, p->most_calls * i / 4), TOP + PLOT_H + 20, "middle", "#444", label);
    }
    text(p, LEFT + PLOT_W / 2.0, HEIGHT - 14, "middle", "#444", "calls");
    vg_buf_printf(&p->svg,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n",
                  LEFT, TOP, PLOT_W, PLOT_H);
}

static void knee(struct plot *p, const struct bench *b)
{
    char label[64];
    if (b->capacity <= 0)
        return;
    double x = at_x(p, (double)b->capacity);
    vg_buf_printf(
        &p->svg,
        "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#146c2e\" stroke-width=\"2\"/>\n", x, x,
        TOP, TOP + PLOT_H);
    snprintf(label, sizeof label, "capacity %lld", (long long)b->capacity);
    bool right = x > LEFT + PLOT_W * 0.75;
    text(p, right ? x - 6 : x + 6, TOP + 16, right ? "end" : "start", "#146c2e", label);
}

static int compare_calls(const void *a, const void *b)
{
    const struct step *l = *(const struct step *const *)a, *r = *(const struct step *const *)b;
    int64_t l_p99 = hist_quantile_us(&l->stats.ping, 0.99), r_p99 = hist_quantile_us(&r->stats.ping, 0.99);
    if (l->held != r->held)
        return l->held > r->held ? 1 : -1;
    return l->good != r->good ? (l->good ? 1 : -1) : (l_p99 < r_p99) - (l_p99 > r_p99);
}

static void draw(struct plot *p, const struct bench *b)
{
    char title[200];
    vg_buf_printf(
        &p->svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    snprintf(title, sizeof title, "%s%s%s", b->options->label ? b->options->label : "",
             b->options->label ? ": " : "", b->frames.shape->what);
    text(p, LEFT, 20, "start", "#222", title);
    text(p, LEFT, 38, "start", "#b3261e", "ping-pong p99 (solid), p50 (dashed)");
    text(p, LEFT + PLOT_W, 38, "end", "#0b57d0",
         "server CPU of a core: loop thread (solid), all threads (dashed)");
    axes(p);
    line(p, "#0b57d0", "none", loop_cores);
    line(p, "#0b57d0", "6 4", all_cores);
    line(p, "#b3261e", "6 4", ping_p50);
    line(p, "#b3261e", "none", ping_p99);
    knee(p, b);
    vg_buf_puts(&p->svg, "</svg>\n");
}

int plot_svg(const struct bench *b, const char *path)
{
    struct plot p = {.count = b->step_count, .most_calls = 1, .most_cores = 1};
    p.by_calls = calloc(b->step_count + 1, sizeof *p.by_calls);
    if (!p.by_calls)
        return VG_ENOMEM;
    for (size_t i = 0; i < b->step_count; i++) {
        const struct step *s = p.by_calls[i] = &b->steps[i];
        double cores = step_cores(s, PROC_LOOP) + step_cores(s, PROC_MEDIA) + step_cores(s, PROC_OTHER);
        p.most_calls = fmax(p.most_calls, (double)s->held);
        p.most_cores = fmax(p.most_cores, cores > 1 ? 2 : 1);
    }
    qsort(p.by_calls, p.count, sizeof *p.by_calls, compare_calls);
    draw(&p, b);
    free(p.by_calls);
    FILE *f = p.svg.failed ? NULL : fopen(path, "we");
    int err = f && fwrite(p.svg.data, 1, p.svg.len, f) == p.svg.len ? 0 : VG_EIO;
    if (f && fclose(f))
        err = VG_EIO;
    vg_buf_free(&p.svg);
    return err;
}
