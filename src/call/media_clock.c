/* The clocked media thread; see media_clock.h. */
#include "call/media_clock.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "obs/metrics.h"

enum { PHASE_US = VG_MEDIA_TICK_US / VG_MEDIA_PHASES };

struct vg_media_clock {
    struct vg_mailbox mailbox;
    sem_t wake;           /* posted when the mailbox fills while the thread sleeps without calls */
    _Atomic int stopping; /* release by free, acquire by the thread */
    pthread_t thread;
    /* MEDIA: the rest */
    struct vg_media_client *phases[VG_MEDIA_PHASES];
    unsigned counts[VG_MEDIA_PHASES];
    unsigned clients;
};

static void wake_thread(void *arg)
{
    struct vg_media_clock *clock = arg;
    sem_post(&clock->wake);
}

static void sleep_until(int64_t mono_us)
{
    struct timespec t = {.tv_sec = mono_us / VG_US_PER_S, .tv_nsec = mono_us % VG_US_PER_S * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

static void step_phase(struct vg_media_clock *clock, int phase)
{
    int64_t now = vg_mono_us();
    struct vg_media_client *next;
    for (struct vg_media_client *c = clock->phases[phase]; c; c = next) {
        next = c->next;
        c->tick(c, now);
    }
    if (clock->counts[phase] > 0)
        vg_observe_us(media_tick_seconds, vg_mono_us() - now);
}

static void *run(void *arg)
{
    struct vg_media_clock *clock = arg;
    int64_t due = vg_mono_us();
    for (int phase = 0;; phase = (phase + 1) % VG_MEDIA_PHASES) {
        vg_mailbox_drain(&clock->mailbox);
        if (atomic_load_explicit(&clock->stopping, memory_order_acquire))
            return NULL;
        if (clock->clients == 0) {
            while (sem_wait(&clock->wake) && errno == EINTR)
                continue;
            due = vg_mono_us();
            continue;
        }
        step_phase(clock, phase);
        due += PHASE_US;
        int64_t now = vg_mono_us();
        if (now > due + VG_MEDIA_TICK_US) { /* stalled for a whole tick: do not try to catch up */
            vg_count(media_tick_late_total);
            due = now;
        }
        sleep_until(due);
    }
}

struct vg_media_clock *vg_media_clock_new(const char *name)
{
    struct vg_media_clock *clock = calloc(1, sizeof *clock);
    if (!clock)
        return NULL;
    vg_mailbox_init(&clock->mailbox, wake_thread, clock);
    sem_init(&clock->wake, 0, 0);
    if (pthread_create(&clock->thread, NULL, run, clock)) {
        free(clock);
        return NULL;
    }
    pthread_setname_np(clock->thread, name);
    return clock;
}

struct vg_media_clock *vg_media_clock_free(struct vg_media_clock *clock)
{
    if (!clock)
        return NULL;
    atomic_store_explicit(&clock->stopping, 1, memory_order_release);
    sem_post(&clock->wake);
    pthread_join(clock->thread, NULL);
    vg_mailbox_drain(&clock->mailbox);
    sem_destroy(&clock->wake);
    free(clock);
    return NULL;
}

void vg_media_clock_post(struct vg_media_clock *clock, struct vg_message *msg)
{
    vg_mailbox_post(&clock->mailbox, msg);
}

void vg_media_clock_add(struct vg_media_clock *clock, struct vg_media_client *client)
{
    int phase = 0;
    for (int i = 1; i < VG_MEDIA_PHASES; i++) {
        if (clock->counts[i] < clock->counts[phase])
            phase = i;
    }
    client->phase = phase;
    client->prev = NULL;
    client->next = clock->phases[phase];
    if (client->next)
        client->next->prev = client;
    clock->phases[phase] = client;
    clock->counts[phase]++;
    clock->clients++;
}

void vg_media_clock_remove(struct vg_media_clock *clock, struct vg_media_client *client)
{
    if (client->prev)
        client->prev->next = client->next;
    else
        clock->phases[client->phase] = client->next;
    if (client->next)
        client->next->prev = client->prev;
    clock->counts[client->phase]--;
    clock->clients--;
}
