/* Single-producer single-consumer ring; see ring.h.
 *
 * `tail` counts slots ever pushed, `head` slots ever popped; both run freely and wrap at 2^32, so that
 * tail - head is the fill at any time. Each side writes one of them and only looks at the other's when its
 * cached copy says that there is no room (no slot) left. */
#include "audio/ring.h"

#include <stdlib.h>

enum { CACHE_LINE_BYTES = 64, CAPACITY_MAX = 1 << 20 };

struct vg_ring {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t tail; /* PRODUCER writes */
    uint32_t head_seen;                               /* PRODUCER: last look at head */
    uint32_t next;                                    /* PRODUCER: tail and what is not published yet */
    uint32_t mask;                                    /* RO: capacity - 1, for the producer */
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t head; /* CONSUMER writes */
    uint32_t tail_seen;                               /* CONSUMER: last look at tail */
    uint32_t read_mask;                               /* RO: the same, on the consumer's line */
    _Alignas(CACHE_LINE_BYTES) struct vg_slot slots[];
};

struct vg_ring *vg_ring_new(uint32_t capacity)
{
    if (capacity == 0 || capacity > CAPACITY_MAX)
        return NULL;
    uint32_t size =
        4; /* a whole cache line of slots, so that aligned_alloc gets a multiple of its alignment */
    while (size < capacity)
        size *= 2;
    struct vg_ring *r = aligned_alloc(CACHE_LINE_BYTES, sizeof *r + size * sizeof r->slots[0]);
    if (!r)
        return NULL;
    atomic_init(&r->tail, 0);
    atomic_init(&r->head, 0);
    r->head_seen = 0;
    r->next = 0;
    r->tail_seen = 0;
    r->mask = r->read_mask = size - 1;
    return r;
}

struct vg_ring *vg_ring_free(struct vg_ring *r)
{
    free(r);
    return NULL;
}

/* Producer: free slots, looking at the consumer only if fewer than `want` are known of. */
static uint32_t ring_space(struct vg_ring *r, uint32_t want)
{
    uint32_t space = r->mask + 1 - (r->next - r->head_seen);
    if (space < want) {
        /* Acquire pairs with the release in vg_ring_pop: the consumer has read the slot that we overwrite. */
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        space = r->mask + 1 - (r->next - r->head_seen);
    }
    return space;
}

int vg_ring_stage(struct vg_ring *r, const struct vg_slot *slot)
{
    if (ring_space(r, 1) == 0)
        return VG_EFULL;
    r->slots[r->next++ & r->mask] = *slot;
    return VG_OK;
}

void vg_ring_publish(struct vg_ring *r)
{
    /* Release pairs with the acquire in vg_ring_peek: the consumer sees the slots and the blocks behind them.
     */
    atomic_store_explicit(&r->tail, r->next, memory_order_release);
}

int vg_ring_push(struct vg_ring *r, const struct vg_slot *slot)
{
    int err = vg_ring_stage(r, slot);
    if (!err)
        vg_ring_publish(r);
    return err;
}

uint32_t vg_ring_space(struct vg_ring *r, uint32_t want)
{
    return ring_space(r, want);
}

const struct vg_slot *vg_ring_peek(struct vg_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == r->tail_seen) {
        /* Acquire pairs with the release in vg_ring_push. */
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head == r->tail_seen)
            return NULL;
    }
    return &r->slots[head & r->read_mask];
}

bool vg_ring_pop(struct vg_ring *r, struct vg_slot *out)
{
    const struct vg_slot *slot = vg_ring_peek(r);
    if (!slot)
        return false;
    *out = *slot;
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    /* Release pairs with the acquire in ring_space: the slot is read before it is offered again. */
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return true;
}

void vg_ring_prefetch(const struct vg_ring *r)
{
    __builtin_prefetch(&r->head);
    __builtin_prefetch(&r->tail);
}

uint32_t vg_ring_fill(const struct vg_ring *r)
{
    /* Head first: it can only be older than tail then, never ahead of it. A third thread may be delayed
     * between the two looks while both sides go on, so the difference is bounded by hand. Acquire only keeps
     * the order of the two looks; no slot is read on the strength of it. */
    uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    uint32_t fill = tail - head;
    return fill > r->mask + 1 ? r->mask + 1 : fill;
}

uint32_t vg_ring_capacity(const struct vg_ring *r)
{
    return r->mask + 1;
}
