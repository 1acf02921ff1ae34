/* The conformance suite of speech synthesis: every registered adapter, the same promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "provider/tts/voices.h"
#include "tts_run.h"

static struct vg_engine_env env;
static const struct vg_tts_ops *const *adapters;
static size_t adapter_count;

static int setup(void **state)
{
    (void)state;
    struct vg_synth_config config = vg_synth_config_default();
    adapter_count = vg_tts_list(&adapters);
    env.loop = vg_loop_new("test");
    return env.loop ? vg_synth_pool_new(&env.synth, &config) : -1;
}

static int teardown(void **state)
{
    (void)state;
    env.synth = vg_synth_pool_free(env.synth);
    env.loop = vg_loop_free(env.loop);
    return 0;
}

static void adapters_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(vg_tts_find("flite"), &vg_tts_flite);
    assert_ptr_equal(vg_tts_find("espeak"), &vg_tts_espeak);
    assert_ptr_equal(vg_tts_find("loopback"), &vg_tts_loopback);
    assert_null(vg_tts_find("nobody"));
    for (size_t i = 0; i < adapter_count; i++)
        assert_int_equal(adapters[i]->version, VG_PORT_VERSION);
}

static void a_clause_is_done_once_and_its_audio_is_plausible(void **state)
{
    (void)state;
    static const char text[] =
        "Your order number four one seven shipped yesterday and should arrive before noon.";
    for (size_t i = 0; i < adapter_count; i++) {
        struct tts_run run = tts_run_whole(adapters[i], &env, text, "en", NULL);
        assert_int_equal(run.dones, 1);
        assert_int_equal(run.faileds, 0);
        assert_int_equal(run.result.characters, sizeof text - 1);
        assert_int_equal(run.result.samples, run.samples);
        double seconds = (double)run.samples / 16000;
        if (adapters[i] == &vg_tts_loopback)
            assert_int_equal(run.samples, 13 * 960);
        else
            assert_true(seconds > 3 && seconds < 8);
        assert_in_range(run.peak, 3000, 32768);
    }
}

static void text_without_words_is_done_without_audio(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", "...", "\xf0\x9f\x98\x80", "\n\t", "\xff\xfe", "-- !"};
    for (size_t i = 0; i < adapter_count; i++)
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            struct tts_run run = tts_run_whole(adapters[i], &env, texts[k], "en", NULL);
            assert_int_equal(run.dones, 1);
            assert_int_equal(run.samples, 0);
            assert_int_equal(run.result.characters, 0);
        }
}

static void closing_at_once_is_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < adapter_count; i++)
        for (unsigned k = 0; k < 20; k++) {
            struct tts_run run = {.ops = adapters[i], .env = env};
            assert_int_equal(tts_run_start(&run, "Nobody will hear any of this at all.", "en", NULL), 0);
            if (k % 2)
                tts_run_idle(env.loop, 200 * k);
            unsigned heard = run.pieces + run.dones;
            tts_run_close(&run);
            tts_run_idle(env.loop, 3000);
            assert_int_equal(run.pieces + run.dones, heard);
            assert_int_equal(run.faileds, 0);
        }
    tts_run_idle(env.loop, 200000); /* what still runs may not report either: the harness asserts it */
}

static void closing_in_the_middle_ends_the_audio(void **state)
{
    (void)state;
    for (size_t i = 0; i < adapter_count; i++) {
        unsigned open = 0;
        struct tts_run run = {.ops = adapters[i], .env = env, .open = &open, .close_after_samples = 1600};
        assert_int_equal(
            tts_run_start(&run,
                          "This is a very long sentence, of which only the beginning will be heard, because "
                          "the caller interrupts it after a few words and says something else.",
                          "en", NULL),
            0);
        assert_true(tts_run_loop(env.loop, &open, 10 * VG_US_PER_S));
        int64_t samples = run.samples;
        tts_run_idle(env.loop, 100000);
        assert_true(run.closed);
        assert_int_equal(run.samples, samples);
        assert_int_equal(run.dones, 0);
    }
    struct vg_synth_stats stats;
    vg_synth_pool_stats(env.synth, &stats);
    assert_int_equal(stats.waiting + stats.running, 0);
}

static void hostile_text_is_survived(void **state)
{
    (void)state;
    static char controls[256], letters[2001], digits[2001], mixed[2001], over[9001];
    for (int i = 0; i < 255; i++)
        controls[i] = (char)(i + 1); /* also every kind of invalid UTF-8 */
    memset(letters, 'x', 2000);
    memset(digits, '9', 2000);
    memset(over, 'a', 9000);
    srand(3);
    for (int i = 0; i < 2000; i++)
        mixed[i] = (char)(1 + rand() % 255);
    const char *const texts[] = {controls,
                                 digits,
                                 letters,
                                 mixed,
                                 over,
                                 "[[;DROP]] <speak><mark name='x'/>hi</speak>",
                                 "%s%s%n $(reboot) `id` ; rm -rf / & -f /etc/passwd",
                                 "--help -w /tmp/x",
                                 "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb \xed\xa0\x80 \xc0\x80 ok"};
    for (size_t i = 0; i < adapter_count; i++)
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            struct tts_run run = tts_run_whole(adapters[i], &env, texts[k], "en", NULL);
            assert_int_equal(run.dones + run.faileds, 1);
            assert_true(run.dones == 1 || run.err == VG_ETOOBIG);
        }
}

static void languages_and_voices_that_are_not_there_are_refused(void **state)
{
    (void)state;
    struct tts_run run = {.ops = &vg_tts_flite, .env = env};
    assert_int_equal(tts_run_start(&run, "hi", "ar", NULL), VG_ENOTSUP);
    assert_int_equal(tts_run_start(&run, "hi", "en", "nobody"), VG_EINVAL);
    run.ops = &vg_tts_espeak;
    assert_int_equal(tts_run_start(&run, "hi", "xx", NULL), VG_ENOTSUP);
    assert_int_equal(tts_run_start(&run, "hi", "en", "../../etc/passwd"), VG_EINVAL);
    assert_int_equal(tts_run_start(&run, "hi", "en", "-w"), VG_EINVAL);
    struct tts_run unknown = tts_run_whole(&vg_tts_espeak, &env, "hi", "en", "nobody");
    assert_int_equal(unknown.faileds, 1);
    assert_int_equal(unknown.err, VG_EUNAVAIL);
    struct vg_engine_env bare = {.loop = env.loop};
    struct tts_run no_pool = {.ops = &vg_tts_flite, .env = bare};
    assert_int_equal(tts_run_start(&no_pool, "hi", "en", NULL), VG_EUNAVAIL);
    assert_true(vg_tts_flite.speaks("en-GB") && !vg_tts_flite.speaks("es") && !vg_tts_flite.speaks("eng"));
    assert_true(vg_tts_espeak.speaks("ar") && vg_tts_espeak.speaks("pt-BR") && !vg_tts_espeak.speaks(""));
}

static const char *sample_of(const char *language)
{
    static const struct {
        const char *language, *text;
    } samples[] = {
        {"ar", "مَرْحَبًا بِكَ، كَيْفَ يُمْكِنُنِي مُسَاعَدَتُكَ؟"},
        {"ur", "آپ کیسے ہیں؟ میں آپ کی مدد کر سکتا ہوں"},
        {"hi", "नमस्ते, मैं आपकी मदद कर सकता हूँ"},
        {"bn", "আমি আপনাকে সাহায্য করতে পারি"},
        {"fa", "سلام، چطور می‌توانم کمکتان کنم؟"},
        {"ru", "Здравствуйте, чем я могу вам помочь?"},
        {"zh", "你好，我可以帮你吗？"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (strcmp(samples[i].language, language) == 0)
            return samples[i].text;
    return "Hello, hola, bonjour, how can I help you?";
}

static void every_preset_speaks_its_language(void **state)
{
    (void)state;
    const struct vg_voice *voices;
    size_t n = vg_voice_list(&voices);
    for (size_t i = 0; i < n; i++) {
        const struct vg_tts_ops *ops = vg_tts_find(voices[i].engine);
        const char *language = voices[i].language[0] == '*' ? "en" : voices[i].language;
        assert_non_null(ops);
        assert_true(ops->speaks(language));
        assert_true(vg_voice_speaks(&voices[i], language));
        struct tts_run run = tts_run_whole(ops, &env, sample_of(language), language, voices[i].engine_voice);
        assert_int_equal(run.dones, 1);
        assert_true(run.samples > 5000);
        assert_ptr_equal(vg_voice_find(voices[i].id), &voices[i]);
    }
    assert_string_equal(vg_voice_find(VG_VOICE_DEFAULT)->language, "ar");
    assert_string_equal(vg_voice_for_language("ar")->id, "arabic_gulf_male");
    assert_string_equal(vg_voice_for_language("en")->id, "english_us_male");
    assert_string_equal(vg_voice_for_language("en-gb")->id, "english_uk_male");
    assert_string_equal(vg_voice_for_language("fr-CA")->id, "french_male");
    assert_null(vg_voice_for_language("tlh"));
    assert_null(vg_voice_find("nobody"));
    assert_false(vg_voice_speaks(vg_voice_find("arabic_female"), "en"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_are_found_by_name),
        cmocka_unit_test(a_clause_is_done_once_and_its_audio_is_plausible),
        cmocka_unit_test(text_without_words_is_done_without_audio),
        cmocka_unit_test(closing_at_once_is_silent),
        cmocka_unit_test(closing_in_the_middle_ends_the_audio),
        cmocka_unit_test(hostile_text_is_survived),
        cmocka_unit_test(languages_and_voices_that_are_not_there_are_refused),
        cmocka_unit_test(every_preset_speaks_its_language),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
