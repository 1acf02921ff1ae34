/* Micro-benchmark of what a 250 ms JSON audio message costs: base64 both ways, by table and by AVX2, and the
 * whole message through the reader, beside jansson.
 *
 *     bench_micro_proto [--json]
 *
 * Prints nanoseconds of CPU time an operation: the median of RUNS runs of at least RUN_US each, on one
 * thread. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "proto/base64.h"
#include "proto/base64_impl.h"
#include "proto/ws_in.h"
#include "proto/ws_out.h"

enum {
    CHUNK_BYTES = 8000,
    TEXT_BYTES = VG_BASE64_BOUND(CHUNK_BYTES),
    RUNS = 15,
    RUN_US = 20000,
    FRAGMENT_BYTES = 4096
};

/* What the operations work on. */
struct bench {
    uint8_t data[CHUNK_BYTES], back[CHUNK_BYTES + 64];
    char text[TEXT_BYTES + 64];
    char message[TEXT_BYTES + 64];
    size_t message_bytes;
    struct vg_ws_reader *reader;
    struct vg_buf buf;
    size_t sink; /* keeps the compiler from dropping the work */
};

static void decode_scalar(struct bench *b)
{
    b->sink += base64_impl_scalar()->decode_run(b->back, b->text, TEXT_BYTES - 4);
}

static void encode_scalar(struct bench *b)
{
    b->sink += base64_impl_scalar()->encode_run(b->text, b->data, CHUNK_BYTES);
}

static void decode_avx2(struct bench *b)
{
    b->sink += base64_impl_avx2()->decode_run(b->back, b->text, TEXT_BYTES - 4);
}

static void encode_avx2(struct bench *b)
{
    b->sink += base64_impl_avx2()->encode_run(b->text, b->data, CHUNK_BYTES);
}

static void decode_public(struct bench *b)
{
    b->sink += (size_t)vg_base64_decode(b->back, b->text, TEXT_BYTES);
}

static void read_whole(struct bench *b)
{
    vg_ws_reader_feed(b->reader, (const uint8_t *)b->message, b->message_bytes, true, true, false);
}

static void read_fragments(struct bench *b)
{
    for (size_t at = 0; at < b->message_bytes; at += FRAGMENT_BYTES) {
        size_t take = b->message_bytes - at < FRAGMENT_BYTES ? b->message_bytes - at : FRAGMENT_BYTES;
        vg_ws_reader_feed(b->reader, (const uint8_t *)b->message + at, take, at == 0,
                          at + take == b->message_bytes, false);
    }
}

static void read_jansson(struct bench *b)
{
    json_t *json = json_loadb(b->message, b->message_bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *data = json_object_get(json, "data");
    b->sink += (size_t)vg_base64_decode(b->back, json_string_value(data), json_string_length(data));
    json_decref(json);
}

static void read_ping(struct bench *b)
{
    vg_ws_reader_feed(b->reader, (const uint8_t *)"{\"type\":\"ping\",\"id\":1}", 22, true, true, false);
}

static void write_response(struct bench *b)
{
    const struct vg_ws_stamp stamp = {1700000000789000, 7, 1};
    const struct vg_ws_response m = {"turn_1", "", 1, false, b->data, CHUNK_BYTES};
    vg_buf_reset(&b->buf);
    vg_ws_write_response(&b->buf, &stamp, &m);
    b->sink += b->buf.len;
}

static const struct operation {
    const char *name, *help;
    void (*run)(struct bench *b);
    bool needs_avx2;
} OPERATIONS[] = {
    {"decode_scalar", "base64 decode of 8 kB, table", decode_scalar, false},
    {"decode_avx2", "base64 decode of 8 kB, AVX2", decode_avx2, true},
    {"decode", "base64 decode of 8 kB, as dispatched, strict", decode_public, false},
    {"encode_scalar", "base64 encode of 8 kB, table", encode_scalar, false},
    {"encode_avx2", "base64 encode of 8 kB, AVX2", encode_avx2, true},
    {"read_audio", "audio message of 250 ms through the reader", read_whole, false},
    {"read_audio_4k", "the same in fragments of 4 kB", read_fragments, false},
    {"jansson_audio", "the same with jansson and base64", read_jansson, false},
    {"read_ping", "a control message", read_ping, false},
    {"write_response", "response with 250 ms of audio", write_response, false},
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure_ns(struct bench *b, void (*run)(struct bench *))
{
    double ns[RUNS];
    for (int k = 0; k < RUNS; k++) {
        long n = 0;
        int64_t start = vg_thread_cpu_us(), now;
        do {
            for (int i = 0; i < 50; i++)
                run(b);
            n += 50;
            now = vg_thread_cpu_us();
        } while (now - start < RUN_US);
        ns[k] = (double)(now - start) * 1000.0 / (double)n;
    }
    qsort(ns, RUNS, sizeof ns[0], compare);
    return ns[RUNS / 2];
}

static void on_audio(void *arg, const uint8_t *data, size_t bytes)
{
    struct bench *b = arg;
    b->sink += bytes + data[0];
}

static void on_audio_end(void *arg, size_t bytes)
{
    ((struct bench *)arg)->sink += bytes;
}

static void on_audio_abort(void *arg)
{
    (void)arg;
    abort();
}

static void on_message(void *arg, const struct vg_ws_in *msg)
{
    ((struct bench *)arg)->sink += (size_t)msg->id;
}

static void on_error(void *arg, const char *code, const char *message, bool fatal, int close_code)
{
    (void)arg, (void)fatal, (void)close_code;
    fprintf(stderr, "%s: %s\n", code, message);
    abort();
}

static void prepare(struct bench *b)
{
    const struct vg_ws_in_sink sink = {on_audio, on_audio_end, on_audio_abort, on_message, on_error, b};
    for (size_t i = 0; i < CHUNK_BYTES; i++)
        b->data[i] = (uint8_t)(i * 2654435761u >> 13);
    size_t n = vg_base64_encode(b->text, b->data, CHUNK_BYTES);
    b->message_bytes = (size_t)snprintf(b->message, sizeof b->message,
                                        "{\"type\":\"audio\",\"data\":\"%.*s\"}", (int)n, b->text);
    b->reader = vg_ws_reader_new(&sink);
}

int main(int argc, char **argv)
{
    bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    struct bench *b = calloc(1, sizeof *b);
    if (!b || (argc > 1 && !as_json)) {
        fprintf(stderr, "usage: bench_micro_proto [--json]\n");
        return 2;
    }
    prepare(b);
    struct vg_buf out = VG_BUF_INIT;
    struct vg_json j = vg_json_start(&out);
    vg_json_object(&j, NULL);
    for (size_t i = 0; i < VG_COUNT_OF(OPERATIONS); i++) {
        const struct operation *op = &OPERATIONS[i];
        if (op->needs_avx2 && !base64_impl_avx2())
            continue;
        double ns = measure_ns(b, op->run);
        vg_json_num(&j, op->name, ns, 1);
        if (!as_json)
            printf("%-16s %10.0f ns  %s\n", op->name, ns, op->help);
    }
    vg_json_end(&j);
    if (as_json)
        printf("%s\n", vg_buf_str(&out));
    vg_buf_free(&out);
    vg_buf_free(&b->buf);
    vg_ws_reader_free(b->reader);
    free(b);
    return 0;
}
