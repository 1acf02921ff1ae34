/* What the exposition reads about the process itself: CPU, memory, descriptors, start time, lost log lines.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/metrics_internal.h"

static double cpu_seconds(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / VG_US_PER_S;
}

/* Source: proc(5), statm: size and resident, in pages. */
static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long size = 0, resident = 0;
    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    int n = -1; /* the one that reads the folder */
    const struct dirent *e;
    while ((e = readdir(dir)))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Unix time of the start. Source: proc(5), stat, field 22 (ticks since boot); the name in field 2 may hold
 * blanks and brackets, so fields are counted from its last bracket. */
static double start_seconds(void)
{
    char line[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return 0;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    const char *p = strrchr(line, ')');
    unsigned long long ticks = 0;
    if (!p ||
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &ticks) != 1)
        return 0;
    double up = 0;
    f = fopen("/proc/uptime", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%lf", &up) != 1)
        up = 0;
    fclose(f);
    return (double)vg_utc_us() / VG_US_PER_S - up + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void metrics_process_read(void)
{
    static double
        started; /* read once, under the scrape's lock, so that it does not wander with the clocks */
    if (started == 0)
        started = start_seconds();
    struct rlimit fds;
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
        vg_metric_set(VG_M_process_max_fds, NULL, NULL, (double)fds.rlim_cur);
    vg_metric_set(VG_M_process_start_time_seconds, NULL, NULL, started);
    vg_metric_set(VG_M_process_cpu_seconds_total, NULL, NULL, cpu_seconds());
    vg_metric_set(VG_M_process_resident_memory_bytes, NULL, NULL, resident_bytes());
    vg_metric_set(VG_M_process_open_fds, NULL, NULL, open_fds());
    vg_metric_set(VG_M_log_dropped_lines_total, NULL, NULL, (double)vg_log_dropped());
    vg_metric_set(VG_M_build_info, VG_VERSION, NULL, 1);
}
