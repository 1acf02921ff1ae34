/* Clocks of the operating system; see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * VG_US_PER_S + t.tv_nsec / 1000;
}

int64_t vg_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t vg_utc_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t vg_thread_cpu_us(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

const char *vg_iso8601(int64_t utc_us, char out[VG_ISO8601_SIZE])
{
    int64_t us = utc_us % VG_US_PER_S;
    if (us < 0) /* before 1970: the fraction still counts forward */
        us += VG_US_PER_S;
    time_t seconds = (time_t)((utc_us - us) / VG_US_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, VG_ISO8601_SIZE, "%s.%03dZ", date, (int)(us / VG_US_PER_MS));
    return out;
}
