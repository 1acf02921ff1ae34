/* Codecs: round trips with a bound on the error, odd bytes, hostile packets. */
#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"

enum { SECONDS = 2, SAMPLES = VG_RATE_HZ * SECONDS, FRAMES = SAMPLES / VG_FRAME_SAMPLES };

static int16_t source[SAMPLES];
static int16_t result[SAMPLES + 4 * VG_FRAME_SAMPLES];

/* A sum of voice-like partials under 3 kHz with a syllable-like envelope, so that 8 kHz channels carry it. */
static int make_source(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        double t = (double)i / VG_RATE_HZ;
        double envelope = 0.6 + 0.4 * sin(2 * M_PI * 3 * t);
        double v = sin(2 * M_PI * 210 * t) + 0.5 * sin(2 * M_PI * 630 * t) + 0.2 * sin(2 * M_PI * 1890 * t);
        source[i] = (int16_t)lrint(6000 * envelope * v);
    }
    return 0;
}

/* Best signal-to-noise ratio in dB over delays of up to 12 ms; a codec may delay, but not distort. */
static double snr_db(const int16_t *got, size_t n)
{
    double best = -100;
    for (size_t delay = 0; delay < 200; delay++) {
        double signal = 0;
        double noise = 0;
        for (size_t i = 1600; i + delay < n && i < SAMPLES - 1600; i++) {
            double s = source[i];
            double e = s - got[i + delay];
            signal += s * s;
            noise += e * e;
        }
        double db = 10 * log10(signal / (noise + 1e-9));
        best = db > best ? db : best;
    }
    return best;
}

static size_t round_trip(enum vg_codec codec, int rate_hz)
{
    struct vg_encoder_config config = {codec, rate_hz, 24000, 5};
    struct vg_encoder *e = vg_encoder_new(&config);
    struct vg_decoder *d = vg_decoder_new(codec, rate_hz);
    assert_non_null(e);
    assert_non_null(d);
    size_t n = 0;
    for (int i = 0; i < FRAMES; i++) {
        uint8_t wire[4096];
        int bytes = vg_encode(e, source + i * VG_FRAME_SAMPLES, wire, sizeof wire);
        assert_in_range(bytes, 1, vg_encoder_frame_bytes_max(e));
        assert_true(vg_decoder_bound(d, (size_t)bytes) <= VG_RATE_HZ * 120 / 1000);
        int got = vg_decode(d, wire, (size_t)bytes, result + n, VG_COUNT_OF(result) - n);
        assert_true(got >= 0 && (size_t)got <= vg_decoder_bound(d, (size_t)bytes));
        n += (size_t)got;
    }
    vg_encoder_free(e);
    vg_decoder_free(d);
    assert_in_range(n, SAMPLES - 200, SAMPLES + 2);
    return n;
}

static void pcm_at_16_khz_comes_back_bit_for_bit(void **state)
{
    (void)state;
    assert_int_equal(round_trip(VG_CODEC_PCM_S16LE, VG_RATE_HZ), SAMPLES);
    assert_memory_equal(source, result, sizeof source);
}

static void pcm_at_other_rates_keeps_40_db(void **state)
{
    (void)state;
    const int rates_hz[] = {8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000};
    for (size_t i = 0; i < VG_COUNT_OF(rates_hz); i++) {
        size_t n = round_trip(VG_CODEC_PCM_S16LE, rates_hz[i]);
        double db = snr_db(result, n);
        print_message("pcm %d Hz: %.1f dB\n", rates_hz[i], db);
        assert_true(db > 40);
    }
}

static void g711_keeps_30_db(void **state)
{
    (void)state;
    const enum vg_codec codecs[] = {VG_CODEC_PCMU, VG_CODEC_PCMA};
    for (size_t i = 0; i < VG_COUNT_OF(codecs); i++) {
        double db8 = snr_db(result, round_trip(codecs[i], 8000));
        double db16 = snr_db(result, round_trip(codecs[i], 16000));
        print_message("%s: 8 kHz %.1f dB, 16 kHz %.1f dB\n", vg_codec_name(codecs[i]), db8, db16);
        assert_true(db8 > 30);
        assert_true(db16 > 30);
    }
}

static void opus_keeps_6_db_at_every_rate(void **state)
{
    (void)state;
    const int rates_hz[] = {8000, 12000, 16000, 24000, 48000};
    for (size_t i = 0; i < VG_COUNT_OF(rates_hz); i++) {
        double db = snr_db(result, round_trip(VG_CODEC_OPUS, rates_hz[i]));
        print_message("opus %d Hz: %.1f dB\n", rates_hz[i], db);
        assert_true(db > 6);
    }
}

static void g711_frame_at_8_khz_is_160_bytes_from_the_first_on(void **state)
{
    (void)state;
    struct vg_encoder_config config = {VG_CODEC_PCMU, 8000, 0, 0};
    struct vg_encoder *e = vg_encoder_new(&config);
    assert_int_equal(vg_encoder_frame_bytes_max(e), 160);
    uint8_t wire[160];
    uint8_t again[160];
    for (int i = 0; i < 5; i++)
        assert_int_equal(vg_encode(e, source, wire, sizeof wire), 160);
    assert_int_equal(vg_encode(e, source, wire, 159), VG_ETOOBIG);
    vg_encoder_reset(e);
    assert_int_equal(vg_encode(e, source, wire, sizeof wire), 160);
    vg_encoder_reset(e);
    assert_int_equal(vg_encode(e, source, again, sizeof again), 160);
    assert_memory_equal(wire, again, sizeof wire);
    vg_encoder_free(e);
}

static void g711_knows_the_codes_of_the_standard(void **state)
{
    (void)state;
    struct vg_decoder *u = vg_decoder_new(VG_CODEC_PCMU, 16000);
    struct vg_decoder *a = vg_decoder_new(VG_CODEC_PCMA, 16000);
    const uint8_t codes[] = {0x00, 0x80, 0xff, 0x7f};
    int16_t pcm[4];
    assert_int_equal(vg_decode(u, codes, 4, pcm, 4), 4);
    assert_int_equal(pcm[0], -32124);
    assert_int_equal(pcm[1], 32124);
    assert_int_equal(pcm[2], 0);
    const uint8_t acodes[] = {0xd5, 0x55, 0xaa, 0x2a};
    assert_int_equal(vg_decode(a, acodes, 4, pcm, 4), 4);
    assert_int_equal(pcm[0], 8);
    assert_int_equal(pcm[1], -8);
    assert_int_equal(pcm[2], 32256);
    assert_int_equal(pcm[3], -32256);
    vg_decoder_free(u);
    vg_decoder_free(a);
}

/* Any cut of the byte stream gives the same samples. */
static void odd_bytes_wait_for_their_partner(void **state)
{
    (void)state;
    const int rates_hz[] = {8000, 16000, 48000};
    for (size_t k = 0; k < VG_COUNT_OF(rates_hz); k++) {
        const uint8_t *wire = (const uint8_t *)source;
        enum { BYTES = 4000 };
        static int16_t whole[BYTES * 2];
        static int16_t pieces[BYTES * 2];
        struct vg_decoder *d = vg_decoder_new(VG_CODEC_PCM_S16LE, rates_hz[k]);
        int n = vg_decode(d, wire, BYTES, whole, VG_COUNT_OF(whole));
        assert_true(n > 0);
        assert_false(vg_decoder_has_partial(d));
        vg_decoder_reset(d);
        size_t at = 0;
        int m = 0;
        srand(7);
        while (at < BYTES) {
            size_t take = (size_t)(rand() % 37);
            take = take < BYTES - at ? take : BYTES - at;
            int got = vg_decode(d, wire + at, take, pieces + m, vg_decoder_bound(d, take));
            assert_true(got >= 0);
            m += got;
            at += take;
            assert_int_equal(vg_decoder_has_partial(d), at % 2);
        }
        assert_int_equal(n, m);
        assert_memory_equal(whole, pieces, (size_t)n * sizeof whole[0]);
        vg_decoder_free(d);
    }
}

static void only_whole_samples_at_16_khz_are_taken_where_they_are(void **state)
{
    (void)state;
    _Alignas(2) uint8_t wire[8] = {1, 0, 2, 0, 3, 0, 4, 0};
    int16_t pcm[64];
    struct vg_decoder *d = vg_decoder_new(VG_CODEC_PCM_S16LE, 16000);
    assert_ptr_equal(vg_decode_in_place(d, wire, 8), wire);
    assert_null(vg_decode_in_place(d, wire, 7));
    assert_null(vg_decode_in_place(d, wire + 1, 6));
    assert_int_equal(vg_decode(d, wire, 3, pcm, VG_COUNT_OF(pcm)), 1); /* half a sample waits */
    assert_null(vg_decode_in_place(d, wire, 8));
    vg_decoder_free(d);
    d = vg_decoder_new(VG_CODEC_PCM_S16LE, 8000);
    assert_null(vg_decode_in_place(d, wire, 8));
    vg_decoder_free(d);
    d = vg_decoder_new(VG_CODEC_PCMU, 16000);
    assert_null(vg_decode_in_place(d, wire, 8));
    vg_decoder_free(d);
}

static void output_that_does_not_fit_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    struct vg_decoder *d = vg_decoder_new(VG_CODEC_PCM_S16LE, 16000);
    int16_t out[8];
    assert_int_equal(vg_decode(d, (const uint8_t *)"abcd", 4, out, 1), VG_ETOOBIG);
    assert_int_equal(vg_decode(d, (const uint8_t *)"abcd", 4, out, 2), 2);
    assert_memory_equal(out, "abcd", 4);
    assert_int_equal(vg_decode(d, (const uint8_t *)"x", 0, out, 0), 0);
    vg_decoder_free(d);
}

static void broken_opus_packets_are_errors_and_the_next_good_one_plays(void **state)
{
    (void)state;
    struct vg_encoder_config config = {VG_CODEC_OPUS, 16000, 24000, 5};
    struct vg_encoder *e = vg_encoder_new(&config);
    struct vg_decoder *d = vg_decoder_new(VG_CODEC_OPUS, 16000);
    uint8_t good[VG_BLOCK_BYTES];
    int16_t out[1920];
    int bytes = vg_encode(e, source, good, sizeof good);
    assert_true(bytes > 0);
    assert_int_equal(vg_decode(d, good, 0, out, VG_COUNT_OF(out)), VG_EPARSE);
    assert_int_equal(vg_decode(d, good, 1 << 20, out, VG_COUNT_OF(out)), VG_EPARSE);
    assert_int_equal(vg_decode(d, good, (size_t)bytes, out, 319), VG_ETOOBIG);
    /* Code 3 with 0 frames, with 63 frames, and a padding length that runs out of the packet. */
    const uint8_t bad[][4] = {{0x0b, 0x00, 1, 2}, {0x0b, 0x3f, 1, 2}, {0x0b, 0x41, 0xff, 0xff}};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++)
        assert_int_equal(vg_decode(d, bad[i], 4, out, VG_COUNT_OF(out)), VG_EPARSE);
    srand(3);
    for (int i = 0; i < 20000; i++) {
        uint8_t packet[80];
        size_t n = 1 + (size_t)(rand() % 80);
        for (size_t k = 0; k < n; k++)
            packet[k] = (uint8_t)rand();
        int got = vg_decode(d, packet, n, out, VG_COUNT_OF(out));
        assert_true(got == VG_EPARSE || (got > 0 && got <= 1920));
    }
    assert_int_equal(vg_decode(d, good, (size_t)bytes, out, VG_COUNT_OF(out)), 320);
    vg_encoder_free(e);
    vg_decoder_free(d);
}

static void names_and_rates_are_checked(void **state)
{
    (void)state;
    enum vg_codec codec = VG_CODEC_OPUS;
    assert_int_equal(vg_codec_parse("pcma", &codec), VG_OK);
    assert_int_equal(codec, VG_CODEC_PCMA);
    assert_int_equal(vg_codec_parse("PCMA", &codec), VG_ENOTSUP);
    assert_int_equal(vg_codec_parse("", &codec), VG_ENOTSUP);
    assert_int_equal(vg_codec_parse(NULL, &codec), VG_ENOTSUP);
    assert_string_equal(vg_codec_name(VG_CODEC_PCM_S16LE), "pcm_s16le");
    assert_string_equal(vg_codec_name((enum vg_codec)99), "unknown");
    assert_int_equal(vg_codec_check(VG_CODEC_PCM_S16LE, 7999), VG_ENOTSUP);
    assert_int_equal(vg_codec_check(VG_CODEC_PCM_S16LE, 48001), VG_ENOTSUP);
    assert_int_equal(vg_codec_check(VG_CODEC_OPUS, 44100), VG_ENOTSUP);
    assert_int_equal(vg_codec_check(VG_CODEC_OPUS, 24000), VG_OK);
    assert_int_equal(vg_codec_check((enum vg_codec)99, 8000), VG_ENOTSUP);
    assert_null(vg_decoder_new(VG_CODEC_OPUS, 44100));
    struct vg_encoder_config config = {VG_CODEC_OPUS, 16000, 24000, 11};
    assert_null(vg_encoder_new(&config));
    assert_null(vg_decoder_free(NULL));
    assert_null(vg_encoder_free(NULL));
    assert_null(vg_resampler_free(NULL));
    assert_null(vg_resampler_new(0, 16000));
}

static void resampler_never_passes_its_bound_and_loses_no_time(void **state)
{
    (void)state;
    const int rates_hz[] = {8000, 11025, 16000, 22050, 44100, 48000};
    for (size_t a = 0; a < VG_COUNT_OF(rates_hz); a++) {
        for (size_t b = 0; b < VG_COUNT_OF(rates_hz); b++) {
            struct vg_resampler *r = vg_resampler_new(rates_hz[a], rates_hz[b]);
            size_t in = 0;
            size_t out = 0;
            srand(5);
            while (in + 500 < SAMPLES) {
                size_t n = (size_t)(rand() % 500);
                static int16_t pcm[3008];
                int got = vg_resample(r, source + in, n, pcm, vg_resampler_bound(r, n));
                assert_true(got >= 0);
                in += n;
                out += (size_t)got;
            }
            size_t whole = in * (size_t)rates_hz[b] / (size_t)rates_hz[a];
            assert_in_range(out, whole - 300, whole + 1);
            vg_resampler_free(r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcm_at_16_khz_comes_back_bit_for_bit),
        cmocka_unit_test(pcm_at_other_rates_keeps_40_db),
        cmocka_unit_test(g711_keeps_30_db),
        cmocka_unit_test(opus_keeps_6_db_at_every_rate),
        cmocka_unit_test(g711_frame_at_8_khz_is_160_bytes_from_the_first_on),
        cmocka_unit_test(g711_knows_the_codes_of_the_standard),
        cmocka_unit_test(odd_bytes_wait_for_their_partner),
        cmocka_unit_test(only_whole_samples_at_16_khz_are_taken_where_they_are),
        cmocka_unit_test(output_that_does_not_fit_is_refused_and_nothing_is_lost),
        cmocka_unit_test(broken_opus_packets_are_errors_and_the_next_good_one_plays),
        cmocka_unit_test(names_and_rates_are_checked),
        cmocka_unit_test(resampler_never_passes_its_bound_and_loses_no_time),
    };
    return cmocka_run_group_tests_name("audio codec", tests, make_source, NULL);
}
