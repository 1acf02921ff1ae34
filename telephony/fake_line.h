/* One call of the fake network, and its line: what fake.c and fake_line.c share. */
#ifndef VG_TELEPHONY_FAKE_LINE_H
#define VG_TELEPHONY_FAKE_LINE_H

#include "audio/codec.h"
#include "net/loop.h"
#include "telephony/fake.h"

struct fake_call {
    struct vg_leg leg; /* first: the core holds a pointer to it */
    struct vg_telephony *network;
    struct fake_call *next;
    struct vg_fake_script script;
    struct vg_call_metadata metadata;
    struct vg_timer *answer_timer, *frame_timer, *over_timer;
    enum vg_telephony_event_type last; /* this and the next two: of a call that is over */
    int code;
    char reason[96];
    int64_t over_us;
    int64_t answered_us;
    /* The caller's mouth: samples of the recording through the line's codec. */
    struct vg_encoder *mouth_encoder;
    struct vg_decoder *mouth_decoder, *ear_decoder;
    size_t said;     /* samples, silence after the recording counted too */
    size_t key;      /* the next one */
    int64_t told_us; /* when all was said; 0: not yet */
    bool connected, hung_up;
    /* The caller's ear: what came and was not played, and what was. 16 kHz. */
    int16_t *queued, *heard;
    size_t queued_samples, queued_cap, heard_samples, heard_cap;
    bool held;
    int64_t last_heard_us; /* 0: nothing yet */
    bool replying;         /* a reply is not complete */
};

/* Borrows what the script points to. NULL without memory. */
struct fake_call *fake_line_new(struct vg_telephony *network, struct vg_loop *loop,
                                const struct vg_fake_script *script);
/* The call was answered: samples flow from now on. */
void fake_line_start(struct fake_call *c);
void fake_line_free(struct fake_call *c);

/* fake.c: the call is over; in the next loop turn everybody is told and it is freed. */
void fake_call_over(struct fake_call *c, enum vg_telephony_event_type last, int code, const char *reason);

#endif
