/* What a running server costs, read from /proc: CPU by thread, memory of its own and of the kernel. */
#ifndef VG_CLI_BENCH_PROC_H
#define VG_CLI_BENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>

enum { PROC_LOOP, PROC_MEDIA, PROC_OTHER, PROC_GROUPS };
extern const char *const proc_group_names[PROC_GROUPS];
enum { PROC_CORES_MAX = 64 };

struct proc_sample {
    bool there; /* the process was found */
    int64_t at_us;
    /* Nanoseconds since the process began, by group of threads: run is exact, the shares are the kernel's
     * statistics. */
    int64_t run_ns[PROC_GROUPS], user_ns[PROC_GROUPS], kernel_ns[PROC_GROUPS];
    int64_t rss_bytes, anon_bytes;
    int64_t slab_bytes, socket_bytes; /* of the whole machine: client's and server's end */
    int64_t stolen_us;                /* by other virtual machines, all cores */
    int core_count;
    int64_t core_busy_us[PROC_CORES_MAX]; /* of the whole machine's work, by core: neither idle nor stolen */
};

/* Reads all of it; threads named "loop*" and "media*" are told from the rest. A process without such threads
 * (another server than Voxgate) counts as loop. */
void proc_sample(struct proc_sample *out, int64_t pid);
/* CPU of the calling process, in microseconds. */
int64_t proc_own_cpu_us(void);

#endif
