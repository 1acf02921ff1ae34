/* One event loop, run by one thread: timers, descriptors and a mailbox. The rest of Voxgate sees libev only
 * through this header. Unless said otherwise a function is called on the loop's own thread (asserted in debug
 * builds), or before vg_loop_run(). */
#ifndef VG_NET_LOOP_H
#define VG_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"

struct vg_loop;
struct vg_timer;
struct vg_io;

struct vg_loop *vg_loop_new(const char *name);
/* Handles messages that are still queued, on the calling thread, then frees; the loop must not run. Returns
 * NULL. */
struct vg_loop *vg_loop_free(struct vg_loop *loop);
/* Under a high rate of messages (vg_loop_count_message) the loop sleeps `batch_us` before it asks the kernel,
 * so that one turn takes in many of them and their senders need not wake it; 0: never. Before the loop runs.
 */
void vg_loop_set_batching(struct vg_loop *loop, int64_t batch_us);
/* A message of a peer came in. */
void vg_loop_count_message(struct vg_loop *loop);
/* Runs until vg_loop_stop(). */
void vg_loop_run(struct vg_loop *loop);
/* Any thread. */
void vg_loop_stop(struct vg_loop *loop);
/* Hands a message to the loop. Any thread; never blocks. */
void vg_loop_post(struct vg_loop *loop, struct vg_message *msg);
/* True on the loop's own thread. Any thread. */
bool vg_loop_here(const struct vg_loop *loop);
/* Monotonic time of this loop turn, in microseconds; about 1 ns. */
int64_t vg_loop_now_us(const struct vg_loop *loop);

typedef void (*vg_timer_fn)(void *arg);
/* A timer, stopped. NULL without memory. */
struct vg_timer *vg_timer_new(struct vg_loop *loop, vg_timer_fn fn, void *arg);
/* Arms it `delay_us` from now, then every `repeat_us` (0: once). O(log n), 22 ns. */
void vg_timer_start(struct vg_timer *t, int64_t delay_us, int64_t repeat_us);
void vg_timer_stop(struct vg_timer *t);
bool vg_timer_active(const struct vg_timer *t);
struct vg_timer *vg_timer_free(struct vg_timer *t);

enum { VG_IO_READ = 1, VG_IO_WRITE = 2 };
typedef void (*vg_io_fn)(void *arg, int events);
/* Watches `fd` (borrowed, non-blocking) for nothing yet. */
struct vg_io *vg_io_new(struct vg_loop *loop, int fd, vg_io_fn fn, void *arg);
/* `events` is a set of VG_IO_*. */
void vg_io_set(struct vg_io *io, int events);
struct vg_io *vg_io_free(struct vg_io *io);

#endif
