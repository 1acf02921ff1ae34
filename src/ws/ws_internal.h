/* The body of a WebSocket leg, shared by ws_leg.c (life), ws_up.c (what the client sends) and ws_down.c (what
 * it is told). All of it on the loop that accepted the connection. */
#ifndef VG_WS_WS_INTERNAL_H
#define VG_WS_WS_INTERNAL_H

#include "net/loop.h"
#include "proto/ws_in.h"
#include "proto/ws_out.h"
#include "ws/ws_leg.h"

enum {
    CONTROL_BURST = 200,                       /* messages other than audio that may come at once */
    CONTROL_PER_SECOND = 50,                   /* and afterwards */
    AHEAD_MAX_US = 5000000,                    /* how far audio may run ahead of real time */
    HOLD_POLL_US = 10000,                      /* how often a held socket is looked at */
    SPACE_MIN_SAMPLES = 48 * VG_FRAME_SAMPLES, /* a chunk of a second must nearly fit */
    OPUS_PACKET_MAX = 1500,
};

struct ws_leg {
    struct vg_leg leg; /* first member */
    struct vg_shard *shard;
    struct vg_call_entry *entry; /* a reference, until attached */
    struct vg_joining how;
    struct vg_ws *ws; /* NULL when it is closed */
    bool core_done;   /* the core has closed this leg */
    int close_code;   /* 0, or how the socket closes when the last error was told */
    char close_reason[96];

    struct vg_ws_reader *reader;
    struct vg_decoder *decoder;
    struct vg_ws_audio in, out;
    uint8_t *packet; /* an Opus packet being collected; made when Opus is chosen */
    size_t packet_bytes;
    size_t message_samples; /* decoded of the present audio message */
    int64_t chunk_us;       /* longest recent chunk, slowly forgotten */
    bool audio_told;        /* BAD_AUDIO was sent within this second */

    int64_t ahead_us;       /* how far the audio that came is ahead of what may have come by `ahead_at_us` */
    int64_t ahead_at_us;
    bool holding;           /* the socket is not read */
    struct vg_timer *hold_timer;
    struct vg_timer *watch_timer; /* once a second: silence, counters */
    int64_t last_rx_us;
    int control_tokens;
};

/* ws_leg.c */
/* Tells a fatal error, then closes with `close_code`; nothing that the client sends counts any more. */
void ws_fail(struct ws_leg *l, const char *code, const char *message, int close_code);

void ws_opened(struct ws_leg *l, struct vg_ws *ws);
void ws_closed(struct ws_leg *l, int code);
/* The socket was lost before the core had taken the leg over. Frees `l`. */
void ws_abandon(struct ws_leg *l);

/* ws_up.c */
void ws_hold_poll(void *arg);
/* Stops reading the socket while the core cannot take more, or does not know this leg yet. */
void ws_hold_if_needed(struct ws_leg *l);
extern const struct vg_ws_events ws_socket_events;
int ws_up_init(struct ws_leg *l) VG_MUST_CHECK;
void ws_up_free(struct ws_leg *l);
void ws_up_second(struct ws_leg *l, int64_t now_us);
struct vg_leg_settings ws_settings(const struct ws_leg *l);

/* ws_down.c */
void ws_event(struct vg_leg *leg, const struct vg_leg_out *out);
void ws_send_error(struct ws_leg *l, const char *code, const char *message, bool fatal);

#endif
