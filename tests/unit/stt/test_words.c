/* Single Arabic words: what is none must come out as none, and a word as that word. The voice of espeak-ng
 * tests the path, not the accuracy; that is counted over real recordings where VOXGATE_SPEECH_CORPUS has
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/wav.h"
#include "base/clock.h"
#include "provider/stt/sphinx_lexicon.h"
#include "provider/stt/sphinx_words.h"

#define RECORDING "/usr/share/pocketsphinx/test/data/goforward.raw"

enum { RATE_HZ = 16000, SAMPLES_MAX = 4 * RATE_HZ, PREROLL_SAMPLES = 4800, TAIL_SAMPLES = 9600 };

static struct sphinx_words *words, *names;
static int16_t pcm[SAMPLES_MAX];

static const char *hear_by(struct sphinx_words *recogniser, const int16_t *samples, size_t count)
{
    double confidence;
    sphinx_words_begin(recogniser, samples, count);
    while (!sphinx_words_step(recogniser)) {
    }
    const char *text = sphinx_words_result(recogniser, &confidence);
    assert_true(*text ? confidence >= 0.5 && confidence <= 0.8 : confidence == 0);
    return text;
}

static const char *hear(const int16_t *samples, size_t count)
{
    return hear_by(words, samples, count);
}

static uint32_t random_state = 1;

static int16_t noise(int peak)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (int16_t)((int)(random_state >> 16) % (2 * peak + 1) - peak);
}

/* As the core cuts an utterance: 300 ms before it and 600 ms behind it, on a faint hiss. */
static const char *hear_on_a_line_by(struct sphinx_words *recogniser, const int16_t *samples, size_t count)
{
    assert_true(PREROLL_SAMPLES + count + TAIL_SAMPLES <= SAMPLES_MAX);
    for (size_t i = 0; i < PREROLL_SAMPLES + count + TAIL_SAMPLES; i++)
        pcm[i] = noise(8);
    memcpy(pcm + PREROLL_SAMPLES, samples, count * sizeof *samples);
    return hear_by(recogniser, pcm, PREROLL_SAMPLES + count + TAIL_SAMPLES);
}

static const char *hear_on_a_line(const int16_t *samples, size_t count)
{
    return hear_on_a_line_by(words, samples, count);
}

static void what_is_no_speech_gives_no_word(void **state)
{
    (void)state;
    assert_string_equal(hear(pcm, 0), "");
    assert_string_equal(hear(pcm, 7), "");
    memset(pcm, 0, sizeof pcm);
    assert_string_equal(hear(pcm, SAMPLES_MAX), "");
    static const int peaks[] = {1, 30, 1000, 30000};
    for (size_t k = 0; k < VG_COUNT_OF(peaks); k++) {
        for (size_t i = 0; i < RATE_HZ; i++)
            pcm[i] = noise(peaks[k]);
        assert_string_equal(hear(pcm, RATE_HZ), "");
        assert_string_equal(hear(pcm, RATE_HZ / 2), "");
    }
    memset(pcm, 0, sizeof pcm);
    for (size_t i = 8000; i < 8400; i++) /* a click */
        pcm[i] = 20000;
    assert_string_equal(hear(pcm, RATE_HZ), "");
}

static void sentence_gives_no_word(void **state)
{
    (void)state;
    FILE *f = fopen(RECORDING, "rb");
    assert_non_null(f);
    size_t n = fread(pcm, sizeof *pcm, SAMPLES_MAX, f);
    fclose(f);
    assert_string_equal(hear(pcm, n), "");
}

static void arabic_alone_has_words(void **state)
{
    (void)state;
    assert_true(sphinx_words_in("ar") && sphinx_words_in("AR-sa"));
    assert_false(sphinx_words_in("en") || sphinx_words_in("arc") || sphinx_words_in("") ||
                 sphinx_words_in(NULL));
}

/* Linear resampling is enough for a voice without anything above 8 kHz that matters. */
static size_t to_16k(struct vg_wav *wav, int16_t *out)
{
    size_t n = wav->samples * RATE_HZ / (size_t)wav->rate_hz;
    for (size_t i = 0; i + 1 < n; i++) {
        double at = (double)i * wav->rate_hz / RATE_HZ;
        size_t k = (size_t)at;
        double part = at - (double)k;
        out[i] = (int16_t)(0.5 * (wav->pcm[k] * (1 - part) + wav->pcm[k + 1] * part));
    }
    return n - 1;
}

static const char *hear_synthetic(struct sphinx_words *recogniser, const char *voice, const char *text)
{
    char command[256];
    snprintf(command, sizeof command, "espeak-ng -v %s --stdout '%s'", voice, text);
    FILE *f = popen(command, "r");
    struct vg_wav wav;
    static int16_t said[SAMPLES_MAX];
    if (!f || vg_wav_read_file(f, &wav) != 0) {
        if (f)
            pclose(f);
        return NULL;
    }
    pclose(f);
    size_t n = to_16k(&wav, said);
    vg_wav_free(&wav);
    return hear_on_a_line_by(recogniser, said, n);
}

static void synthetic_word_comes_through(void **state)
{
    (void)state;
    static const char *const voices[] = {"ar", "ar+m3", "ar+f2"};
    for (size_t i = 0; i < VG_COUNT_OF(voices); i++) {
        const char *text = hear_synthetic(words, voices[i], "ثَمَانِيَة");
        if (!text)
            skip(); /* no espeak-ng */
        assert_string_equal(text, "ثمانية");
    }
}

/* Not every voice is understood; one that is must not be taken for the other. */
static void the_name_of_a_language_comes_through(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
        const char *voices[4];
        int right_min;
    } names_said[] = {
        {"english", "English", {"en-us", "en-us+f2", "en-gb"}, 2},
        {"عربي", "Arabic", {"en-us", "en-us+f2", "en-gb"}, 2},
        {"عربي", "عَرَبِي", {"ar", "ar+f2", "ar+m3"}, 2},
        {"عربي", "الْعَرَبِيَّة", {"ar", "ar+f2", "ar+m3"}, 1},
        {"english", "إِنْجْلِيزِي", {"ar", "ar+f2", "ar+m3"}, 1},
    };
    for (size_t i = 0; i < VG_COUNT_OF(names_said); i++) {
        int right = 0;
        for (size_t k = 0; names_said[i].voices[k]; k++) {
            const char *text = hear_synthetic(names, names_said[i].voices[k], names_said[i].said);
            if (!text)
                skip(); /* no espeak-ng */
            right += strcmp(text, names_said[i].text) == 0;
            assert_true(!*text || strcmp(text, names_said[i].text) == 0);
        }
        print_message("%s: %d\n", names_said[i].said, right);
        assert_true(right >= names_said[i].right_min);
    }
}

static void what_is_no_name_of_a_language_gives_none(void **state)
{
    (void)state;
    static const char *const others[] = {"hello",     "yes",    "I want to order", "agent",  "eleven",
                                         "what time", "rabbit", "angry",           "finish", "anything",
                                         "fish",      "inches"};
    for (size_t i = 0; i < VG_COUNT_OF(others); i++) {
        const char *text = hear_synthetic(names, "en-us", others[i]);
        if (!text)
            skip();
        if (*text)
            fail_msg("%s was taken for %s", others[i], text);
    }
}

/* --- real recordings -------------------------------------------------------------------------------------
 */
static bool read_clip(const char *name, struct vg_wav *wav)
{
    const char *folder = getenv("VOXGATE_SPEECH_CORPUS");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    if (!folder || vg_wav_read(path, wav) != 0)
        return false;
    assert_int_equal(wav->rate_hz, RATE_HZ);
    return true;
}

/* One take of a second each. */
static const struct {
    const char *file;
    const char *words[6];
} takes[] = {
    {"ar_digits_01.wav", {"واحد", "اثنان", "ثلاثة", "أربعة", "خمسة"}},
    {"ar_digits_03.wav", {"سبعة", "صفر", "تسعة", "اثنان"}},
};

static void real_words_are_mostly_right(void **state)
{
    (void)state;
    int right = 0, wrong = 0, none = 0;
    for (size_t i = 0; i < VG_COUNT_OF(takes); i++) {
        struct vg_wav wav;
        if (!read_clip(takes[i].file, &wav))
            skip();
        for (size_t k = 0; takes[i].words[k]; k++) {
            assert_true((k + 1) * RATE_HZ <= wav.samples);
            const char *text = hear_on_a_line(wav.pcm + k * RATE_HZ, RATE_HZ);
            none += !*text;
            right += strcmp(text, takes[i].words[k]) == 0;
            wrong += *text && strcmp(text, takes[i].words[k]) != 0;
        }
        vg_wav_free(&wav);
    }
    print_message("single Arabic words: %d right, %d wrong, %d not taken\n", right, wrong, none);
    assert_true(right >= 4 && wrong <= 2);
}

static void real_noise_gives_no_word(void **state)
{
    (void)state;
    static const char *const files[] = {"noise_boiler.wav", "noise_dishes.wav", "noise_dogbark.wav"};
    for (size_t i = 0; i < VG_COUNT_OF(files); i++) {
        struct vg_wav wav;
        if (!read_clip(files[i], &wav))
            skip();
        for (size_t at = 0; at + RATE_HZ <= wav.samples; at += RATE_HZ / 2)
            assert_string_equal(hear_on_a_line(wav.pcm + at, RATE_HZ), "");
        vg_wav_free(&wav);
    }
}

/* Pieces of English sentences, as long as a name. */
static void real_speech_gives_few_names_of_languages(void **state)
{
    (void)state;
    static const char *const files[] = {"arctic_a0010.wav",  "jfk.wav",        "librivox_0870.wav",
                                        "librivox_0890.wav", "cheetah_en.wav", "sb_spk1_snt1.wav",
                                        "ar_digits_01.wav"};
    int pieces = 0, taken = 0;
    for (size_t i = 0; i < VG_COUNT_OF(files); i++) {
        struct vg_wav wav;
        if (!read_clip(files[i], &wav))
            skip();
        for (size_t at = 0, size = RATE_HZ * 4 / 10; at + size <= wav.samples; at += size) {
            taken += *hear_on_a_line_by(names, wav.pcm + at, size) != '\0';
            pieces++;
            size = size > RATE_HZ ? RATE_HZ * 4 / 10 : size + RATE_HZ / 10;
        }
        vg_wav_free(&wav);
    }
    print_message("names of languages: %d of %d pieces of other speech taken for one\n", taken, pieces);
    assert_true(taken * 20 <= pieces);
}

static void recogniser_is_quick(void **state)
{
    (void)state;
    int64_t began_us = vg_thread_cpu_us();
    struct sphinx_words *w;
    assert_int_equal(sphinx_words_load(&w, &sphinx_arabic_words, NULL), 0);
    print_message("loaded in %d ms of CPU\n", (int)((vg_thread_cpu_us() - began_us) / 1000));
    assert_null(sphinx_words_free(w));
    assert_int_equal(sphinx_words_load(&w, &sphinx_arabic_words, "/nowhere"), VG_EIO);
}

int main(void)
{
    if (sphinx_words_load(&words, &sphinx_arabic_words, NULL) != 0 ||
        sphinx_words_load(&names, &sphinx_language_names, NULL) != 0) {
        fprintf(stderr, "the acoustic model is missing: install pocketsphinx-en-us\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_speech_gives_no_word),
        cmocka_unit_test(sentence_gives_no_word),
        cmocka_unit_test(arabic_alone_has_words),
        cmocka_unit_test(synthetic_word_comes_through),
        cmocka_unit_test(the_name_of_a_language_comes_through),
        cmocka_unit_test(what_is_no_name_of_a_language_gives_none),
        cmocka_unit_test(real_words_are_mostly_right),
        cmocka_unit_test(real_speech_gives_few_names_of_languages),
        cmocka_unit_test(real_noise_gives_no_word),
        cmocka_unit_test(recogniser_is_quick),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sphinx_words_free(names);
    sphinx_words_free(words);
    return failed;
}
