/* The lock-free single-producer single-consumer ring that audio and media events cross threads in.
 *
 * Slots are 16 bytes. Indices run free; each side keeps its own on a cache line of its own together with its
 * last look at the other's, so that an uncontended operation touches one shared line. Real-time safe. */
#ifndef VG_AUDIO_RING_H
#define VG_AUDIO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vg_slot {
    uint32_t block;  /* index in the shard's pool, or VG_BLOCK_NONE */
    uint16_t kind;   /* the ring's users agree on it */
    uint16_t length; /* samples or bytes in the block */
    uint32_t epoch;  /* the reply's epoch, so that a barge-in makes queued audio stale */
    uint32_t value;  /* whatever `kind` says: a time, a number */
};

struct vg_ring; /* capacity is a power of two, fixed */

struct vg_ring *vg_ring_new(uint32_t capacity);
struct vg_ring *vg_ring_free(struct vg_ring *r);
/* Producer. VG_EFULL: nothing was taken. */
int vg_ring_push(struct vg_ring *r, const struct vg_slot *slot) VG_MUST_CHECK;
/* The same in two halves, for several slots at once: what is staged shows to the consumer when it is
 * published, by vg_ring_publish() or the next push. */
int vg_ring_stage(struct vg_ring *r, const struct vg_slot *slot) VG_MUST_CHECK;
void vg_ring_publish(struct vg_ring *r);
/* Producer: free slots as last seen, refreshed when that is fewer than `want`. */
uint32_t vg_ring_space(struct vg_ring *r, uint32_t want);
/* Consumer. False if empty. */
bool vg_ring_pop(struct vg_ring *r, struct vg_slot *out);
/* Consumer: the oldest slot without taking it, NULL if empty. Borrowed until the next pop. */
const struct vg_slot *vg_ring_peek(struct vg_ring *r);
/* Consumer: asks the processor for what vg_ring_peek() will touch first. */
void vg_ring_prefetch(const struct vg_ring *r);
/* Slots in use; exact for either side about its own work, a snapshot for others. Any thread. */
uint32_t vg_ring_fill(const struct vg_ring *r);
uint32_t vg_ring_capacity(const struct vg_ring *r);

#endif
