/* The clocked media thread; see media_clock.h. */
#include "call/media_clock.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "obs/metrics.h"

enum {
    PHASE_US = VG_MEDIA_TICK_US / VG_MEDIA_PHASES,
    SEATS = 64,
    /* The longest that a client is left alone. A poke that meets a client which is just joining may be lost;
     * then this is how long it takes. */
    IDLE_US = 100000,
};

/* Sixty-four seats of a phase. What is looked at for every seat lies together; rows are never moved, so that
 * a poke needs no lock, and never freed before the clock. */
struct media_row {
    _Alignas(64) _Atomic uint64_t poked; /* any thread sets bits (release), MEDIA clears (acquire) */
    _Alignas(64) uint64_t used;          /* MEDIA, from here */
    struct media_row *next;
    int phase;
    int64_t due_us[SEATS];
    struct vg_media_client *clients[SEATS];
};

struct vg_media_clock {
    struct vg_mailbox mailbox;
    sem_t wake;           /* posted when the mailbox fills while the thread sleeps without calls */
    _Atomic int stopping; /* release by free, acquire by the thread */
    pthread_t thread;
    /* MEDIA: the rest */
    struct media_row *phases[VG_MEDIA_PHASES];
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

static uint64_t due_seats(struct media_row *row, int64_t now_us)
{
    uint64_t due = 0;
    for (unsigned i = 0; i < SEATS; i++)
        due |= (uint64_t)(row->due_us[i] <= now_us) << i;
    /* Looked at first: the exchange takes the line away from those who poke. Acquire pairs with the release
     * in vg_media_clock_poke. */
    if (atomic_load_explicit(&row->poked, memory_order_relaxed))
        due |= atomic_exchange_explicit(&row->poked, 0, memory_order_acq_rel);
    return due & row->used;
}

/* Thousands of calls do not fit the caches, and each is touched at other places of the memory: the waiting is
 * done for several at once. `ahead` is the place in line after the one whose turn it is. */
static void prefetch(struct vg_media_client *const line[], unsigned count, unsigned ahead)
{
    for (int stage = 0; stage < VG_MEDIA_PREFETCH_STAGES; stage++) {
        unsigned at = ahead + (unsigned)(VG_MEDIA_PREFETCH_STAGES - 1 - stage);
        if (at < count && line[at]->prefetch)
            line[at]->prefetch(line[at], stage);
    }
}

static void step_row(struct media_row *row, int64_t now_us)
{
    struct vg_media_client *line[SEATS];
    unsigned count = 0;
    for (uint64_t due = due_seats(row, now_us); due; due &= due - 1)
        line[count++] = row->clients[__builtin_ctzll(due)];
    for (unsigned i = 0; i < count; i++) {
        prefetch(line, count, i + 1);
        int64_t wanted = line[i]->tick(line[i], now_us);
        row->due_us[line[i]->seat] = wanted < now_us + IDLE_US ? wanted : now_us + IDLE_US;
    }
}

static void step_phase(struct vg_media_clock *clock, int phase)
{
    int64_t now = vg_mono_us();
    for (struct media_row *row = clock->phases[phase]; row; row = row->next)
        step_row(row, now);
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
    for (int phase = 0; phase < VG_MEDIA_PHASES; phase++) {
        for (struct media_row *row = clock->phases[phase], *next; row; row = next) {
            next = row->next;
            free(row);
        }
    }
    free(clock);
    return NULL;
}

int64_t vg_media_clock_cpu_us(const struct vg_media_clock *clock)
{
    clockid_t id;
    struct timespec t = {0};
    if (pthread_getcpuclockid(clock->thread, &id) || clock_gettime(id, &t))
        return 0;
    return (int64_t)t.tv_sec * VG_US_PER_S + t.tv_nsec / 1000;
}

void vg_media_clock_post(struct vg_media_clock *clock, struct vg_message *msg)
{
    vg_mailbox_post(&clock->mailbox, msg);
}

void vg_media_clock_poke(struct vg_media_client *client)
{
    /* Acquire pairs with the release in vg_media_clock_add: `seat` is set. */
    struct media_row *row = atomic_load_explicit(&client->row, memory_order_acquire);
    if (row)
        atomic_fetch_or_explicit(&row->poked, UINT64_C(1) << client->seat, memory_order_release);
}

static struct media_row *row_with_room(struct vg_media_clock *clock, int phase)
{
    for (struct media_row *row = clock->phases[phase]; row; row = row->next) {
        if (~row->used)
            return row;
    }
    struct media_row *row = aligned_alloc(_Alignof(struct media_row), sizeof *row);
    if (!row)
        return NULL;
    atomic_init(&row->poked, 0);
    row->used = 0;
    for (unsigned i = 0; i < SEATS; i++)
        row->due_us[i] = INT64_MAX;
    row->next = clock->phases[phase];
    return clock->phases[phase] = row;
}

int vg_media_clock_add(struct vg_media_clock *clock, struct vg_media_client *client)
{
    int phase = 0;
    for (int i = 1; i < VG_MEDIA_PHASES; i++) {
        if (clock->counts[i] < clock->counts[phase])
            phase = i;
    }
    struct media_row *row = row_with_room(clock, phase);
    if (!row)
        return VG_ENOMEM;
    unsigned seat = (unsigned)__builtin_ctzll(~row->used);
    row->used |= UINT64_C(1) << seat;
    row->clients[seat] = client;
    row->due_us[seat] = 0;
    row->phase = phase;
    client->seat = seat;
    atomic_store_explicit(&client->row, row, memory_order_release);
    clock->counts[phase]++;
    clock->clients++;
    return 0;
}

void vg_media_clock_remove(struct vg_media_clock *clock, struct vg_media_client *client)
{
    struct media_row *row = atomic_load_explicit(&client->row, memory_order_relaxed);
    if (!row)
        return;
    atomic_store_explicit(&client->row, NULL, memory_order_relaxed);
    row->used &= ~(UINT64_C(1) << client->seat);
    row->due_us[client->seat] = INT64_MAX;
    clock->counts[row->phase]--;
    clock->clients--;
}
