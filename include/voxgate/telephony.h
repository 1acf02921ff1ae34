/* The telephony port: how a phone network reaches the core without the core knowing which one it is.
 *
 * Numbers are registered and unregistered, inbound calls are
 * announced, and call events (INITIATED, RINGING, ANSWERED, ENDED, FAILED) are reported. Every operation
 * carries its tenant. The audio of an answered call flows through a leg, as that of a WebSocket does
 * (voxgate/leg.h). */
#ifndef VOXGATE_TELEPHONY_H
#define VOXGATE_TELEPHONY_H

#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

struct vg_loop;      /* net/loop.h */
struct vg_telephony; /* the adapter's own */
struct vg_leg;       /* voxgate/leg.h */

enum vg_call_direction { VG_CALL_INBOUND, VG_CALL_OUTBOUND };

enum vg_telephony_event_type {
    VG_TEL_INITIATED,
    VG_TEL_RINGING,
    VG_TEL_ANSWERED,
    VG_TEL_ENDED,
    VG_TEL_FAILED,
};

/* What is known of a call before it has a leg. All members are copies; "" where unknown. */
struct vg_call_metadata {
    char tenant_id[VG_ID_SIZE];       /* required */
    char phone_number_id[VG_ID_SIZE]; /* the number that was called */
    char caller_number[24];           /* E.164 */
    char called_number[24];           /* E.164 */
    enum vg_call_direction direction;
    int64_t timestamp_us; /* Unix time */
    char external_id[64]; /* the network's own id of the call */
};

struct vg_telephony_event {
    enum vg_telephony_event_type type;
    struct vg_call_metadata call; /* plain data */
    int64_t timestamp_us;         /* Unix time */
    const char *details;          /* JSON object or NULL; borrowed */
};

/* What the adapter may ask of the core; all on the loop thread that the adapter was opened on. */
struct vg_telephony_host {
    /* A call changed state. For VG_TEL_ANSWERED, `leg` carries its audio and is given to the core; it is NULL
     * for all others. Errors: VG_ENOENT (tenant or number unknown), VG_ECAPACITY, VG_ELIMIT. */
    int (*event)(void *host_arg, const struct vg_telephony_event *event, struct vg_leg *leg);
    void *host_arg;
};

struct vg_telephony_ops {
    uint32_t version;
    const char *name; /* "fake", later "twilio", "telnyx", "asterisk", "sip" */
    int (*open)(struct vg_telephony **out, struct vg_loop *loop, const struct vg_telephony_host *host);
    /* Routes calls to `did_number` (E.164) to this tenant. VG_EEXIST if another tenant has it. */
    int (*register_number)(struct vg_telephony *t, const char *tenant_id, const char *phone_number_id,
                           const char *did_number);
    /* VG_ENOENT if it is not registered, or to another tenant. */
    int (*unregister_number)(struct vg_telephony *t, const char *tenant_id, const char *phone_number_id,
                             const char *did_number);
    void (*close)(struct vg_telephony *t);
};

#endif
