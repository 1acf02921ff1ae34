/* /proc; see proc.h. */
#include "cli/bench/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

const char *const proc_group_names[PROC_GROUPS] = {"loop", "media", "other"};

static bool read_file(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = '\0';
    fclose(f);
    return n > 0;
}

static int64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    long long n = 0;
    return at && sscanf(at + strlen(name), " %lld", &n) == 1 ? n : 0;
}

static void add_thread(struct proc_sample *s, const char *folder, bool *named)
{
    char path[400], text[1024], name[32] = "";
    long long run = 0, user = 0, kernel = 0;
    snprintf(path, sizeof path, "%s/comm", folder);
    if (read_file(path, text, sizeof text))
        sscanf(text, "%31s", name);
    snprintf(path, sizeof path, "%s/schedstat", folder);
    if (read_file(path, text, sizeof text))
        sscanf(text, "%lld", &run);
    snprintf(path, sizeof path, "%s/stat", folder);
    const char *fields = read_file(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (fields)
        sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &kernel);
    int group = strncmp(name, "loop", 4) == 0    ? PROC_LOOP
                : strncmp(name, "media", 5) == 0 ? PROC_MEDIA
                                                 : PROC_OTHER;
    *named = *named || group != PROC_OTHER;
    int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
    s->user_ns[group] += user * tick_ns;
    s->kernel_ns[group] += kernel * tick_ns;
    s->run_ns[group] += run ? run : (user + kernel) * tick_ns;
}

static void read_threads(struct proc_sample *s, int64_t pid)
{
    char path[300];
    bool named = false;
    snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    s->there = true;
    for (struct dirent *e; (e = readdir(dir));) {
        char folder[360];
        if (*e->d_name == '.')
            continue;
        snprintf(folder, sizeof folder, "%s/%.20s", path, e->d_name);
        add_thread(s, folder, &named);
    }
    closedir(dir);
    if (named)
        return;
    s->run_ns[PROC_LOOP] = s->run_ns[PROC_OTHER];
    s->user_ns[PROC_LOOP] = s->user_ns[PROC_OTHER];
    s->kernel_ns[PROC_LOOP] = s->kernel_ns[PROC_OTHER];
    s->run_ns[PROC_OTHER] = s->user_ns[PROC_OTHER] = s->kernel_ns[PROC_OTHER] = 0;
}

/* Lines "cpu<n> user nice system idle iowait irq softirq steal" in ticks; the first one, without a number,
 * sums. */
static void read_cores(struct proc_sample *s, const char *stat)
{
    int64_t tick_us = VG_US_PER_S / sysconf(_SC_CLK_TCK);
    long long user, nice, kernel, irq, softirq, stolen = 0;
    int core;
    sscanf(stat, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &stolen);
    s->stolen_us = stolen * tick_us;
    for (const char *at = stat; (at = strstr(at, "\ncpu")); at++) {
        if (sscanf(at, "\ncpu%d %lld %lld %lld %*d %*d %lld %lld", &core, &user, &nice, &kernel, &irq,
                   &softirq) != 6 ||
            core < 0 || core >= PROC_CORES_MAX)
            continue;
        s->core_busy_us[core] = (user + nice + kernel + irq + softirq) * tick_us;
        s->core_count = core >= s->core_count ? core + 1 : s->core_count;
    }
}

void proc_sample(struct proc_sample *out, int64_t pid)
{
    struct proc_sample s = {.at_us = vg_mono_us()};
    char path[64], text[16384];
    if (pid > 0) {
        read_threads(&s, pid);
        snprintf(path, sizeof path, "/proc/%lld/status", (long long)pid);
        if (read_file(path, text, sizeof text)) {
            s.rss_bytes = number_after(text, "VmRSS:") * 1024;
            s.anon_bytes = number_after(text, "RssAnon:") * 1024;
        }
    }
    if (read_file("/proc/meminfo", text, sizeof text))
        s.slab_bytes = number_after(text, "Slab:") * 1024;
    if (read_file("/proc/net/sockstat", text, sizeof text))
        s.socket_bytes = number_after(text, " mem") * sysconf(_SC_PAGESIZE);
    if (read_file("/proc/stat", text, sizeof text))
        read_cores(&s, text);
    *out = s;
}

int64_t proc_own_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * VG_US_PER_S + t.tv_nsec / 1000;
}
