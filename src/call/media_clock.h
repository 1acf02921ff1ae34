/* The media thread of a shard: a clock with a period of 10 ms in ten phases of 1 ms, on absolute deadlines,
 * so that neither a frame wakes a thread nor a burst leaves at once. In its phase a call is stepped if it was
 * poked since (audio came, a reply was queued) or the time that its last step named has come; a call in which
 * nothing happens costs a comparison a period.
 *
 * It sleeps while it has no call. It takes no lock, allocates only where calls join, and makes no system call
 * but its sleep and one wake-up of the loop a phase. */
#ifndef VG_CALL_MEDIA_CLOCK_H
#define VG_CALL_MEDIA_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"

enum { VG_MEDIA_TICK_US = 10000, VG_MEDIA_PHASES = 10, VG_MEDIA_PREFETCH_STAGES = 3 };

struct vg_media_clock;
struct media_row;

/* What is stepped; embedded in its owner's struct. */
struct vg_media_client {
    /* MEDIA thread: returns when the next step is due at the latest, INT64_MAX for not before it is poked. */
    int64_t (*tick)(struct vg_media_client *client, int64_t now_us);
    /* MEDIA thread, may be NULL: asks the processor for the memory that a tick will touch, one stage for each
     * of the next few clients in line: first (0) the client itself, later what hangs on what came before. */
    void (*prefetch)(const struct vg_media_client *client, int stage);
    _Atomic(struct media_row *)
        row;       /* MEDIA writes (release), any thread reads (acquire); NULL: not joined */
    unsigned seat; /* in the row; written before `row` */
};

struct vg_media_clock *vg_media_clock_new(const char *name);
struct vg_media_clock *vg_media_clock_free(struct vg_media_clock *clock);
/* Hands a message to the media thread; any thread. Its handler may call vg_media_clock_add/remove. */
void vg_media_clock_post(struct vg_media_clock *clock, struct vg_message *msg);
/* The client has something to do: it is stepped within a period. Any thread, as long as the client lives;
 * what was written before is seen by that step. Before it has joined nothing happens, and the first step is
 * at once.
 */
void vg_media_clock_poke(struct vg_media_client *client);
/* CPU time that the media thread has used so far, in microseconds. Any thread; a system call. */
int64_t vg_media_clock_cpu_us(const struct vg_media_clock *clock);
/* MEDIA thread only. VG_ENOMEM: it has not joined. */
int vg_media_clock_add(struct vg_media_clock *clock, struct vg_media_client *client) VG_MUST_CHECK;
void vg_media_clock_remove(struct vg_media_clock *clock, struct vg_media_client *client);

#endif
