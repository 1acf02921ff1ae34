/* Prints, for each engine, the time from start to the first samples on the loop, and to the end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tts_run.h"

enum { ROUNDS = 50 };

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void measure(const struct vg_engine_env *env, const char *engine, const char *language,
                    const char *voice, const char *text)
{
    int64_t first[ROUNDS], whole[ROUNDS], cpu_us = 0, samples = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct tts_run run = tts_run_whole(vg_tts_find(engine), env, text, language, voice);
        first[i] = run.first_us - run.started_us;
        whole[i] = run.ended_us - run.started_us;
        cpu_us += run.result.engine_cpu_us;
        samples = run.samples;
    }
    qsort(first, ROUNDS, sizeof first[0], by_value);
    qsort(whole, ROUNDS, sizeof whole[0], by_value);
    printf("%-9s %-8s %5.2f s audio: first %6.2f ms p50 %6.2f p95, all %6.2f p50, cpu %6.2f\n", engine, voice,
           (double)samples / 16000, (double)first[ROUNDS / 2] / 1e3, (double)first[ROUNDS * 95 / 100] / 1e3,
           (double)whole[ROUNDS / 2] / 1e3, (double)cpu_us / ROUNDS / 1e3);
}

int main(void)
{
    static const char *const english[] = {
        "Yes.", "Hello, how can I help you?",
        ("Your order number four one seven shipped yesterday, and it should arrive "
         "on Thursday before noon.")};
    static const char arabic[] = "مَرْحَبًا بِكَ. كَيْفَ يُمْكِنُنِي مُسَاعَدَتُكَ؟";
    struct vg_synth_config config = vg_synth_config_default();
    struct vg_engine_env env = {.loop = vg_loop_new("bench")};
    if (!env.loop || vg_synth_pool_new(&env.synth, &config))
        return 1;
    for (size_t i = 0; i < 3; i++) {
        measure(&env, "flite", "en", "rms", english[i]);
        measure(&env, "flite", "en", "slt", english[i]);
        measure(&env, "espeak", "en", "en-us", english[i]);
        measure(&env, "loopback", "en", "tone", english[i]);
    }
    measure(&env, "espeak", "ar", "ar+m3", arabic);
    vg_synth_pool_free(env.synth);
    vg_loop_free(env.loop);
    return 0;
}
