/* The pool of audio blocks: 640 bytes each, 20 ms of 16 kHz mono s16, or encoded bytes on the way out.
 *
 * One pool a shard; its size is the bound of all queued audio of the shard. Blocks are named by index, so
 * that a queue slot is a few bytes. Lock-free: taking and giving back is safe from any thread (a tagged free
 * list against ABA). Each thread keeps up to 64 free blocks of a large pool to itself. Real-time safe. */
#ifndef VG_AUDIO_BLOCK_H
#define VG_AUDIO_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    VG_RATE_HZ = 16000,     /* the one rate inside Voxgate */
    VG_FRAME_SAMPLES = 320, /* 20 ms */
    VG_FRAME_US = 20000,
    VG_BLOCK_BYTES = 640,
};
#define VG_BLOCK_NONE UINT32_MAX

struct vg_block_pool;

struct vg_block_pool *vg_block_pool_new(size_t bytes);
struct vg_block_pool *vg_block_pool_free(struct vg_block_pool *pool);
/* VG_BLOCK_NONE if the pool is empty. */
uint32_t vg_block_take(struct vg_block_pool *pool);
void vg_block_give(struct vg_block_pool *pool, uint32_t block);
void *vg_block_bytes(struct vg_block_pool *pool, uint32_t block);
int16_t *vg_block_pcm(struct vg_block_pool *pool, uint32_t block);
/* Blocks in use now; approximate while others take and give. */
uint32_t vg_block_pool_used(const struct vg_block_pool *pool);
uint32_t vg_block_pool_size(const struct vg_block_pool *pool);

#endif
