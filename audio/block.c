/* The pool of audio blocks: a stack of bundles in one 64-bit word, and a magazine for each thread in front of
 * it; see block.h.
 *
 * The word holds the index of the first bundle and a tag that grows with every change. A thread that read the
 * word, slept, and finds the same index again (ABA) finds another tag, so that its exchange fails. A bundle
 * is a free block in whose memory the indices of further free ones stand.
 *
 * Blocks are taken on one core and given back on another, so that every change of the shared word waits for
 * its cache line. A thread therefore takes from and gives to a magazine of its own, and goes to the stack
 * once in 32 blocks. */
#include "audio/block.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum {
    CACHE_LINE_BYTES = 64,
    BUNDLE = 32,
    MAGAZINE = 2 * BUNDLE, /* so that a thread which gives and takes in turn stays off the stack */
    MAGAZINES = 16,        /* threads that get one; the others work on the stack itself */
    /* What lies in magazines cannot be taken by other threads; in a small pool that would be too much. */
    BLOCKS_FOR_MAGAZINES = 4 * MAGAZINES * MAGAZINE,
};

/* What stands in the memory of a bundle's first block. */
struct bundle {
    uint32_t more; /* blocks after this one */
    uint32_t blocks[BUNDLE - 1];
};

struct magazine {
    _Alignas(CACHE_LINE_BYTES) _Atomic uintptr_t owner; /* which thread; 0: nobody yet */
    _Atomic uint32_t count;                             /* the owner writes, relaxed: statistics for others */
    uint32_t blocks[MAGAZINE];                          /* the owner's; the last given is the next taken */
};

struct vg_block_pool {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t head; /* ATOMIC: tag << 32 | index of the first bundle */
    _Atomic uint32_t stacked;                         /* ATOMIC: blocks on the stack; relaxed, statistics */
    _Atomic uint32_t fresh;                    /* ATOMIC: from here on no block was ever taken; relaxed */
    _Alignas(CACHE_LINE_BYTES) uint32_t count; /* RO from here */
    uint64_t id;                               /* no two pools of a process have the same */
    _Atomic uint32_t *next;                    /* ATOMIC each, of a bundle: the bundle after it */
    unsigned char *bytes;
    struct magazine *magazines; /* NULL in a small pool */
#ifndef NDEBUG
    _Atomic bool *taken; /* finds a block that is given back twice */
#endif
};

/* --- the stack -------------------------------------------------------------------------------------------
 */

static struct bundle *bundle_at(const struct vg_block_pool *pool, uint32_t block)
{
    return (struct bundle *)(void *)(pool->bytes + (size_t)block * VG_BLOCK_BYTES);
}

static uint64_t head_change(uint64_t head, uint32_t index)
{
    return ((head >> 32) + 1) << 32 | index;
}

/* `blocks[0]` becomes the bundle's first. */
static void stack_push(struct vg_block_pool *pool, const uint32_t *blocks, uint32_t n)
{
    struct bundle *bundle = bundle_at(pool, blocks[0]);
    bundle->more = n - 1;
    memcpy(bundle->blocks, blocks + 1, (n - 1) * sizeof blocks[0]);
    uint64_t head = atomic_load_explicit(&pool->head, memory_order_relaxed);
    do {
        atomic_store_explicit(&pool->next[blocks[0]], (uint32_t)head, memory_order_relaxed);
        /* Release pairs with the acquire in stack_pop. */
    } while (!atomic_compare_exchange_weak_explicit(&pool->head, &head, head_change(head, blocks[0]),
                                                    memory_order_release, memory_order_relaxed));
    atomic_fetch_add_explicit(&pool->stacked, n, memory_order_relaxed);
}

/* A bundle into `blocks`, its first last, so that it is the next to be taken; returns how many. */
static uint32_t stack_pop(struct vg_block_pool *pool, uint32_t blocks[BUNDLE])
{
    /* Acquire, here and in the exchange, pairs with the release in stack_push: we see the bundle as it was
     * left, and our writes to its blocks come after the giver's last. */
    uint64_t head = atomic_load_explicit(&pool->head, memory_order_acquire);
    uint32_t first;
    uint32_t after;
    do {
        first = (uint32_t)head;
        if (first == VG_BLOCK_NONE)
            return 0;
        /* May be stale if another thread took this bundle meanwhile; then the tag differs. */
        after = atomic_load_explicit(&pool->next[first], memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&pool->head, &head, head_change(head, after),
                                                    memory_order_acquire, memory_order_acquire));
    const struct bundle *bundle = bundle_at(pool, first);
    uint32_t more = bundle->more;
    memcpy(blocks, bundle->blocks, more * sizeof blocks[0]);
    blocks[more] = first;
    atomic_fetch_sub_explicit(&pool->stacked, more + 1, memory_order_relaxed);
    return more + 1;
}

/* Blocks that were never used, lowest first: their pages cost no memory until they are. */
static uint32_t fresh_pop(struct vg_block_pool *pool, uint32_t blocks[BUNDLE], uint32_t want)
{
    uint32_t from = atomic_load_explicit(&pool->fresh, memory_order_relaxed);
    uint32_t n;
    do {
        n = pool->count - from < want ? pool->count - from : want;
        if (n == 0)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&pool->fresh, &from, from + n, memory_order_relaxed,
                                                    memory_order_relaxed));
    for (uint32_t i = 0; i < n; i++)
        blocks[i] = from + n - 1 - i;
    return n;
}

/* --- magazines -------------------------------------------------------------------------------------------
 */

/* Its address tells threads apart; what it remembers saves the search. */
static _Thread_local struct {
    uint64_t pool_id; /* 0: none */
    struct magazine *magazine;
} mine;

/* The thread's magazine in this pool, claimed if it has none; NULL if there is none left. */
static struct magazine *magazine_search(struct vg_block_pool *pool)
{
    uintptr_t me = (uintptr_t)&mine;
    mine.pool_id = pool->id;
    mine.magazine = NULL;
    for (int i = 0; pool->magazines && i < MAGAZINES; i++) {
        struct magazine *m = &pool->magazines[i];
        uintptr_t owner = atomic_load_explicit(&m->owner, memory_order_relaxed);
        /* The memory of a thread that ended may be another's now, which then inherits its magazine: acquire
         * and release hand over what is in it as creating the thread did. */
        if (owner == me || (!owner && atomic_compare_exchange_strong_explicit(
                                          &m->owner, &owner, me, memory_order_acq_rel, memory_order_acquire)))
            return mine.magazine = m;
    }
    return NULL;
}

static struct magazine *magazine_of(struct vg_block_pool *pool)
{
    return mine.pool_id == pool->id ? mine.magazine : magazine_search(pool);
}

static void magazine_set_count(struct magazine *m, uint32_t count)
{
    atomic_store_explicit(&m->count, count, memory_order_relaxed);
}

/* --- the pool --------------------------------------------------------------------------------------------
 */

static void note_taken(struct vg_block_pool *pool, uint32_t block, bool taken)
{
#ifndef NDEBUG
    VG_ASSERT(atomic_exchange_explicit(&pool->taken[block], taken, memory_order_relaxed) != taken);
#else
    (void)pool;
    (void)block;
    (void)taken;
#endif
}

struct vg_block_pool *vg_block_pool_new(size_t bytes)
{
    static _Atomic uint64_t ids;
    size_t count = bytes / VG_BLOCK_BYTES;
    if (count == 0 || count >= VG_BLOCK_NONE)
        return NULL;
    struct vg_block_pool *pool = aligned_alloc(CACHE_LINE_BYTES, sizeof *pool);
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->count = (uint32_t)count;
    pool->id = 1 + atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed);
    pool->next = malloc(count * sizeof *pool->next);
    pool->bytes = aligned_alloc(CACHE_LINE_BYTES, count * VG_BLOCK_BYTES);
    bool ok = pool->next && pool->bytes;
    if (count >= BLOCKS_FOR_MAGAZINES) {
        pool->magazines = aligned_alloc(CACHE_LINE_BYTES, MAGAZINES * sizeof *pool->magazines);
        ok = ok && pool->magazines;
        if (ok)
            memset(pool->magazines, 0, MAGAZINES * sizeof *pool->magazines);
    }
#ifndef NDEBUG
    pool->taken = calloc(count, sizeof *pool->taken);
    ok = ok && pool->taken;
#endif
    if (!ok)
        return vg_block_pool_free(pool);
    atomic_init(&pool->head, VG_BLOCK_NONE);
    return pool;
}

struct vg_block_pool *vg_block_pool_free(struct vg_block_pool *pool)
{
    if (pool) {
        free((void *)pool->next);
        free(pool->bytes);
        free(pool->magazines);
#ifndef NDEBUG
        free((void *)pool->taken);
#endif
        free(pool);
    }
    return NULL;
}

/* For a thread without a magazine: the rest of the bundle goes back. */
static uint32_t take_from_stack(struct vg_block_pool *pool)
{
    uint32_t blocks[BUNDLE];
    uint32_t n = stack_pop(pool, blocks);
    if (n > 1)
        stack_push(pool, blocks, n - 1);
    if (n == 0)
        n = fresh_pop(pool, blocks, 1);
    return n ? blocks[n - 1] : VG_BLOCK_NONE;
}

/* The next to be taken was last in another core's cache: it comes while this one is filled. */
static void prefetch_for_writing(const struct vg_block_pool *pool, uint32_t block)
{
    const unsigned char *at = pool->bytes + (size_t)block * VG_BLOCK_BYTES;
    for (int i = 0; i < VG_BLOCK_BYTES; i += CACHE_LINE_BYTES)
        __builtin_prefetch(at + i, 1);
}

static uint32_t take_from_magazine(struct vg_block_pool *pool, struct magazine *m)
{
    uint32_t count = atomic_load_explicit(&m->count, memory_order_relaxed);
    if (count == 0)
        count = stack_pop(pool, m->blocks);
    if (count == 0)
        count = fresh_pop(pool, m->blocks, BUNDLE);
    if (count == 0)
        return VG_BLOCK_NONE;
    magazine_set_count(m, count - 1);
    if (count > 1)
        prefetch_for_writing(pool, m->blocks[count - 2]);
    return m->blocks[count - 1];
}

uint32_t vg_block_take(struct vg_block_pool *pool)
{
    struct magazine *m = magazine_of(pool);
    uint32_t block = m ? take_from_magazine(pool, m) : take_from_stack(pool);
    if (block != VG_BLOCK_NONE)
        note_taken(pool, block, true);
    return block;
}

static void give_to_magazine(struct vg_block_pool *pool, struct magazine *m, uint32_t block)
{
    uint32_t count = atomic_load_explicit(&m->count, memory_order_relaxed);
    if (count == MAGAZINE) { /* those that lie longest leave */
        stack_push(pool, m->blocks, BUNDLE);
        memcpy(m->blocks, m->blocks + BUNDLE, BUNDLE * sizeof m->blocks[0]);
        count -= BUNDLE;
    }
    m->blocks[count] = block;
    magazine_set_count(m, count + 1);
}

void vg_block_give(struct vg_block_pool *pool, uint32_t block)
{
    VG_ASSERT(block < pool->count);
    note_taken(pool, block, false);
    struct magazine *m = magazine_of(pool);
    if (m)
        give_to_magazine(pool, m, block);
    else
        stack_push(pool, &block, 1);
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
    uint32_t idle = pool->count - atomic_load_explicit(&pool->fresh, memory_order_relaxed);
    idle += atomic_load_explicit(&pool->stacked, memory_order_relaxed);
    for (int i = 0; pool->magazines && i < MAGAZINES; i++)
        idle += atomic_load_explicit(&pool->magazines[i].count, memory_order_relaxed);
    /* A bundle on its way is counted twice or not at all for a moment. */
    return idle > pool->count ? 0 : pool->count - idle;
}

uint32_t vg_block_pool_size(const struct vg_block_pool *pool)
{
    return pool->count;
}
