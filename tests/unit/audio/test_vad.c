/* VAD on made-up voices and noises, and the WebRTC detector by its undocumented symbols. What real recordings
 * give is measured by tests/bench/audio/vad_corpus.c. */
#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/vad.h"
#include "audio/voicing.h"
#include "audio/webrtc_vad.h"

static uint32_t random_state = 1;

static int noise(int amplitude)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int)((random_state >> 16) % (uint32_t)(2 * amplitude + 1)) - amplitude;
}

/* A vowel: a pulse train of `pitch_hz` through three resonances, over a little noise. */
static void vowel(int16_t *pcm, size_t samples, double pitch_hz, double amplitude)
{
    const double formant_hz[] = {700, 1200, 2500};
    double y[3][2] = {{0}};
    double phase = 0;
    for (size_t i = 0; i < samples; i++) {
        phase += pitch_hz / VG_RATE_HZ;
        double x = phase >= 1 ? 1 : 0;
        phase -= x;
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            double r = 0.97;
            double v = x + 2 * r * cos(2 * M_PI * formant_hz[k] / VG_RATE_HZ) * y[k][0] - r * r * y[k][1];
            y[k][1] = y[k][0];
            y[k][0] = v;
            sum += v;
        }
        pcm[i] = (int16_t)(amplitude * sum + noise(8));
    }
}

static void hiss(int16_t *pcm, size_t samples, int amplitude)
{
    for (size_t i = 0; i < samples; i++)
        pcm[i] = (int16_t)noise(amplitude);
}

enum { QUIET = 50, VOICE = 50 };

struct heard {
    int speech, voiced, first, last;
};

static struct heard listen(struct vg_vad *v, const int16_t *pcm, int frames)
{
    struct heard h = {.first = -1, .last = -1};
    for (int i = 0; i < frames; i++) {
        struct vg_vad_frame f = vg_vad_process(v, pcm + i * VG_FRAME_SAMPLES);
        h.speech += f.speech;
        h.voiced += f.voiced;
        if (f.speech && h.first < 0)
            h.first = i;
        if (f.speech)
            h.last = i;
    }
    return h;
}

static void webrtc_symbols_do_what_we_declared(void **state)
{
    (void)state;
    struct WebRtcVadInst *v = WebRtcVad_Create();
    assert_non_null(v);
    int16_t pcm[VG_FRAME_SAMPLES] = {0};
    assert_int_equal(WebRtcVad_Process(v, 16000, pcm, 320), -1); /* before Init */
    assert_int_equal(WebRtcVad_Init(v), 0);
    assert_int_equal(WebRtcVad_set_mode(v, 2), 0);
    assert_int_equal(WebRtcVad_set_mode(v, 4), -1);
    assert_int_equal(WebRtcVad_set_mode(v, -1), -1);
    assert_int_equal(WebRtcVad_Process(v, 16000, pcm, 321), -1);
    assert_int_equal(WebRtcVad_Process(v, 11025, pcm, 320), -1);
    for (int i = 0; i < 50; i++)
        assert_int_equal(WebRtcVad_Process(v, 16000, pcm, 320), 0);
    static int16_t voice[VOICE * VG_FRAME_SAMPLES];
    vowel(voice, VG_COUNT_OF(voice), 120, 2000);
    int active = 0;
    for (int i = 0; i < VOICE; i++)
        active += WebRtcVad_Process(v, 16000, voice + i * VG_FRAME_SAMPLES, 320) == 1;
    assert_in_range(active, VOICE - 5, VOICE);
    assert_int_equal(WebRtcVad_Init(v), 0);
    WebRtcVad_Free(v);
}

static void voices_of_80_to_380_hz_are_heard_and_end(void **state)
{
    (void)state;
    const double pitches_hz[] = {80, 120, 200, 300, 380};
    static int16_t pcm[(QUIET + VOICE + QUIET) * VG_FRAME_SAMPLES];
    struct vg_vad *v = vg_vad_new();
    for (size_t k = 0; k < VG_COUNT_OF(pitches_hz); k++) {
        hiss(pcm, VG_COUNT_OF(pcm), 8);
        vowel(pcm + QUIET * VG_FRAME_SAMPLES, VOICE * VG_FRAME_SAMPLES, pitches_hz[k], 2000);
        vg_vad_reset(v);
        struct heard h = listen(v, pcm, QUIET + VOICE + QUIET);
        assert_in_range(h.voiced, VOICE - 6, VOICE);
        assert_in_range(h.first, QUIET, QUIET + 4);
        /* At most the hold after the last voiced frame. */
        assert_in_range(h.last, QUIET + VOICE - 2, QUIET + VOICE + 10);
    }
    assert_null(vg_vad_free(v));
}

static void hiss_hum_and_silence_are_not_voice(void **state)
{
    (void)state;
    static int16_t pcm[200 * VG_FRAME_SAMPLES];
    struct vg_vad *v = vg_vad_new();
    assert_int_equal(listen(v, pcm, 200).speech, 0);
    vg_vad_reset(v);
    hiss(pcm, VG_COUNT_OF(pcm), 3000);
    assert_int_equal(listen(v, pcm, 200).speech, 0);
    vg_vad_reset(v);
    hiss(pcm, VG_COUNT_OF(pcm), 8);
    hiss(pcm + 100 * VG_FRAME_SAMPLES, 100 * VG_FRAME_SAMPLES, 5000); /* sets in out of near-silence */
    assert_int_equal(listen(v, pcm, 200).voiced, 0);
    vg_vad_reset(v);
    for (size_t i = 0; i < VG_COUNT_OF(pcm); i++) /* mains hum, under the pitches */
        pcm[i] = (int16_t)(60 * sin(2 * M_PI * 50 * (double)i / VG_RATE_HZ) + noise(8));
    assert_int_equal(listen(v, pcm, 200).speech, 0);
    vg_vad_free(v);
}

static void reset_makes_the_next_call_the_same_as_the_first(void **state)
{
    (void)state;
    static int16_t pcm[VOICE * VG_FRAME_SAMPLES];
    vowel(pcm, VG_COUNT_OF(pcm), 150, 1000);
    struct vg_vad *v = vg_vad_new();
    struct heard first = listen(v, pcm, VOICE);
    vg_vad_reset(v);
    struct heard second = listen(v, pcm, VOICE);
    assert_memory_equal(&first, &second, sizeof first);
    vg_vad_free(v);
}

static void gate_changes_few_decisions(void **state)
{
    (void)state;
    enum { ROUNDS = 8, FRAMES = ROUNDS * (QUIET + VOICE) };
    static int16_t pcm[FRAMES * VG_FRAME_SAMPLES];
    hiss(pcm, VG_COUNT_OF(pcm), 8);
    for (int i = 0; i < ROUNDS; i++)
        vowel(pcm + (i * (QUIET + VOICE) + QUIET) * VG_FRAME_SAMPLES, VOICE * VG_FRAME_SAMPLES, 90 + 30 * i,
              1500);
    struct vg_vad *gated = vg_vad_new();
    struct vg_vad *ungated = vg_vad_new_ungated();
    int differ = 0;
    for (int i = 0; i < FRAMES; i++) {
        const int16_t *frame = pcm + i * VG_FRAME_SAMPLES;
        differ += vg_vad_process(gated, frame).speech != vg_vad_process(ungated, frame).speech;
    }
    assert_in_range(differ, 0, FRAMES / 100);
    vg_vad_free(gated);
    vg_vad_free(ungated);
}

/* The straightforward sum, in double, over the same window and lags; `pcm` are the last two frames. */
static double peak_by_hand(const int16_t pcm[2 * VG_FRAME_SAMPLES])
{
    double recent[VG_FRAME_SAMPLES];
    for (int i = 0; i < VG_FRAME_SAMPLES; i++)
        recent[i] = (pcm[2 * i] + pcm[2 * i + 1]) * 0.5;
    const double *w = recent + VG_FRAME_SAMPLES - 201;
    double best = 0;
    for (int lag = 20; lag <= 114; lag++) {
        double n = 0;
        double p = 0;
        double q = 0;
        for (int i = 0; i < 200; i++) {
            n += w[i] * w[i - lag];
            p += w[i] * w[i];
            q += w[i - lag] * w[i - lag];
        }
        double r = n / sqrt(p * q + 1);
        best = r > best ? r : best;
    }
    return best;
}

static void voicing_agrees_with_its_definition(void **state)
{
    (void)state;
    static int16_t pcm[41 * VG_FRAME_SAMPLES]; /* the first frame is silence */
    vowel(pcm + VG_FRAME_SAMPLES, 20 * VG_FRAME_SAMPLES, 130, 1200);
    hiss(pcm + 21 * VG_FRAME_SAMPLES, 10 * VG_FRAME_SAMPLES, 32767);
    struct voicing v = {.at = 0};
    assert_true(voicing_peak(&v) < 0.001f);
    for (int i = 1; i <= 40; i++) {
        const int16_t *frame = pcm + i * VG_FRAME_SAMPLES;
        voicing_push(&v, frame);
        assert_true(fabs((double)voicing_peak(&v) - peak_by_hand(frame - VG_FRAME_SAMPLES)) < 1e-3);
    }
}

static void level_is_in_db_of_the_mean_square(void **state)
{
    (void)state;
    int16_t pcm[VG_FRAME_SAMPLES + 3] = {0};
    assert_true(vg_level_db(pcm, VG_FRAME_SAMPLES) == 0.0f);
    assert_true(vg_level_db(pcm, 0) == 0.0f);
    for (size_t i = 0; i < VG_COUNT_OF(pcm); i++)
        pcm[i] = 1000;
    assert_true(fabsf(vg_level_db(pcm, VG_COUNT_OF(pcm)) - 60.0f) < 0.01f);
    for (size_t i = 0; i < VG_COUNT_OF(pcm); i++)
        pcm[i] = INT16_MIN;
    assert_true(fabsf(vg_level_db(pcm, VG_COUNT_OF(pcm)) - 90.31f) < 0.01f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webrtc_symbols_do_what_we_declared),
        cmocka_unit_test(voices_of_80_to_380_hz_are_heard_and_end),
        cmocka_unit_test(hiss_hum_and_silence_are_not_voice),
        cmocka_unit_test(reset_makes_the_next_call_the_same_as_the_first),
        cmocka_unit_test(gate_changes_few_decisions),
        cmocka_unit_test(voicing_agrees_with_its_definition),
        cmocka_unit_test(level_is_in_db_of_the_mean_square),
    };
    return cmocka_run_group_tests_name("audio vad", tests, NULL, NULL);
}
