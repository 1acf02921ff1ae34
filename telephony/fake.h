/* The fake adapter: a phone network of one process, with scripted callers. A caller rings, is answered, plays
 * a recording over a G.711 line at 8 kHz, presses keys, listens, and hangs up. It shows that the core needs
 * to know no network, and stands in for one in tests.
 *
 * Everything on the loop thread that the adapter was opened on. */
#ifndef VG_TELEPHONY_FAKE_H
#define VG_TELEPHONY_FAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "voxgate/leg.h"
#include "voxgate/telephony.h"

extern const struct vg_telephony_ops vg_telephony_fake;

/* A key of the caller's telephone. */
struct vg_fake_key {
    int64_t at_us; /* after the call was answered */
    char digit;
};

/* What a call came to. Borrowed by `over`. */
struct vg_fake_result {
    enum vg_telephony_event_type last; /* VG_TEL_ENDED or VG_TEL_FAILED */
    int code;                          /* of the core's farewell; 0: it was never connected */
    const char *reason;
    const int16_t *heard; /* all that the caller heard, silence between replies left out; 16 kHz */
    size_t heard_samples;
    int64_t answered_us; /* how long the call lasted; 0: not answered */
};

/* A caller. Strings and samples are borrowed until `over` returns. */
struct vg_fake_script {
    const char *caller_number; /* E.164 */
    const int16_t *pcm;        /* what is said; 16 kHz, NULL: nothing */
    size_t samples;
    const struct vg_fake_key *keys; /* in the order of time */
    size_t key_count;
    int64_t ring_us;    /* from the first ring to the answer */
    int64_t hang_up_us; /* after the answer; the caller hangs up then whatever happens. 0: 60 s */
    int64_t quiet_us;   /* hangs up when all was said, something was heard, and nothing more for this long; 0:
                           not */
    /* Each event that the call's core sends; borrowed. May be NULL. */
    void (*event)(void *arg, const struct vg_leg_out *out);
    /* The last callback. */
    void (*over)(void *arg, const struct vg_fake_result *result);
    void *arg;
};

/* Dials `did_number`. VG_ENOENT: nobody has registered it; or what the host answered to INITIATED. With an
 * error there are no callbacks. */
int vg_fake_dial(struct vg_telephony *t, const char *did_number,
                 const struct vg_fake_script *script) VG_MUST_CHECK;
/* Calls that are not over. */
size_t vg_fake_calls(const struct vg_telephony *t);

#endif
