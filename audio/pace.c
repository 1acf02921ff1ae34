/* Paced playout arithmetic; see pace.h.
 *
 * The caller plays from `start_us` on, one second a second, for as long as it has audio: it is dry at
 * start_us + sent_us. A gap, be it a late engine or a hold, moves `start_us` forward by just the time that
 * the caller was dry, so that "played" stays true and the lead is built up once, not once per lost second. */
#include "audio/pace.h"

static int64_t pace_dry_us(const struct vg_pace *p)
{
    return p->start_us + p->sent_us;
}

/* Moves the clock over the time in which the caller had nothing to play; returns that time. */
static int64_t pace_skip_gap(struct vg_pace *p, int64_t now_us)
{
    int64_t gap_us = now_us - pace_dry_us(p);
    if (gap_us <= 0)
        return 0;
    p->start_us += gap_us;
    return gap_us;
}

void vg_pace_init(struct vg_pace *p, int64_t lead_us)
{
    *p = (struct vg_pace){.lead_us = lead_us < 0 ? 0 : lead_us};
}

void vg_pace_restart(struct vg_pace *p, int64_t now_us)
{
    p->start_us = now_us;
    p->sent_us = 0;
    p->held_us = 0;
}

void vg_pace_follow(struct vg_pace *p, int64_t now_us)
{
    int64_t dry_us = p->start_us ? pace_dry_us(p) : now_us;
    vg_pace_restart(p, dry_us > now_us ? dry_us : now_us);
}

bool vg_pace_due(const struct vg_pace *p, int64_t now_us)
{
    return now_us >= vg_pace_due_us(p);
}

int64_t vg_pace_due_us(const struct vg_pace *p)
{
    if (p->held_us)
        return INT64_MAX;
    if (!p->start_us)
        return 0;
    return pace_dry_us(p) - p->lead_us;
}

int64_t vg_pace_sent(struct vg_pace *p, int64_t now_us, int64_t length_us)
{
    int64_t gap_us = p->start_us ? pace_skip_gap(p, now_us) : 0;
    if (!p->start_us)
        p->start_us = now_us;
    if (p->sent_us == 0)
        gap_us = 0; /* the first piece starts the clock: nothing was playing that could have run dry */
    p->sent_us += length_us;
    return gap_us;
}

int64_t vg_pace_played_us(const struct vg_pace *p, int64_t now_us)
{
    int64_t played_us = now_us - p->start_us;
    if (!p->start_us || played_us < 0)
        return 0;
    return played_us < p->sent_us ? played_us : p->sent_us;
}

void vg_pace_hold(struct vg_pace *p, int64_t now_us)
{
    if (!p->held_us)
        p->held_us = now_us;
}

void vg_pace_release(struct vg_pace *p, int64_t now_us)
{
    if (!p->held_us)
        return;
    p->held_us = 0;
    /* The caller played on through the hold until its lead was used up; only the silence after that counts.
     */
    if (p->start_us)
        (void)pace_skip_gap(p, now_us);
}
