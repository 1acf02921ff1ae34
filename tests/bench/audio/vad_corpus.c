/* What VAD, turn detection and barge-in make of real recordings.
 *
 * Usage: VOXGATE_SPEECH_CORPUS=FOLDER vad_corpus. The folder holds 16 kHz WAV files and, if there is one, a
 * manifest.tsv (see corpus.h). Prints tables; nothing here is a pass or a fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/turn.h"
#include "base/clock.h"
#include "corpus.h"

enum { LEAD_FRAMES = 50, QUIET_FRAMES = 25, TAIL_FRAMES = 100, HOLD_MOST = 5, SAMPLES_MAX = 4096 };

static struct corpus corpus;

/* --- the energy gate ---------------------------------------------------------------------------------------
 */

struct gate_count {
    uint64_t frames, speech_differs, voiced_differs;
    uint64_t starts[2], turns[2]; /* [0] gated, [1] ungated */
    int64_t us[2];
};

static void gate_run(const struct heard *h, struct gate_count *count)
{
    struct vg_vad_frame *frames[2];
    for (int ungated = 0; ungated < 2; ungated++) {
        struct vg_vad *vad = ungated ? vg_vad_new_ungated() : vg_vad_new();
        frames[ungated] = calloc(h->frames, sizeof *frames[ungated]);
        if (!vad || !frames[ungated])
            abort();
        int64_t before_us = vg_thread_cpu_us();
        for (size_t f = 0; f < h->frames; f++)
            frames[ungated][f] = vg_vad_process(vad, h->pcm + f * VG_FRAME_SAMPLES);
        count->us[ungated] += vg_thread_cpu_us() - before_us;
        vg_vad_free(vad);
        struct vg_turn_config config = vg_turn_config_default();
        struct vg_turn turn;
        vg_turn_init(&turn, &config);
        for (size_t f = 0; f < h->frames; f++) {
            enum vg_turn_event event = vg_turn_step(&turn, &frames[ungated][f]);
            count->starts[ungated] += event == VG_TURN_STARTED;
            count->turns[ungated] += event == VG_TURN_ENDED;
        }
    }
    for (size_t f = 0; f < h->frames; f++) {
        count->speech_differs += frames[0][f].speech != frames[1][f].speech;
        count->voiced_differs += frames[0][f].voiced != frames[1][f].voiced;
    }
    count->frames += h->frames;
    free(frames[0]);
    free(frames[1]);
}

static void gate_print(const char *what, const struct gate_count *c)
{
    printf("%-15s %-16s %7llu %8.2f %8.2f   %4llu/%-4llu  %4llu/%-4llu  %6.2f %6.2f\n", what, "",
           (unsigned long long)c->frames, 100.0 * (double)c->speech_differs / (double)c->frames,
           100.0 * (double)c->voiced_differs / (double)c->frames, (unsigned long long)c->starts[0],
           (unsigned long long)c->starts[1], (unsigned long long)c->turns[0], (unsigned long long)c->turns[1],
           (double)c->us[0] / (double)c->frames, (double)c->us[1] / (double)c->frames);
}

/* "from quiet" is a clip that begins out of near-silence, "steady" one that was there before the call. */
static void gate_table(void)
{
    printf("Energy gate: gated / ungated VAD\n");
    printf("%-32s %7s %8s %8s   %9s  %9s  %6s %6s\n", "", "frames", "speech%", "voiced%", "starts", "turns",
           "us", "us");
    for (enum channel ch = 0; ch < CHANNELS; ch++) {
        struct gate_count speech = {0}, quiet = {0}, steady = {0};
        for (size_t i = 0; i < corpus.n; i++) {
            const struct clip *clip = &corpus.clips[i];
            bool noise = clip->kind == CLIP_NOISE;
            struct heard h = heard_new(clip, QUIET_FRAMES, TAIL_FRAMES, noise);
            heard_send(&h, ch);
            gate_run(&h, noise ? &quiet : &speech);
            heard_free(&h);
            h = heard_new(clip, 0, 0, noise);
            heard_send(&h, ch);
            gate_run(&h, noise ? &steady : &speech);
            heard_free(&h);
        }
        printf("%s\n", channel_names[ch]);
        gate_print("  speech", &speech);
        gate_print("  noise, quiet", &quiet);
        gate_print("  noise, steady", &steady);
    }
}

/* --- turns
 * -------------------------------------------------------------------------------------------------- */

static void turn_table(void)
{
    printf("\nTurns (500 ms endpoint), English clips, and noise\n");
    for (enum channel ch = 0; ch < CHANNELS; ch++) {
        int clips = 0, missed = 0, split = 0, dropped = 0, noise_dropped = 0, noise_turns = 0;
        for (size_t i = 0; i < corpus.n; i++) {
            const struct clip *clip = &corpus.clips[i];
            bool noise = clip->kind == CLIP_NOISE;
            if (clip->kind == CLIP_OTHER)
                continue;
            struct heard h = heard_new(clip, QUIET_FRAMES, TAIL_FRAMES, noise);
            heard_send(&h, ch);
            struct vg_vad *vad = vg_vad_new();
            struct vg_turn_config config = vg_turn_config_default();
            struct vg_turn turn;
            vg_turn_init(&turn, &config);
            int turns = 0, drops = 0;
            for (size_t f = 0; f < h.frames; f++) {
                struct vg_vad_frame frame = vg_vad_process(vad, h.pcm + f * VG_FRAME_SAMPLES);
                enum vg_turn_event event = vg_turn_step(&turn, &frame);
                turns += event == VG_TURN_ENDED;
                drops += event == VG_TURN_DROPPED;
            }
            vg_vad_free(vad);
            heard_free(&h);
            if (noise) {
                noise_turns += turns;
                noise_dropped += drops;
            } else {
                clips++;
                missed += turns == 0;
                split += turns > 1;
                dropped += drops;
            }
        }
        printf("%-15s %d clips, %d split, %d missed, %d dropped turns; noise: %d turns, %d dropped\n",
               channel_names[ch], clips, split, missed, dropped, noise_turns, noise_dropped);
    }
}

/* --- barge-in
 * ------------------------------------------------------------------------------------------------ */

struct barge_run {
    int hold_ms, cut_ms; /* after speech onset; -1: never */
    int early_holds, early_cuts, holds, cuts;
    int releases; /* between the first hold and the first cut */
    int held_ms;  /* total time on hold */
};

static struct barge_run barge_once(const struct heard *h, size_t onset, const float *agent_db,
                                   const struct vg_barge_config *config)
{
    struct barge_run run = {.hold_ms = -1, .cut_ms = -1};
    struct vg_vad *vad = vg_vad_new();
    struct vg_barge barge;
    vg_barge_init(&barge, config);
    size_t rearm_at = 0;
    for (size_t f = 0; f < h->frames; f++) {
        struct vg_vad_frame frame = vg_vad_process(vad, h->pcm + f * VG_FRAME_SAMPLES);
        enum vg_barge_event event =
            vg_barge_step(&barge, &frame, agent_db ? agent_db[f] : 0.0f, f >= rearm_at);
        int ms = ((int)f + 1 - (int)onset) * 20;
        bool hold = event == VG_BARGE_HOLD;
        bool cut = event == VG_BARGE_CUT;
        run.held_ms += barge.held ? 20 : 0;
        run.holds += hold;
        run.cuts += cut;
        /* A talker who was held, let go, and then cut after all: the reply came back for a moment. */
        run.releases += event == VG_BARGE_RELEASE && run.hold_ms >= 0 && run.cut_ms < 0;
        run.early_holds += hold && f < onset;
        run.early_cuts += cut && f < onset;
        /* What a clip's background does before its talker begins counts as 0 ms, and as early: the reply is
         * gone by then, but not for the right reason. */
        if (run.hold_ms < 0 && f >= h->clip_frame && (barge.held || cut))
            run.hold_ms = ms > 0 ? ms : 0;
        if (run.cut_ms < 0 && f >= h->clip_frame && cut)
            run.cut_ms = ms > 0 ? ms : 0;
        if (cut)
            rearm_at = f + 25; /* the next reply */
    }
    vg_vad_free(vad);
    return run;
}

static int by_int(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void print_delays(const char *what, int *ms, int n, int found, int bound_ms)
{
    int within = 0;
    for (int i = 0; i < n; i++)
        within += ms[i] <= bound_ms;
    qsort(ms, (size_t)n, sizeof *ms, by_int);
    printf(" | %s %2d/%2d <=%d: %3.0f%% p50 %3d p85 %4d p90 %4d", what, found, n, bound_ms,
           100.0 * within / n, ms[n / 2], ms[n * 85 / 100], ms[n * 90 / 100]);
}

static void barge_row(enum channel ch, const struct vg_barge_config *config, float echo_db, bool list)
{
    int hold_ms[CLIPS_MAX], cut_ms[CLIPS_MAX];
    int n = 0, held = 0, cut = 0, early_holds = 0, early_cuts = 0;
    int noise_holds = 0, noise_cuts = 0, noise_held_ms = 0, releases = 0;
    float *agent_db = calloc(SAMPLES_MAX, sizeof *agent_db);
    const struct clip *agent = NULL;
    for (size_t i = 0; i < corpus.n; i++) {
        if (corpus.clips[i].kind == CLIP_ENGLISH && (!agent || corpus.clips[i].frames > agent->frames))
            agent = &corpus.clips[i];
    }
    for (size_t i = 0; i < corpus.n; i++) {
        const struct clip *clip = &corpus.clips[i];
        if (clip->kind == CLIP_OTHER)
            continue;
        for (int steady = 0; steady <= (clip->kind == CLIP_NOISE); steady++) {
            bool noise = clip->kind == CLIP_NOISE;
            size_t lead = noise ? (steady ? 0 : QUIET_FRAMES) : echo_db > 0 ? 150 : LEAD_FRAMES;
            struct heard h = heard_new(clip, lead, TAIL_FRAMES, noise || echo_db > 0);
            if (echo_db > 0)
                heard_add_echo(&h, agent, echo_db, agent_db);
            heard_send(&h, ch);
            struct barge_run run =
                barge_once(&h, noise ? 0 : lead + clip->onset_frame, echo_db > 0 ? agent_db : NULL, config);
            heard_free(&h);
            if (noise) {
                noise_holds += run.holds + run.cuts;
                noise_cuts += run.cuts;
                noise_held_ms += run.held_ms;
                continue;
            }
            held += run.hold_ms >= 0;
            cut += run.cut_ms >= 0;
            releases += run.releases;
            early_holds += run.early_holds;
            early_cuts += run.early_cuts;
            if (list)
                printf("  %-22s hold %5d cut %5d ms, releases %d\n", clip->name, run.hold_ms, run.cut_ms,
                       run.releases);
            hold_ms[n] = run.hold_ms < 0 ? 9999 : run.hold_ms;
            cut_ms[n++] = run.cut_ms < 0 ? 9999 : run.cut_ms;
        }
    }
    free(agent_db);
    if (n == 0)
        return;
    char what[64];
    snprintf(what, sizeof what, "hold >= %d, release %d", config->hold_voiced, config->release_frames);
    printf("%-15s %-22s", channel_names[ch], what);
    print_delays("held", hold_ms, n, held, 350);
    print_delays("cut", cut_ms, n, cut, 650);
    printf(" | let go %d early %d/%d | noise holds %d (%d ms) cuts %d\n", releases, early_holds, early_cuts,
           noise_holds, noise_held_ms, noise_cuts);
}

static void barge_table(void)
{
    printf("\nBarge-in: delays from the onset of speech, English clips; holds and cuts on noise\n");
    for (enum channel ch = 0; ch < CHANNELS; ch++) {
        for (uint8_t hold = 1; hold <= HOLD_MOST; hold++) {
            struct vg_barge_config config = vg_barge_config_default();
            config.hold_voiced = hold;
            barge_row(ch, &config, 0, false);
        }
    }
    const uint8_t releases[] = {1, 3, 5, 10, 20};
    for (size_t k = 0; k < VG_COUNT_OF(releases); k++) {
        struct vg_barge_config config = vg_barge_config_default();
        config.release_frames = releases[k];
        for (enum channel ch = 0; ch < CHANNELS; ch++)
            barge_row(ch, &config, 0, false);
    }
    const float echoes_db[] = {20, 30, 40};
    for (size_t k = 0; k < VG_COUNT_OF(echoes_db); k++) {
        printf("echo of the agent %.0f dB down, with and without the level gate\n", (double)echoes_db[k]);
        struct vg_barge_config config = vg_barge_config_default();
        barge_row(CHANNEL_CLEAN, &config, echoes_db[k], false);
        config.tx_gate_db = 999;
        barge_row(CHANNEL_CLEAN, &config, echoes_db[k], false);
    }
    struct vg_barge_config config = vg_barge_config_default();
    printf("each clip, clean, defaults\n");
    barge_row(CHANNEL_CLEAN, &config, 0, true);
}

int main(void)
{
    const char *folder = getenv("VOXGATE_SPEECH_CORPUS");
    if (!folder || corpus_read(&corpus, folder) != 0) {
        fprintf(stderr, "vad_corpus: set VOXGATE_SPEECH_CORPUS to a folder of 16 kHz WAV files\n");
        return 2;
    }
    gate_table();
    turn_table();
    barge_table();
    corpus_free(&corpus);
    return 0;
}
