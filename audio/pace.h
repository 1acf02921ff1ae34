/* Paced playout: when the next piece of a reply is due, so that the caller's buffer holds a small lead and no
 * more. Pure arithmetic on an argument clock. */
#ifndef VG_AUDIO_PACE_H
#define VG_AUDIO_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct vg_pace {
    int64_t lead_us;     /* how far sending may run ahead of playing; 0..500,000 */
    int64_t start_us;    /* monotonic time at which the caller began to play; 0: not started */
    int64_t sent_us;     /* length of audio sent since start */
    int64_t held_us;     /* when a hold began; 0: not held */
};

void vg_pace_init(struct vg_pace *p, int64_t lead_us);
/* A new run of audio begins: the next piece is due at once. */
void vg_pace_restart(struct vg_pace *p, int64_t now_us);
/* True if a piece may leave now. */
bool vg_pace_due(const struct vg_pace *p, int64_t now_us);
/* The time at which the next piece is due. */
int64_t vg_pace_due_us(const struct vg_pace *p);
/* Accounts for a piece of `length_us` sent at `now_us`. If the caller's buffer ran dry meanwhile (the engine was late), the
 * clock is moved so that the lead does not turn into a burst; returns the gap in microseconds (0: none). */
int64_t vg_pace_sent(struct vg_pace *p, int64_t now_us, int64_t length_us);
/* Length of audio that the caller has played by `now_us`. */
int64_t vg_pace_played_us(const struct vg_pace *p, int64_t now_us);
void vg_pace_hold(struct vg_pace *p, int64_t now_us);
void vg_pace_release(struct vg_pace *p, int64_t now_us);

#endif
