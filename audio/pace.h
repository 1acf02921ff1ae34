/* Paced playout: when the next piece of a reply is due, so that the caller's buffer holds a small lead and no
 * more. Pure arithmetic on an argument clock. */
#ifndef VG_AUDIO_PACE_H
#define VG_AUDIO_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Plain data: copy it, compare it, print it. One thread at a time. */
struct vg_pace {
    int64_t lead_us;  /* a piece may leave so long before the caller needs it; 0..500,000 */
    int64_t start_us; /* monotonic time at which the caller began to play; 0: not started */
    int64_t sent_us;  /* length of audio sent since start */
    int64_t held_us;  /* when a hold began; 0: not held */
};

void vg_pace_init(struct vg_pace *p, int64_t lead_us);
/* A new run of audio begins and the caller's buffer is empty (first reply, or after a flush): the next piece
 * is due at once. Ends a hold. The clock starts with the first piece, not here, should that one be late. */
void vg_pace_restart(struct vg_pace *p, int64_t now_us);
/* A new run begins while the caller may still play the end of the last one: like restart, but what is left
 * counts against the lead and "played" starts at zero when the caller really gets to the new run. */
void vg_pace_follow(struct vg_pace *p, int64_t now_us);
/* True if a piece may leave now; false while held. The caller's buffer thus never holds more than the lead
 * plus one piece. */
bool vg_pace_due(const struct vg_pace *p, int64_t now_us);
/* The time at which the next piece is due (in the past: at once); INT64_MAX while held. */
int64_t vg_pace_due_us(const struct vg_pace *p);
/* Accounts for a piece of `length_us` sent at `now_us`. If the caller's buffer ran dry meanwhile (the engine
 * was late), the clock is moved so that the lead does not turn into a burst; returns the gap in microseconds
 * (0: none). */
int64_t vg_pace_sent(struct vg_pace *p, int64_t now_us, int64_t length_us);
/* Length of audio that the caller has played by `now_us`. */
int64_t vg_pace_played_us(const struct vg_pace *p, int64_t now_us);
/* Nothing is due until release. The caller plays on what it has, so "played" still grows up to "sent". */
void vg_pace_hold(struct vg_pace *p, int64_t now_us);
/* Goes on: the clock is moved by the time that the caller was dry, which is less than the hold by the lead.
 */
void vg_pace_release(struct vg_pace *p, int64_t now_us);

#endif
