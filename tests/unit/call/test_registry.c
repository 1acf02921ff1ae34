/* The table of calls (src/call/registry.c): exact capacity, one owner, places given back once; with threads.
 */
#include "cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "call/registry.h"

static struct vg_shard shard_a, shard_b;

static struct vg_call_spec *new_spec(const char *tenant, bool embedded)
{
    struct vg_call_spec *spec = vg_call_spec_new();
    assert_non_null(spec);
    vg_id_new(spec->call_id, VG_ID_CALL);
    snprintf(spec->tenant_id, sizeof spec->tenant_id, "%s", tenant);
    snprintf(spec->channel, sizeof spec->channel, "test");
    spec->stt_embedded = embedded;
    return spec;
}

static struct vg_call_entry *add(struct vg_calls *calls, const char *tenant, bool embedded, int want)
{
    struct vg_call_entry *e = NULL;
    struct vg_call_spec *spec = new_spec(tenant, embedded);
    int err = vg_calls_add(calls, spec, &shard_a, &e);
    assert_int_equal(err, want);
    if (err)
        vg_call_spec_free(spec);
    return e;
}

static void a_call_is_found_until_it_is_forgotten(void **state)
{
    (void)state;
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){10, 10});
    struct vg_call_entry *e = add(calls, "tnt_1", false, 0), *found = vg_calls_find(calls, e->spec->call_id);
    assert_ptr_equal(found, e);
    assert_null(vg_calls_find(calls, "call_unknown"));
    struct vg_call_snapshot s = vg_calls_look(calls, e);
    assert_int_equal(s.status, VG_CALL_READY);
    assert_string_equal(vg_call_status_name(s.status), "ready");
    vg_call_entry_put(found);
    vg_call_entry_put(e);
    vg_calls_free(calls);
}

static void recogniser_streams_are_bounded_apart_from_calls(void **state)
{
    (void)state;
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){3, 1});
    struct vg_call_entry *a = add(calls, "t", true, 0);
    add(calls, "t", true, VG_ECAPACITY);
    assert_int_equal(vg_calls_live(calls), 1); /* a refusal takes nothing */
    assert_int_equal(vg_calls_stt_streams(calls), 1);
    struct vg_call_entry *b = add(calls, "t", false, 0), *c = add(calls, "t", false, 0);
    add(calls, "t", false, VG_ECAPACITY);
    assert_true(vg_calls_release(calls, a));
    assert_false(vg_calls_release(calls, a));
    assert_int_equal(vg_calls_stt_streams(calls), 0);
    assert_int_equal(vg_calls_live(calls), 2);
    struct vg_call_entry *d = add(calls, "t", true, 0);
    vg_call_entry_put(a);
    vg_call_entry_put(b);
    vg_call_entry_put(c);
    vg_call_entry_put(d);
    vg_calls_free(calls);
}

static void a_call_has_one_owner_and_none_after_its_end(void **state)
{
    (void)state;
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){10, 10});
    struct vg_call_entry *e = add(calls, "t", false, 0);
    assert_int_equal(vg_calls_claim(calls, e, &shard_a), 0);
    assert_int_equal(vg_calls_claim(calls, e, &shard_b), VG_ESTATE);
    assert_int_equal(vg_calls_end_unclaimed(calls, e, "expired"), VG_ESTATE);
    struct vg_call_entry *f = add(calls, "t", false, 0);
    assert_int_equal(vg_calls_end_unclaimed(calls, f, "expired"), 0);
    assert_int_equal(vg_calls_claim(calls, f, &shard_a), VG_ESTATE);
    assert_int_equal(vg_calls_end_unclaimed(calls, f, "again"), VG_ESTATE);
    struct vg_call_snapshot s = vg_calls_look(calls, f);
    assert_string_equal(s.end_reason, "expired");
    assert_true(s.ended_utc_us > 0);
    vg_call_entry_put(e);
    vg_call_entry_put(f);
    vg_calls_free(calls);
}

static void the_sweep_gives_stale_calls_and_forgets_ended_ones(void **state)
{
    (void)state;
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){10, 10});
    struct vg_call_entry *stale = add(calls, "t", false, 0), *owned = add(calls, "t", false, 0),
                         *ended = add(calls, "t", false, 0), *got[8];
    assert_int_equal(vg_calls_claim(calls, owned, &shard_a), 0);
    assert_int_equal(vg_calls_end_unclaimed(calls, ended, "done"), 0);
    assert_true(vg_calls_release(calls, ended));
    int64_t later = vg_mono_us() + 1;
    assert_int_equal(vg_calls_sweep(calls, &shard_b, 0, later, got, 8), 0); /* another shard's */
    assert_int_equal(vg_calls_sweep(calls, &shard_a, 0, stale->created_us, got, 8), 0);
    assert_int_equal(vg_calls_sweep(calls, &shard_a, 0, later, got, 8), 1);
    assert_ptr_equal(got[0], stale);
    vg_call_entry_put(got[0]);
    struct vg_call_entry *found = vg_calls_find(calls, ended->spec->call_id);
    assert_non_null(found); /* ended, but not long ago */
    vg_call_entry_put(found);
    assert_int_equal(vg_calls_sweep(calls, &shard_b, vg_utc_us() + 1, 0, got, 8), 0);
    assert_null(vg_calls_find(calls, ended->spec->call_id));
    struct vg_call_entry **live;
    assert_int_equal(vg_calls_all_live(calls, &live), 2);
    vg_call_entry_put(live[0]);
    vg_call_entry_put(live[1]);
    free((void *)live);
    vg_call_entry_put(stale);
    vg_call_entry_put(owned);
    vg_call_entry_put(ended);
    vg_calls_free(calls);
}

/* A busy instance must not keep every call of the last minutes in memory. */
static void the_oldest_ended_calls_make_room(void **state)
{
    (void)state;
    enum { ENDED = 3000, KEPT = 1000 };
    static char ids[ENDED][VG_ID_SIZE];
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){10, 10});
    struct vg_call_entry *live = add(calls, "t", false, 0);
    for (int i = 0; i < ENDED; i++) {
        struct vg_call_entry *e = add(calls, "t", false, 0);
        memcpy(ids[i], e->spec->call_id, sizeof ids[i]);
        assert_int_equal(vg_calls_end_unclaimed(calls, e, "done"), 0);
        assert_true(vg_calls_release(calls, e));
        vg_call_entry_put(e);
    }
    for (int i = 0; i < ENDED; i++) {
        struct vg_call_entry *found = vg_calls_find(calls, ids[i]);
        assert_int_equal(found != NULL, i >= ENDED - KEPT);
        vg_call_entry_put(found);
    }
    struct vg_call_entry *found = vg_calls_find(calls, live->spec->call_id);
    assert_ptr_equal(found, live); /* however old */
    vg_call_entry_put(found);
    vg_call_entry_put(live);
    vg_calls_free(calls);
}

static void count_tenant(void *arg, const char *tenant_id, uint32_t live)
{
    uint32_t *counts = arg;
    counts[tenant_id[0] - 'a'] += live;
}

static void live_calls_are_counted_by_tenant(void **state)
{
    (void)state;
    struct vg_calls *calls = vg_calls_new(&(struct vg_calls_limits){10, 10});
    struct vg_call_entry *e[4] = {add(calls, "a", false, 0), add(calls, "b", false, 0),
                                  add(calls, "b", false, 0), add(calls, "b", false, 0)};
    assert_int_equal(vg_calls_end_unclaimed(calls, e[3], "done"), 0);
    uint32_t counts[2] = {0};
    vg_calls_by_tenant(calls, count_tenant, counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2);
    for (int i = 0; i < 4; i++)
        vg_call_entry_put(e[i]);
    vg_calls_free(calls);
}

/* --- threads ---------------------------------------------------------------------------------------------
 */

enum { THREADS = 4, CAPACITY = 50, STREAMS = 30, ROUNDS = 3000 };

static struct {
    struct vg_calls *calls;
    pthread_barrier_t gate;
    _Atomic uint32_t added, embedded, over, claimed, released;
    struct vg_call_entry *shared;
} race;

static void *fill(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&race.gate);
    for (int i = 0; i < CAPACITY; i++) {
        struct vg_call_spec *spec = new_spec("t", i & 1);
        struct vg_call_entry *e;
        if (vg_calls_add(race.calls, spec, &shard_a, &e)) {
            vg_call_spec_free(spec);
            continue;
        }
        atomic_fetch_add(&race.added, 1);
        atomic_fetch_add(&race.embedded, spec->stt_embedded);
        vg_call_entry_put(e);
    }
    return NULL;
}

static void *claim(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&race.gate);
    if (vg_calls_claim(race.calls, race.shared, &shard_a) == 0)
        atomic_fetch_add(&race.claimed, 1);
    if (vg_calls_release(race.calls, race.shared))
        atomic_fetch_add(&race.released, 1);
    return NULL;
}

/* Adds, looks up, changes, ends, sweeps: everything at once. */
static void *churn(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    struct vg_shard *mine = me & 1 ? &shard_a : &shard_b;
    pthread_barrier_wait(&race.gate);
    for (int i = 0; i < ROUNDS; i++) {
        struct vg_call_spec *spec = new_spec("t", true);
        struct vg_call_entry *e;
        if (vg_calls_add(race.calls, spec, mine, &e)) {
            vg_call_spec_free(spec);
            continue;
        }
        if (vg_calls_live(race.calls) > CAPACITY || vg_calls_stt_streams(race.calls) > STREAMS)
            atomic_fetch_add(&race.over, 1);
        struct vg_call_entry *found = vg_calls_find(race.calls, e->spec->call_id);
        if (i & 1 && vg_calls_claim(race.calls, e, mine) == 0) {
            struct vg_call_snapshot s = vg_calls_look(race.calls, e);
            s.status = VG_CALL_ENDED;
            s.ended_utc_us = vg_utc_us();
            vg_calls_update(race.calls, e, &s);
        } else if (vg_calls_end_unclaimed(race.calls, e, "test")) {
            atomic_fetch_add(&race.over, 1);
        }
        vg_calls_release(race.calls, e);
        vg_call_entry_put(found);
        vg_call_entry_put(e);
        struct vg_call_entry *ready[4];
        size_t n = vg_calls_sweep(race.calls, mine, vg_utc_us(), 0, ready, 4);
        while (n > 0)
            vg_call_entry_put(ready[--n]);
    }
    return NULL;
}

static void race_of(void *(*fn)(void *))
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&race.gate, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fn, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&race.gate);
}

static void capacity_is_exact_under_four_threads(void **state)
{
    (void)state;
    race.calls = vg_calls_new(&(struct vg_calls_limits){CAPACITY, STREAMS});
    race_of(fill);
    assert_int_equal(race.added, CAPACITY);
    assert_int_equal(vg_calls_live(race.calls), CAPACITY);
    assert_int_equal(vg_calls_stt_streams(race.calls), race.embedded);
    assert_true(race.embedded <= STREAMS);
    vg_calls_free(race.calls);
}

static void four_threads_claim_and_release_once(void **state)
{
    (void)state;
    race.calls = vg_calls_new(&(struct vg_calls_limits){CAPACITY, STREAMS});
    for (uint32_t round = 1; round <= 500; round++) {
        race.shared = add(race.calls, "t", true, 0);
        race_of(claim);
        assert_int_equal(race.claimed, round);
        assert_int_equal(race.released, round);
        assert_int_equal(vg_calls_live(race.calls), 0);
        vg_call_entry_put(race.shared);
    }
    vg_calls_free(race.calls);
}

static void everything_at_once_leaves_nothing_behind(void **state)
{
    (void)state;
    race.calls = vg_calls_new(&(struct vg_calls_limits){CAPACITY, STREAMS});
    race_of(churn);
    assert_int_equal(race.over, 0);
    assert_int_equal(vg_calls_live(race.calls), 0);
    assert_int_equal(vg_calls_stt_streams(race.calls), 0);
    vg_calls_free(race.calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_found_until_it_is_forgotten),
        cmocka_unit_test(recogniser_streams_are_bounded_apart_from_calls),
        cmocka_unit_test(a_call_has_one_owner_and_none_after_its_end),
        cmocka_unit_test(the_sweep_gives_stale_calls_and_forgets_ended_ones),
        cmocka_unit_test(the_oldest_ended_calls_make_room),
        cmocka_unit_test(live_calls_are_counted_by_tenant),
        cmocka_unit_test(capacity_is_exact_under_four_threads),
        cmocka_unit_test(four_threads_claim_and_release_once),
        cmocka_unit_test(everything_at_once_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
