/* The block pool, alone and under four threads that take, mark and give back. */
#include "cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "audio/block.h"

static void pool_gives_each_block_once_and_then_none(void **state)
{
    (void)state;
    struct vg_block_pool *pool = vg_block_pool_new(4 * VG_BLOCK_BYTES);
    assert_int_equal(vg_block_pool_size(pool), 4);
    unsigned seen = 0;
    uint32_t blocks[4];
    for (int i = 0; i < 4; i++) {
        blocks[i] = vg_block_take(pool);
        assert_in_range(blocks[i], 0, 3);
        seen |= 1u << blocks[i];
    }
    assert_int_equal(seen, 15);
    assert_int_equal(vg_block_take(pool), VG_BLOCK_NONE);
    assert_int_equal(vg_block_pool_used(pool), 4);
    for (int i = 0; i < 4; i++)
        vg_block_give(pool, blocks[i]);
    assert_int_equal(vg_block_pool_used(pool), 0);
    assert_int_equal(vg_block_take(pool), blocks[3]); /* the last given, still warm, is taken first */
    assert_null(vg_block_pool_free(pool));
}

static void blocks_do_not_overlap_and_are_aligned(void **state)
{
    (void)state;
    struct vg_block_pool *pool = vg_block_pool_new(3 * VG_BLOCK_BYTES + 100);
    assert_int_equal(vg_block_pool_size(pool), 3);
    uint32_t a = vg_block_take(pool);
    uint32_t b = vg_block_take(pool);
    memset(vg_block_bytes(pool, a), 0xaa, VG_BLOCK_BYTES);
    memset(vg_block_bytes(pool, b), 0xbb, VG_BLOCK_BYTES);
    const unsigned char *bytes = vg_block_bytes(pool, a);
    for (int i = 0; i < VG_BLOCK_BYTES; i++)
        assert_int_equal(bytes[i], 0xaa);
    assert_int_equal((uintptr_t)vg_block_pcm(pool, b) % 64, 0);
    vg_block_pool_free(pool);
}

static void pool_without_room_for_a_block_is_refused(void **state)
{
    (void)state;
    assert_null(vg_block_pool_new(0));
    assert_null(vg_block_pool_new(VG_BLOCK_BYTES - 1));
    assert_null(vg_block_pool_free(NULL));
}

enum { THREADS = 4, ROUNDS = 20000, HELD = 3, BLOCKS = 8 };

static struct vg_block_pool *shared;

static void *hammer(void *arg)
{
    uint32_t mark = (uint32_t)(uintptr_t)arg;
    uintptr_t wrong = 0;
    uint32_t held[HELD];
    for (int i = 0; i < ROUNDS; i++) {
        int n = 0;
        for (; n < HELD; n++) {
            held[n] = vg_block_take(shared);
            if (held[n] == VG_BLOCK_NONE)
                break;
            memcpy(vg_block_bytes(shared, held[n]), &mark, sizeof mark);
        }
        /* Somebody else's mark would mean that a block was given to two. */
        while (n > 0) {
            uint32_t found;
            memcpy(&found, vg_block_bytes(shared, held[--n]), sizeof found);
            wrong += found != mark;
            vg_block_give(shared, held[n]);
        }
    }
    return (void *)wrong;
}

static void four_threads_never_hold_the_same_block(void **state)
{
    (void)state;
    /* Fewer blocks than the threads want: the pool runs empty all the time, and ABA is as likely as can be.
     */
    shared = vg_block_pool_new(BLOCKS * VG_BLOCK_BYTES);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(vg_block_pool_used(shared), 0);
    for (int i = 0; i < BLOCKS; i++)
        assert_int_not_equal(vg_block_take(shared), VG_BLOCK_NONE);
    assert_int_equal(vg_block_take(shared), VG_BLOCK_NONE);
    vg_block_pool_free(shared);
}

/* --- a pool large enough for magazines -------------------------------------------------------------------
 */

enum { LARGE = 8192, MESSAGES = 200000 };

static void large_pool_gives_each_block_once_and_then_none(void **state)
{
    (void)state;
    struct vg_block_pool *pool = vg_block_pool_new((size_t)LARGE * VG_BLOCK_BYTES);
    static bool seen[LARGE];
    for (int round = 0; round < 2; round++) {
        memset(seen, 0, sizeof seen);
        for (uint32_t i = 0; i < LARGE; i++) {
            uint32_t block = vg_block_take(pool);
            assert_in_range(block, 0, LARGE - 1);
            assert_false(seen[block]);
            seen[block] = true;
            memset(vg_block_bytes(pool, block), 0xee, VG_BLOCK_BYTES);
        }
        assert_int_equal(vg_block_take(pool), VG_BLOCK_NONE);
        assert_int_equal(vg_block_pool_used(pool), LARGE);
        for (uint32_t i = 0; i < LARGE; i++)
            vg_block_give(pool, (i * 31 + 7) % LARGE);
        assert_int_equal(vg_block_pool_used(pool), 0);
    }
    vg_block_pool_free(pool);
}

static struct {
    _Atomic uint32_t slots[256];
    _Atomic bool done;
    int wrong;
} pipe_line;

/* Takes on one thread, gives back on the other, as loop and media thread do. */
static void *give_back(void *arg)
{
    (void)arg;
    for (uint32_t at = 0, got = 0; got < MESSAGES; at = (at + 1) % VG_COUNT_OF(pipe_line.slots)) {
        uint32_t block = atomic_exchange_explicit(&pipe_line.slots[at], 0, memory_order_acquire);
        if (block == 0)
            continue;
        uint32_t mark;
        memcpy(&mark, vg_block_bytes(shared, block - 1), sizeof mark);
        pipe_line.wrong += mark != block;
        vg_block_give(shared, block - 1);
        got++;
    }
    return NULL;
}

static void blocks_taken_here_and_given_there_are_all_there_at_the_end(void **state)
{
    (void)state;
    shared = vg_block_pool_new((size_t)LARGE * VG_BLOCK_BYTES);
    pthread_t giver;
    assert_int_equal(pthread_create(&giver, NULL, give_back, NULL), 0);
    for (uint32_t at = 0, sent = 0; sent < MESSAGES; at = (at + 1) % VG_COUNT_OF(pipe_line.slots)) {
        if (atomic_load_explicit(&pipe_line.slots[at], memory_order_relaxed))
            continue;
        uint32_t block = vg_block_take(shared);
        assert_int_not_equal(block, VG_BLOCK_NONE);
        uint32_t mark = block + 1;
        memcpy(vg_block_bytes(shared, block), &mark, sizeof mark);
        atomic_store_explicit(&pipe_line.slots[at], mark, memory_order_release);
        sent++;
    }
    pthread_join(giver, NULL);
    assert_int_equal(pipe_line.wrong, 0);
    assert_int_equal(vg_block_pool_used(shared), 0);
    vg_block_pool_free(shared);
}

static void *hammer_hundred(void *arg)
{
    uint32_t mark = (uint32_t)(uintptr_t)arg, held[100];
    uintptr_t wrong = 0;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < VG_COUNT_OF(held); i++) {
            held[i] = vg_block_take(shared);
            if (held[i] != VG_BLOCK_NONE)
                memcpy(vg_block_bytes(shared, held[i]), &mark, sizeof mark);
        }
        for (size_t i = 0; i < VG_COUNT_OF(held); i++) {
            if (held[i] == VG_BLOCK_NONE)
                continue;
            uint32_t found;
            memcpy(&found, vg_block_bytes(shared, held[i]), sizeof found);
            wrong += found != mark;
            vg_block_give(shared, held[i]);
        }
    }
    return (void *)wrong;
}

static void more_threads_than_magazines_never_hold_the_same_block(void **state)
{
    (void)state;
    shared = vg_block_pool_new((size_t)LARGE * VG_BLOCK_BYTES);
    pthread_t threads[24];
    for (uintptr_t i = 0; i < VG_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_hundred, (void *)(i + 1)), 0);
    for (size_t i = 0; i < VG_COUNT_OF(threads); i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(vg_block_pool_used(shared), 0);
    vg_block_pool_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_gives_each_block_once_and_then_none),
        cmocka_unit_test(blocks_do_not_overlap_and_are_aligned),
        cmocka_unit_test(pool_without_room_for_a_block_is_refused),
        cmocka_unit_test(four_threads_never_hold_the_same_block),
        cmocka_unit_test(large_pool_gives_each_block_once_and_then_none),
        cmocka_unit_test(blocks_taken_here_and_given_there_are_all_there_at_the_end),
        cmocka_unit_test(more_threads_than_magazines_never_hold_the_same_block),
    };
    return cmocka_run_group_tests_name("audio block", tests, NULL, NULL);
}
