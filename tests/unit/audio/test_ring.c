/* The ring, alone and between two threads, with the blocks that its slots name. */
#include "cmocka_all.h"

#include <pthread.h>
#include <sched.h>

#include "audio/block.h"
#include "audio/ring.h"

static struct vg_slot slot_of(uint32_t n)
{
    return (struct vg_slot){.block = n, .kind = (uint16_t)n, .length = 320, .epoch = n / 7, .value = ~n};
}

static void slots_come_out_as_they_went_in(void **state)
{
    (void)state;
    _Static_assert(sizeof(struct vg_slot) == 16, "four slots a cache line");
    struct vg_ring *r = vg_ring_new(8);
    struct vg_slot out;
    assert_false(vg_ring_pop(r, &out));
    assert_null(vg_ring_peek(r));
    for (uint32_t i = 0; i < 100; i++) {
        struct vg_slot in = slot_of(i);
        assert_int_equal(vg_ring_push(r, &in), VG_OK);
        assert_int_equal(vg_ring_fill(r), 1);
        assert_int_equal(vg_ring_peek(r)->value, in.value);
        assert_true(vg_ring_pop(r, &out));
        assert_memory_equal(&in, &out, sizeof in);
    }
    assert_int_equal(vg_ring_fill(r), 0);
    assert_null(vg_ring_free(r));
}

static void full_ring_takes_nothing_until_a_slot_is_popped(void **state)
{
    (void)state;
    struct vg_ring *r = vg_ring_new(8);
    struct vg_slot in;
    struct vg_slot out;
    for (uint32_t i = 0; i < 8; i++) {
        in = slot_of(i);
        assert_int_equal(vg_ring_push(r, &in), VG_OK);
    }
    assert_int_equal(vg_ring_push(r, &in), VG_EFULL);
    assert_int_equal(vg_ring_fill(r), 8);
    assert_int_equal(vg_ring_space(r, 1), 0);
    assert_true(vg_ring_pop(r, &out));
    assert_int_equal(out.block, 0);
    assert_int_equal(vg_ring_space(r, 1), 1);
    in = slot_of(8);
    assert_int_equal(vg_ring_push(r, &in), VG_OK);
    for (uint32_t i = 1; i <= 8; i++) {
        assert_true(vg_ring_pop(r, &out));
        assert_int_equal(out.block, i);
    }
    vg_ring_free(r);
}

static void staged_slots_show_when_they_are_published(void **state)
{
    (void)state;
    struct vg_ring *r = vg_ring_new(4);
    struct vg_slot in;
    struct vg_slot out;
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            in = slot_of(i);
            assert_int_equal(vg_ring_stage(r, &in), VG_OK);
        }
        assert_int_equal(vg_ring_stage(r, &in), VG_EFULL);
        assert_int_equal(vg_ring_space(r, 1), 0);
        assert_false(vg_ring_pop(r, &out));
        vg_ring_publish(r);
        for (uint32_t i = 0; i < 4; i++) {
            assert_true(vg_ring_pop(r, &out));
            assert_int_equal(out.block, i);
        }
        assert_false(vg_ring_pop(r, &out));
    }
    in = slot_of(7);
    assert_int_equal(vg_ring_stage(r, &in), VG_OK);
    in = slot_of(8);
    assert_int_equal(vg_ring_push(r, &in), VG_OK); /* publishes both */
    assert_int_equal(vg_ring_fill(r), 2);
    vg_ring_free(r);
}

static void space_looks_again_only_when_it_must(void **state)
{
    (void)state;
    struct vg_ring *r = vg_ring_new(8);
    struct vg_slot slot = slot_of(1);
    assert_int_equal(vg_ring_push(r, &slot), VG_OK);
    assert_int_equal(vg_ring_push(r, &slot), VG_OK);
    assert_true(vg_ring_pop(r, &slot));
    assert_int_equal(vg_ring_space(r, 6), 6); /* six were known of: no second look */
    assert_int_equal(vg_ring_space(r, 7), 7);
    vg_ring_free(r);
}

static void capacity_is_rounded_up_to_a_power_of_two(void **state)
{
    (void)state;
    struct vg_ring *r = vg_ring_new(60);
    assert_int_equal(vg_ring_capacity(r), 64);
    vg_ring_free(r);
    assert_null(vg_ring_new(0));
    assert_null(vg_ring_new(UINT32_MAX));
    assert_null(vg_ring_free(NULL));
}

enum { FRAMES = 200000, RING = 64 };

static struct vg_ring *ring;
static struct vg_block_pool *pool;

static void *produce(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < FRAMES;) {
        uint32_t block = vg_block_take(pool);
        if (block == VG_BLOCK_NONE) {
            sched_yield();
            continue;
        }
        vg_block_pcm(pool, block)[0] = (int16_t)i;
        struct vg_slot slot = {.block = block, .value = i};
        while (vg_ring_push(ring, &slot) != VG_OK)
            sched_yield();
        i++;
    }
    return NULL;
}

static void two_threads_pass_every_block_in_order(void **state)
{
    (void)state;
    ring = vg_ring_new(RING);
    pool = vg_block_pool_new((RING / 2) * VG_BLOCK_BYTES);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, NULL), 0);
    uint32_t expected = 0;
    uint32_t wrong = 0;
    while (expected < FRAMES) {
        struct vg_slot slot;
        if (!vg_ring_pop(ring, &slot)) {
            sched_yield();
            continue;
        }
        wrong += slot.value != expected || vg_block_pcm(pool, slot.block)[0] != (int16_t)expected;
        wrong += vg_ring_fill(ring) > RING;
        vg_block_give(pool, slot.block);
        expected++;
    }
    pthread_join(producer, NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(vg_ring_fill(ring), 0);
    assert_int_equal(vg_block_pool_used(pool), 0);
    vg_ring_free(ring);
    vg_block_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_come_out_as_they_went_in),
        cmocka_unit_test(full_ring_takes_nothing_until_a_slot_is_popped),
        cmocka_unit_test(staged_slots_show_when_they_are_published),
        cmocka_unit_test(space_looks_again_only_when_it_must),
        cmocka_unit_test(capacity_is_rounded_up_to_a_power_of_two),
        cmocka_unit_test(two_threads_pass_every_block_in_order),
    };
    return cmocka_run_group_tests_name("audio ring", tests, NULL, NULL);
}
