/* What the client of a WebSocket leg sends: fragments into the streaming reader, audio through the decoder
 * into the call's uplink, everything else to the core. */
#include <string.h>

#include "config/config.h"
#include "obs/metrics.h"
#include "ws/ws_internal.h"

enum {
    PIECE_BYTES = 1024,              /* wire bytes decoded at a time */
    PIECE_SAMPLES = PIECE_BYTES * 4, /* room for what they become at 16 kHz, resampler's tail included */
    INLINE_PIECE_FRAMES = 12,        /* 240 ms of a reply in one JSON message */
};

/* --- audio ------------------------------------------------------------------------------------------------
 */

static void bad_audio(struct ws_leg *l, const char *why)
{
    vg_count1(ws_bad_input_total, "BAD_AUDIO");
    if (!l->audio_told)
        ws_send_error(l, "BAD_AUDIO", why, false);
    l->audio_told = true;
}

static void take_samples(struct ws_leg *l, const int16_t *pcm, size_t samples)
{
    if (samples == 0)
        return;
    l->message_samples += samples;
    if (l->leg.host)
        l->leg.host_ops->audio(l->leg.host, pcm, samples, l->last_rx_us);
}

static void decode(struct ws_leg *l, const uint8_t *data, size_t bytes)
{
    const int16_t *samples = vg_decode_in_place(l->decoder, data, bytes);
    if (samples) {
        take_samples(l, samples, bytes / 2);
        return;
    }
    int16_t pcm[PIECE_SAMPLES];
    while (bytes > 0) {
        size_t take = bytes < PIECE_BYTES || l->in.codec == VG_CODEC_OPUS ? bytes : PIECE_BYTES;
        int n = vg_decode(l->decoder, data, take, pcm, PIECE_SAMPLES);
        if (n < 0) {
            bad_audio(l, "the audio cannot be decoded as what was negotiated");
            return;
        }
        take_samples(l, pcm, (size_t)n);
        data += take;
        bytes -= take;
    }
}

static void on_audio(void *arg, const uint8_t *data, size_t bytes)
{
    struct ws_leg *l = arg;
    if (l->in.codec != VG_CODEC_OPUS) {
        decode(l, data, bytes);
        return;
    }
    size_t room = OPUS_PACKET_MAX - l->packet_bytes;
    size_t take = bytes < room ? bytes : room;
    memcpy(l->packet + l->packet_bytes, data, take);
    l->packet_bytes += take;
}

/* The length of one chunk tells the media how long a gap is normal. */
static void note_chunk(struct ws_leg *l, int64_t length_us)
{
    int64_t longest = l->chunk_us - l->chunk_us / 16;
    if (length_us > longest)
        longest = length_us;
    if (longest != l->chunk_us && l->leg.host)
        l->leg.host_ops->chunk(l->leg.host, longest);
    l->chunk_us = longest;
}

/* How far the audio that came runs ahead of what may come: three seconds in two, so that a client which was
 * held up, or a gateway that stood still, makes up for it instead of staying behind for the rest of the call.
 * Who pauses saves nothing. */
static int64_t ahead_us(struct ws_leg *l, int64_t now_us)
{
    l->ahead_us -= (now_us - l->ahead_at_us) * 3 / 2;
    l->ahead_at_us = now_us;
    if (l->ahead_us < 0)
        l->ahead_us = 0;
    return l->ahead_us;
}

static bool must_hold(struct ws_leg *l, int64_t now_us)
{
    if (!l->leg.host) /* it is on its way to the core, or the core is done with it */
        return !l->core_done;
    return ahead_us(l, now_us) > AHEAD_MAX_US || l->leg.host_ops->space(l->leg.host) < SPACE_MIN_SAMPLES;
}

void ws_hold_poll(void *arg)
{
    struct ws_leg *l = arg;
    if (!l->ws || must_hold(l, vg_loop_now_us(l->leg.loop)))
        return;
    vg_timer_stop(l->hold_timer);
    l->holding = false;
    vg_ws_hold_reading(l->ws, false);
}

void ws_hold_if_needed(struct ws_leg *l)
{
    if (l->holding || !l->ws || !must_hold(l, vg_loop_now_us(l->leg.loop)))
        return;
    l->holding = true;
    vg_ws_hold_reading(l->ws, true);
    vg_timer_start(l->hold_timer, HOLD_POLL_US, HOLD_POLL_US);
}

static void on_audio_end(void *arg, size_t bytes)
{
    struct ws_leg *l = arg;
    if (l->in.codec == VG_CODEC_OPUS && l->packet_bytes > 0) {
        if (bytes <= OPUS_PACKET_MAX)
            decode(l, l->packet, l->packet_bytes);
        else
            bad_audio(l, "an Opus packet has at most 1500 bytes");
    }
    l->packet_bytes = 0;
    if (vg_decoder_has_partial(l->decoder))
        bad_audio(l, "an odd number of bytes: half a sample waits for the next message");
    int64_t length_us = (int64_t)l->message_samples * 1000000 / VG_RATE_HZ;
    vg_metric_add(VG_M_frames_in_total, vg_codec_name(l->in.codec), NULL, 1);
    l->ahead_us += length_us;
    note_chunk(l, length_us);
    ws_hold_if_needed(l);
    l->message_samples = 0;
}

static void on_audio_abort(void *arg)
{
    struct ws_leg *l = arg;
    l->packet_bytes = 0;
    l->message_samples = 0; /* what was decoded of it stays in the stream: it was said */
}

/* --- everything else --------------------------------------------------------------------------------------
 */

struct vg_leg_settings ws_settings(const struct ws_leg *l)
{
    bool json = l->out.transport == VG_TRANSPORT_JSON;
    return (struct vg_leg_settings){
        .out_codec = l->out.codec,
        .out_rate_hz = l->out.rate_hz,
        .inline_audio = json,
        .piece_frames = json && l->out.codec != VG_CODEC_OPUS ? INLINE_PIECE_FRAMES : 1,
        .lead_ms = l->leg.settings.lead_ms,
        .endpointing_ms = l->leg.settings.endpointing_ms,
        .barge_in = l->leg.settings.barge_in,
    };
}

/* One second of the negotiated audio in wire bytes. */
static size_t chunk_bytes_max(const struct vg_ws_audio *in)
{
    switch (in->codec) {
    case VG_CODEC_PCM_S16LE: return (size_t)in->rate_hz * 2;
    case VG_CODEC_PCMU:
    case VG_CODEC_PCMA: return (size_t)in->rate_hz;
    case VG_CODEC_OPUS: return OPUS_PACKET_MAX;
    }
    return 0;
}

static int set_input(struct ws_leg *l, const struct vg_ws_audio *in)
{
    struct vg_decoder *decoder = vg_decoder_new(in->codec, in->rate_hz);
    if (!decoder)
        return VG_ENOMEM;
    if (in->codec == VG_CODEC_OPUS && !l->packet && !(l->packet = malloc(OPUS_PACKET_MAX))) {
        vg_decoder_free(decoder);
        return VG_ENOMEM;
    }
    vg_decoder_free(l->decoder);
    l->decoder = decoder;
    l->in = *in;
    l->packet_bytes = 0;
    vg_ws_reader_set_chunk_max(l->reader, chunk_bytes_max(in));
    return 0;
}

static void apply_config(struct ws_leg *l, const struct vg_ws_config *c)
{
    if (c->has_in && set_input(l, &c->in)) {
        ws_send_error(l, "INTERNAL_ERROR", "out of memory", false);
        return;
    }
    if (c->has_out)
        l->out = c->out;
    if (c->lead_ms >= 0)
        l->leg.settings.lead_ms = c->lead_ms;
    if (c->endpointing_ms >= 0)
        l->leg.settings.endpointing_ms = c->endpointing_ms;
    if (c->barge_in >= 0)
        l->leg.settings.barge_in = c->barge_in;
    vg_ws_reader_set_audio(l->reader, &l->in, &l->out);
    struct vg_leg_in in = {.type = VG_IN_SETTINGS, .settings = ws_settings(l)};
    if (l->leg.host)
        l->leg.host_ops->message(l->leg.host, &in);
    else
        l->leg.settings = in.settings;
}

static bool count_control(struct ws_leg *l)
{
    if (l->control_tokens-- > 0)
        return true;
    vg_count1(ws_bad_input_total, "TOO_FAST");
    ws_fail(l, "TOO_FAST", "too many control messages", 4429);
    return false;
}

static void on_message(void *arg, const struct vg_ws_in *m)
{
    struct ws_leg *l = arg;
    if (!l->ws || l->close_code || !count_control(l))
        return;
    struct vg_leg_in in = {.text = m->text, .digit = m->digit};
    switch (m->type) {
    case VG_WS_IN_CONFIG: apply_config(l, &m->config); return;
    case VG_WS_IN_BARGE_IN: in.type = VG_IN_BARGE_IN; break;
    case VG_WS_IN_PING:
        in.type = VG_IN_PING;
        in.number = m->id;
        break;
    case VG_WS_IN_TEXT: in.type = VG_IN_TEXT; break;
    case VG_WS_IN_DTMF: in.type = VG_IN_DTMF; break;
    case VG_WS_IN_PLAYED:
        in.type = VG_IN_PLAYED;
        in.text = m->turn_id;
        in.number = m->played_ms;
        break;
    case VG_WS_IN_END:
        in.type = VG_IN_END;
        in.text = m->reason;
        break;
    }
    if (l->leg.host)
        l->leg.host_ops->message(l->leg.host, &in);
}

static void on_error(void *arg, const char *code, const char *message, bool fatal, int close_code)
{
    struct ws_leg *l = arg;
    if (l->close_code)
        return;
    vg_count1(ws_bad_input_total, code);
    if (fatal)
        ws_fail(l, code, message, close_code);
    else if (l->ws && count_control(l))
        ws_send_error(l, code, message, false);
}

/* --- socket -----------------------------------------------------------------------------------------------
 */

static void on_opened(void *arg, struct vg_ws *ws)
{
    ws_opened(arg, ws);
}

static void on_fragment(void *arg, const uint8_t *data, size_t bytes, bool first, bool final, bool binary)
{
    struct ws_leg *l = arg;
    if (!l->ws || l->core_done || l->close_code)
        return;
    l->last_rx_us = vg_loop_now_us(l->leg.loop);
    vg_ws_reader_feed(l->reader, data, bytes, first, final, binary);
}

static void on_closed(void *arg, int code)
{
    ws_closed(arg, code);
}

const struct vg_ws_events ws_socket_events = {.opened = on_opened,
                                              .fragment = on_fragment,
                                              .closed = on_closed};

void ws_up_second(struct ws_leg *l, int64_t now_us)
{
    (void)now_us;
    l->audio_told = false;
    l->control_tokens += CONTROL_PER_SECOND;
    if (l->control_tokens > CONTROL_BURST)
        l->control_tokens = CONTROL_BURST;
}

int ws_up_init(struct ws_leg *l)
{
    static const struct vg_ws_audio DEFAULT = {.codec = VG_CODEC_PCM_S16LE,
                                               .rate_hz = VG_RATE_HZ,
                                               .transport = VG_TRANSPORT_JSON};
    struct vg_ws_in_sink sink = {.audio = on_audio,
                                 .audio_end = on_audio_end,
                                 .audio_abort = on_audio_abort,
                                 .message = on_message,
                                 .error = on_error,
                                 .arg = l};
    l->control_tokens = CONTROL_BURST;
    l->leg.settings = (struct vg_leg_settings){.lead_ms = -1, .endpointing_ms = -1, .barge_in = -1};
    l->out = DEFAULT;
    l->reader = vg_ws_reader_new(&sink);
    if (!l->reader)
        return VG_ENOMEM;
    vg_ws_reader_set_audio(l->reader, &DEFAULT, &DEFAULT);
    return set_input(l, &DEFAULT);
}

void ws_up_free(struct ws_leg *l)
{
    vg_ws_reader_free(l->reader);
    vg_decoder_free(l->decoder);
    free(l->packet);
}
