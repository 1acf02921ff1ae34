/* The only reader of clocks. Everything else takes time as an argument, so that tests step it by hand. */
#ifndef VG_BASE_CLOCK_H
#define VG_BASE_CLOCK_H

#include <stdint.h>

#define VG_US_PER_MS 1000
#define VG_US_PER_S  1000000

/* Monotonic time in microseconds (CLOCK_MONOTONIC). Any thread; about 20 ns. */
int64_t vg_mono_us(void);

/* Unix time in microseconds (CLOCK_REALTIME). Any thread. */
int64_t vg_utc_us(void);

/* CPU time of the calling thread in microseconds. Any thread; a system call. */
int64_t vg_thread_cpu_us(void);

enum { VG_ISO8601_SIZE = 32 };

/* Writes `utc_us` as ISO 8601 in UTC with milliseconds ("2024-01-01T00:00:00.000Z") and returns `out`. */
const char *vg_iso8601(int64_t utc_us, char out[VG_ISO8601_SIZE]);

#endif
