/* The pool of audio blocks: a stack of free indices in one 64-bit word; see block.h.
 *
 * The word holds the index of the first free block and a tag that grows with every change. A thread that read
 * the word, slept, and finds the same index again (ABA) finds another tag, so that its exchange fails. */
#include "audio/block.h"

#include <stdatomic.h>

/* Stands in `next` of a block that is in use, so that giving one back twice is found at once. */
#define BLOCK_TAKEN (UINT32_MAX - 1)

enum { CACHE_LINE_BYTES = 64 };

struct vg_block_pool {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t head; /* ATOMIC: tag << 32 | index of the first free block */
    _Atomic uint32_t used;                            /* ATOMIC: statistics only, relaxed */
    _Alignas(CACHE_LINE_BYTES) uint32_t count;        /* RO from here */
    _Atomic uint32_t *next;                           /* ATOMIC each: the free block after this one */
    unsigned char *bytes;
};

static uint32_t head_index(uint64_t head)
{
    return (uint32_t)head;
}

static uint64_t head_change(uint64_t head, uint32_t index)
{
    return ((head >> 32) + 1) << 32 | index;
}

struct vg_block_pool *vg_block_pool_new(size_t bytes)
{
    size_t count = bytes / VG_BLOCK_BYTES;
    if (count == 0 || count >= BLOCK_TAKEN)
        return NULL;
    struct vg_block_pool *pool = aligned_alloc(CACHE_LINE_BYTES, sizeof *pool);
    if (!pool)
        return NULL;
    pool->count = (uint32_t)count;
    pool->next = malloc(count * sizeof *pool->next);
    /* Not cleared: pages of blocks that were never taken cost no memory. The last given is the next taken, so
     * that a lightly loaded shard stays in a few pages. */
    pool->bytes = aligned_alloc(CACHE_LINE_BYTES, count * VG_BLOCK_BYTES);
    if (!pool->next || !pool->bytes)
        return vg_block_pool_free(pool);
    for (uint32_t i = 0; i < pool->count; i++)
        atomic_init(&pool->next[i], i + 1 < pool->count ? i + 1 : VG_BLOCK_NONE);
    atomic_init(&pool->head, 0);
    atomic_init(&pool->used, 0);
    return pool;
}

struct vg_block_pool *vg_block_pool_free(struct vg_block_pool *pool)
{
    if (pool) {
        free((void *)pool->next);
        free(pool->bytes);
        free(pool);
    }
    return NULL;
}

uint32_t vg_block_take(struct vg_block_pool *pool)
{
    /* Acquire, here and in the exchange, pairs with the release in vg_block_give: we see `next` as the giver
     * left it, and our writes to the block come after its last. */
    uint64_t head = atomic_load_explicit(&pool->head, memory_order_acquire);
    uint32_t block;
    uint32_t after;
    do {
        block = head_index(head);
        if (block == VG_BLOCK_NONE)
            return VG_BLOCK_NONE;
        /* May be stale if another thread took this block meanwhile; then the tag differs. */
        after = atomic_load_explicit(&pool->next[block], memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&pool->head, &head, head_change(head, after),
                                                    memory_order_acquire, memory_order_acquire));
    atomic_store_explicit(&pool->next[block], BLOCK_TAKEN, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
    return block;
}

void vg_block_give(struct vg_block_pool *pool, uint32_t block)
{
    VG_ASSERT(block < pool->count);
    VG_ASSERT(atomic_load_explicit(&pool->next[block], memory_order_relaxed) == BLOCK_TAKEN);
    uint64_t head = atomic_load_explicit(&pool->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&pool->next[block], head_index(head), memory_order_relaxed);
        /* Release pairs with the acquire in vg_block_take. */
    } while (!atomic_compare_exchange_weak_explicit(&pool->head, &head, head_change(head, block),
                                                    memory_order_release, memory_order_relaxed));
    atomic_fetch_sub_explicit(&pool->used, 1, memory_order_relaxed);
}

void *vg_block_bytes(struct vg_block_pool *pool, uint32_t block)
{
    VG_ASSERT(block < pool->count);
    return pool->bytes + (size_t)block * VG_BLOCK_BYTES;
}

int16_t *vg_block_pcm(struct vg_block_pool *pool, uint32_t block)
{
    return vg_block_bytes(pool, block);
}

uint32_t vg_block_pool_used(const struct vg_block_pool *pool)
{
    /* A giver that is between its exchange and its count can make this wrap for a moment. */
    uint32_t used = atomic_load_explicit(&pool->used, memory_order_relaxed);
    return used > pool->count ? 0 : used;
}

uint32_t vg_block_pool_size(const struct vg_block_pool *pool)
{
    return pool->count;
}
