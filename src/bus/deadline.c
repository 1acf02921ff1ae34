/* See deadline.h. */
#include "bus/deadline.h"

static void timer_aim(struct bus_deadlines *all)
{
    if (!all->first) {
        vg_timer_stop(all->timer);
        return;
    }
    int64_t delay_us = all->first->at_us - vg_loop_now_us(all->loop);
    vg_timer_start(all->timer, delay_us > 0 ? delay_us : 0, 0);
}

static void on_timer(void *arg)
{
    struct bus_deadlines *all = arg;
    int64_t now_us = vg_loop_now_us(all->loop);
    while (all->first && all->first->at_us <= now_us) {
        struct bus_deadline *d = all->first;
        bus_deadline_clear(all, d);
        d->expired(d->arg);
    }
    timer_aim(all);
}

int bus_deadlines_init(struct bus_deadlines *all, struct vg_loop *loop)
{
    *all = (struct bus_deadlines){.loop = loop, .timer = vg_timer_new(loop, on_timer, all)};
    return all->timer ? VG_OK : VG_ENOMEM;
}

void bus_deadlines_free(struct bus_deadlines *all)
{
    all->timer = vg_timer_free(all->timer);
}

void bus_deadline_set(struct bus_deadlines *all, struct bus_deadline *d, int64_t delay_us)
{
    d->at_us = vg_loop_now_us(all->loop) + delay_us;
    struct bus_deadline *before = all->last;
    while (before && before->at_us > d->at_us)
        before = before->prev;
    d->prev = before;
    d->next = before ? before->next : all->first;
    *(d->prev ? &d->prev->next : &all->first) = d;
    *(d->next ? &d->next->prev : &all->last) = d;
    if (all->first == d)
        timer_aim(all);
}

/* The timer is left as it is: it fires at most once in vain. */
void bus_deadline_clear(struct bus_deadlines *all, struct bus_deadline *d)
{
    if (d->at_us == 0)
        return;
    *(d->prev ? &d->prev->next : &all->first) = d->next;
    *(d->next ? &d->next->prev : &all->last) = d->prev;
    d->at_us = 0;
    d->prev = d->next = NULL;
}
