/* The reader of WebSocket messages: the input is a list of messages, fed once whole and once in fragments
 * that the input chooses; both must tell the sink the same.
 *
 * Input: 8 bytes that choose fragment sizes, then messages parted by a byte 0x1e; one that begins with 0x01
 * is binary. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/ws_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZES = 8, MESSAGE_END = 0x1e, BINARY_MARK = 0x01 };

/* All that was told; audio that is open is kept apart until its end. */
struct record {
    struct vg_buf log, audio;
    bool dead;
};

static void on_audio(void *arg, const uint8_t *data, size_t bytes)
{
    struct record *rec = arg;
    VG_ASSERT(!rec->dead && bytes > 0);
    vg_buf_add(&rec->audio, data, bytes);
}

static void on_audio_end(void *arg, size_t bytes)
{
    struct record *rec = arg;
    VG_ASSERT(rec->audio.len == bytes && bytes <= 1000);
    vg_buf_puts(&rec->log, "audio ");
    vg_buf_add(&rec->log, rec->audio.data, rec->audio.len);
    vg_buf_reset(&rec->audio);
}

static void on_audio_abort(void *arg)
{
    struct record *rec = arg;
    VG_ASSERT(rec->audio.len > 0);
    vg_buf_reset(&rec->audio);
}

static void on_message(void *arg, const struct vg_ws_in *m)
{
    struct record *rec = arg;
    VG_ASSERT(rec->audio.len == 0 && !rec->dead);
    const struct vg_ws_config *c = &m->config;
    VG_ASSERT(c->lead_ms <= 500 && c->endpointing_ms <= 3000 &&
              vg_codec_check(c->in.codec, c->in.rate_hz) == 0);
    VG_ASSERT(m->type != VG_WS_IN_TEXT || (m->text && strlen(m->text) <= VG_WS_TEXT_BYTES_MAX));
    vg_buf_printf(&rec->log, "message %d %s %c %s %lld %s %lld %d%d", (int)m->type, m->text ? m->text : "",
                  m->digit ? m->digit : '-', m->turn_id ? m->turn_id : "", (long long)m->played_ms,
                  m->reason ? m->reason : "", (long long)m->id, c->has_in, c->has_out);
}

static void on_error(void *arg, const char *code, const char *message, bool fatal, int close_code)
{
    struct record *rec = arg;
    VG_ASSERT(rec->audio.len == 0 && !rec->dead && message && (close_code != 0) == fatal);
    vg_buf_printf(&rec->log, "error %s", code);
    rec->dead = fatal;
}

/* Feeds one message; `sizes` NULL: whole. Each fragment stands in memory of its own size. */
static void feed(struct vg_ws_reader *r, const uint8_t *message, size_t n, const uint8_t *sizes)
{
    bool binary = n > 0 && message[0] == BINARY_MARK;
    size_t at = 0, k = 0;
    bool final;
    do {
        size_t take = sizes ? (size_t)sizes[k % SIZES] % 64 : n; /* some fragments are empty, */
        if (k % SIZES == SIZES - 1)
            take |= 1; /* but not all */
        take = take < n - at ? take : n - at;
        final = at + take == n;
        uint8_t *copy = malloc(take ? take : 1);
        VG_ASSERT(copy);
        memcpy(copy, message + at, take);
        vg_ws_reader_feed(r, copy, take, k == 0, final, binary);
        free(copy);
        at += take;
        k++;
    } while (!final);
}

static void run(struct record *rec, const uint8_t *data, size_t size, bool cut)
{
    const struct vg_ws_in_sink sink = {on_audio, on_audio_end, on_audio_abort, on_message, on_error, rec};
    struct vg_ws_reader *r = vg_ws_reader_new(&sink);
    VG_ASSERT(r);
    vg_ws_reader_set_chunk_max(r, 1000);
    const uint8_t *at = data + SIZES, *end = data + size;
    while (at < end) {
        const uint8_t *stop = memchr(at, MESSAGE_END, (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        feed(r, at, n, cut ? data : NULL);
        at += n + 1;
        if (!stop)
            break;
    }
    vg_ws_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record whole = {0}, cut = {0};
    if (size < SIZES)
        return 0;
    run(&whole, data, size, false);
    run(&cut, data, size, true);
    VG_ASSERT(whole.log.len == cut.log.len &&
              memcmp(vg_buf_str(&whole.log), vg_buf_str(&cut.log), whole.log.len) == 0);
    vg_buf_free(&whole.log);
    vg_buf_free(&whole.audio);
    vg_buf_free(&cut.log);
    vg_buf_free(&cut.audio);
    return 0;
}
