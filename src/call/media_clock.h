/* The media thread of a shard: a clock that steps every call's media once in 10 ms, on absolute deadlines,
 * the calls spread over ten phases of 1 ms so that neither a frame wakes a thread nor a burst leaves at once.
 *
 * It sleeps while it has no call. It takes no lock, allocates nothing and makes no system call but its sleep
 * and one wake-up of the loop a phase. */
#ifndef VG_CALL_MEDIA_CLOCK_H
#define VG_CALL_MEDIA_CLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"

enum { VG_MEDIA_TICK_US = 10000, VG_MEDIA_PHASES = 10 };

struct vg_media_clock;

/* What is stepped; embedded in its owner's struct. */
struct vg_media_client {
    void (*tick)(struct vg_media_client *client, int64_t now_us); /* MEDIA thread */
    struct vg_media_client *next, *prev;                          /* MEDIA: the phase's list */
    int phase;                                                    /* MEDIA */
};

struct vg_media_clock *vg_media_clock_new(const char *name);
struct vg_media_clock *vg_media_clock_free(struct vg_media_clock *clock);
/* Hands a message to the media thread; any thread. Its handler may call vg_media_clock_add/remove. */
void vg_media_clock_post(struct vg_media_clock *clock, struct vg_message *msg);
/* MEDIA thread only. */
void vg_media_clock_add(struct vg_media_clock *clock, struct vg_media_client *client);
void vg_media_clock_remove(struct vg_media_clock *clock, struct vg_media_client *client);

#endif
