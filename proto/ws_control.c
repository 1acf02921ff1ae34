/* Binding of what a client says other than audio; see ws_reader.h. One table and one line in TYPES a type. */
#include <stdio.h>
#include <string.h>

#include "proto/ws_reader.h"

/* The fields of all types; each table fills its own. */
struct fields {
    const char *text, *turn_id, *reason;
    int digit;
    int64_t ms, id;
    json_t *audio, *turn;
    int64_t lead_ms;
};

static const char *const DIGITS[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8",
                                     "9", "*", "#", "A", "B", "C", "D", NULL};
static const int64_t INTEGER_MAX = 9007199254740991; /* exact in every client's numbers */

static const struct vg_bind_field TEXT[] = {
    {.name = "text",
     .kind = VG_BIND_STRING,
     .offset = offsetof(struct fields, text),
     .required = true,
     .min = 1,
     .max = VG_WS_TEXT_BYTES_MAX,
     .help = "what the caller typed"},
};
static const struct vg_bind_field DTMF[] = {
    {.name = "digit",
     .kind = VG_BIND_ENUM,
     .offset = offsetof(struct fields, digit),
     .required = true,
     .values = DIGITS,
     .help = "the key"},
};
static const struct vg_bind_field PLAYED[] = {
    {.name = "turn_id",
     .kind = VG_BIND_STRING,
     .offset = offsetof(struct fields, turn_id),
     .required = true,
     .min = 1,
     .max = 64,
     .help = "the turn whose reply is played"},
    {.name = "ms",
     .kind = VG_BIND_INT,
     .offset = offsetof(struct fields, ms),
     .required = true,
     .min = 0,
     .max = INTEGER_MAX / 1000000,
     .help = "how much of the reply was played"},
};
static const struct vg_bind_field END[] = {
    {.name = "reason",
     .kind = VG_BIND_STRING,
     .offset = offsetof(struct fields, reason),
     .min = 0,
     .max = 200,
     .help = "why the client hangs up"},
};
static const struct vg_bind_field PING[] = {
    {.name = "id",
     .kind = VG_BIND_INT,
     .offset = offsetof(struct fields, id),
     .min = 0,
     .max = INTEGER_MAX,
     .help = "comes back in the pong"},
};
static const struct vg_bind_field CONFIG[] = {
    {.name = "audio", .kind = VG_BIND_OBJECT, .offset = offsetof(struct fields, audio), .help = "formats"},
    {.name = "turn", .kind = VG_BIND_OBJECT, .offset = offsetof(struct fields, turn), .help = "turn-taking"},
    {.name = "lead_ms",
     .kind = VG_BIND_INT,
     .offset = offsetof(struct fields, lead_ms),
     .min = 0,
     .max = 500,
     .help = "how far the reply's audio may run ahead"},
};

/* --- config --------------------------------------------------------------------------------------------- */

static const char *const CODECS[] = {"pcm_s16le", "pcmu", "pcma", "opus", NULL}; /* enum vg_codec */
static const char *const TRANSPORTS[] = {"json", "binary", NULL};                /* enum vg_transport */
enum { G711_RATE_HZ = 8000 }; /* RFC 3551, section 4.5.14 */

struct direction {
    int codec, transport;
    int64_t rate_hz;
};

static const struct vg_bind_field DIRECTION[] = {
    {.name = "codec",
     .kind = VG_BIND_ENUM,
     .offset = offsetof(struct direction, codec),
     .values = CODECS,
     .help = "codec of this direction"},
    {.name = "rate",
     .kind = VG_BIND_INT,
     .offset = offsetof(struct direction, rate_hz),
     .min = 8000,
     .max = 48000,
     .help = "samples a second"},
    {.name = "transport",
     .kind = VG_BIND_ENUM,
     .offset = offsetof(struct direction, transport),
     .values = TRANSPORTS,
     .help = "base64 in JSON, or binary messages"},
};

static int read_direction(struct vg_ws_audio *audio, const json_t *json, const char *path,
                          struct vg_bind_details *details)
{
    struct direction d = {-1, (int)audio->transport, -1};
    if (vg_bind(&d, json, DIRECTION, VG_COUNT_OF(DIRECTION), path, details))
        return VG_EINVAL;
    enum vg_codec codec = d.codec < 0 ? audio->codec : (enum vg_codec)d.codec;
    int rate_hz = d.rate_hz < 0 ? audio->rate_hz : (int)d.rate_hz;
    bool is_g711 = codec == VG_CODEC_PCMU || codec == VG_CODEC_PCMA;
    if (d.rate_hz < 0 && is_g711 && codec != audio->codec)
        rate_hz = G711_RATE_HZ; /* who names G.711 and no rate means the telephone's */
    if (vg_codec_check(codec, rate_hz)) {
        vg_bind_fault(details, path, "rate", "%d Hz is not a rate of %s", rate_hz, CODECS[codec]);
        return VG_EINVAL;
    }
    *audio = (struct vg_ws_audio){codec, rate_hz, (enum vg_transport)d.transport};
    return 0;
}

static int read_side(struct vg_ws_audio *audio, bool *has, const json_t *audio_json, const char *name,
                     struct vg_bind_details *details)
{
    char path[16];
    snprintf(path, sizeof path, "audio.%s", name);
    json_t *side = json_object_get(audio_json, name);
    if (!side || json_is_null(side))
        return 0;
    if (!json_is_object(side)) {
        vg_bind_fault(details, "audio", name, "must be an object");
        return VG_EINVAL;
    }
    *has = true;
    return read_direction(audio, side, path, details);
}

/* {"in":{..},"out":{..}}, either may be absent; what stands beside them counts for both directions. */
static int read_audio(struct vg_ws_config *config, const json_t *audio, struct vg_bind_details *details)
{
    bool both = json_object_get(audio, "codec") || json_object_get(audio, "rate") ||
                json_object_get(audio, "transport");
    if (both) {
        config->has_in = config->has_out = true;
        if (read_direction(&config->in, audio, "audio", details) ||
            read_direction(&config->out, audio, "audio", details))
            return VG_EINVAL;
    }
    int rc = read_side(&config->in, &config->has_in, audio, "in", details);
    return read_side(&config->out, &config->has_out, audio, "out", details) ? VG_EINVAL : rc;
}

struct turn_fields {
    int64_t endpointing_ms;
    bool barge_in;
};

static int read_turn(struct vg_ws_config *config, const json_t *turn, struct vg_bind_details *details)
{
    static const struct vg_bind_field TURN[] = {
        {.name = "endpointing_ms",
         .kind = VG_BIND_INT,
         .offset = offsetof(struct turn_fields, endpointing_ms),
         .min = 200,
         .max = 3000,
         .help = "silence that ends the caller's turn"},
        {.name = "barge_in",
         .kind = VG_BIND_BOOL,
         .offset = offsetof(struct turn_fields, barge_in),
         .help = "the caller's voice cuts the reply"},
    };
    struct turn_fields t = {-1, false};
    if (vg_bind(&t, turn, TURN, VG_COUNT_OF(TURN), "turn", details))
        return VG_EINVAL;
    config->endpointing_ms = (int)t.endpointing_ms;
    if (json_is_boolean(json_object_get(turn, "barge_in")))
        config->barge_in = t.barge_in;
    return 0;
}

static int read_config(struct vg_ws_config *config, const struct fields *f, struct vg_bind_details *details)
{
    config->lead_ms = (int)f->lead_ms;
    int rc = f->audio ? read_audio(config, f->audio, details) : 0;
    return f->turn && read_turn(config, f->turn, details) ? VG_EINVAL : rc;
}

/* --- all types ------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum vg_ws_in_type type;
    const struct vg_bind_field *fields;
    size_t count;
} TYPES[] = {
    {"config", VG_WS_IN_CONFIG, CONFIG, VG_COUNT_OF(CONFIG)},
    {"barge_in", VG_WS_IN_BARGE_IN, NULL, 0},
    {"ping", VG_WS_IN_PING, PING, VG_COUNT_OF(PING)},
    {"text", VG_WS_IN_TEXT, TEXT, VG_COUNT_OF(TEXT)},
    {"dtmf", VG_WS_IN_DTMF, DTMF, VG_COUNT_OF(DTMF)},
    {"played", VG_WS_IN_PLAYED, PLAYED, VG_COUNT_OF(PLAYED)},
    {"end", VG_WS_IN_END, END, VG_COUNT_OF(END)},
};

int ws_control_read(struct vg_ws_in *out, const char *type, const json_t *json,
                    const struct ws_audio_pair *in_force, struct vg_bind_details *details)
{
    size_t i = 0;
    while (i < VG_COUNT_OF(TYPES) && strcmp(TYPES[i].name, type) != 0)
        i++;
    if (i == VG_COUNT_OF(TYPES))
        return VG_ENOENT;
    struct fields f = {.id = -1, .lead_ms = -1};
    struct vg_ws_in m = {
        .type = TYPES[i].type,
        .config = {
            .in = in_force->in, .out = in_force->out, .lead_ms = -1, .endpointing_ms = -1, .barge_in = -1}};
    int rc = vg_bind(&f, json, TYPES[i].fields, TYPES[i].count, NULL, details);
    if (rc == 0 && m.type == VG_WS_IN_CONFIG)
        rc = read_config(&m.config, &f, details);
    if (rc)
        return rc;
    m.text = f.text;
    m.digit = DIGITS[f.digit][0];
    m.turn_id = f.turn_id;
    m.played_ms = f.ms;
    m.reason = f.reason;
    m.id = f.id;
    *out = m;
    return 0;
}
