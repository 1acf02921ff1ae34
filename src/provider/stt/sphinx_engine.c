/* The two decoders of a call; see sphinx_engine.h. */
#include "provider/stt/sphinx_engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sphinxbase/err.h>

#define DEBIAN_MODEL_DIR "/usr/share/pocketsphinx/model/en-us"

enum { PATH_SIZE = 512 };

/* "yes"/"no" as the library's command line has them. */
static const char *yes(bool on)
{
    return on ? "yes" : "no";
}

/* The third pass (fwdflat) costs time at the end of each utterance and gains nothing once the mean is right
 * (29 % against 32); bestpath rescoring pays in the second pass and is too slow for interims. */
static ps_decoder_t *load_decoder(const char *dir, bool fwdflat, bool bestpath)
{
    char hmm[PATH_SIZE], lm[PATH_SIZE], dict[PATH_SIZE];
    snprintf(hmm, sizeof hmm, "%s/en-us", dir);
    snprintf(lm, sizeof lm, "%s/en-us.lm.bin", dir);
    snprintf(dict, sizeof dict, "%s/cmudict-en-us.dict", dir);
    cmd_ln_t *args = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-lm", lm, "-dict", dict, "-fwdflat",
                                 yes(fwdflat), "-bestpath", yes(bestpath), NULL);
    if (!args)
        return NULL;
    ps_decoder_t *decoder = ps_init(args);
    cmd_ln_free_r(args);
    return decoder;
}

int sphinx_engine_load(struct sphinx_engine *e, const struct vg_sphinx_config *config)
{
    const char *dir = config && config->model_dir ? config->model_dir : DEBIAN_MODEL_DIR;
    bool naive = config && config->naive;
    err_set_logfp(NULL); /* thousands of lines otherwise */
    *e = (struct sphinx_engine){0};
    e->live = load_decoder(dir, naive, naive);
    if (e->live && !naive)
        e->second = load_decoder(dir, false, true);
    if (e->live)
        e->fe = fe_init_auto_r(ps_get_config(e->live));
    if (!e->live || !e->fe || (!naive && !e->second)) {
        sphinx_engine_unload(e);
        return VG_EIO;
    }
    ps_start_stream(e->live);
    return 0;
}

void sphinx_engine_unload(struct sphinx_engine *e)
{
    if (e->fe)
        fe_free(e->fe);
    if (e->second)
        ps_free(e->second);
    if (e->live)
        ps_free(e->live);
    *e = (struct sphinx_engine){0};
}

/* The posterior of the path, as a geometric mean per word. A weak measure: above 0.2 a transcript has about
 * 26 % word error, below it 55 %. */
static struct sphinx_hypothesis hypothesis(ps_decoder_t *decoder, bool with_confidence)
{
    const char *text = ps_get_hyp(decoder, NULL);
    if (!text || !*text)
        return (struct sphinx_hypothesis){.text = ""};
    struct sphinx_hypothesis h = {.text = text};
    if (!with_confidence)
        return h;
    int words = 1;
    for (const char *p = text; *p; p++)
        words += *p == ' ';
    double log_p = logmath_log_to_ln(ps_get_logmath(decoder), ps_get_prob(decoder));
    h.confidence = fmin(1.0, exp(log_p / words));
    return h;
}

/* ------------------------------------------------------------------------------------------------ live pass
 */
void sphinx_live_begin(struct sphinx_engine *e)
{
    sphinx_live_end(e);
    /* Naive streaming leaves the mean to the library. */
    e->primed = e->second && sphinx_mean_set(e->live, &e->call);
    e->live_open = ps_start_utt(e->live) == 0;
}

void sphinx_live_feed(struct sphinx_engine *e, const int16_t *pcm, size_t samples)
{
    if (e->live_open)
        ps_process_raw(e->live, pcm, samples, FALSE, FALSE);
}

bool sphinx_live_prime(struct sphinx_engine *e, const int16_t *pcm, size_t samples)
{
    struct sphinx_mean mean = sphinx_mean_of(e->fe, pcm, samples);
    if (mean.frames < SPHINX_MEAN_FRAMES_MIN)
        return false;
    sphinx_live_end(e);
    e->primed = sphinx_mean_set(e->live, &mean);
    ps_start_stream(e->live);
    e->live_open = ps_start_utt(e->live) == 0;
    return true;
}

struct sphinx_hypothesis sphinx_live_text(struct sphinx_engine *e)
{
    return hypothesis(e->live, false);
}

void sphinx_live_end(struct sphinx_engine *e)
{
    if (e->live_open)
        ps_end_utt(e->live);
    e->live_open = false;
}

/* ---------------------------------------------------------------------------------------------- second pass
 */
void sphinx_second_begin(struct sphinx_engine *e, const int16_t *pcm, size_t samples)
{
    sphinx_second_drop(e);
    e->utterance = sphinx_mean_of(e->fe, pcm, samples);
    struct sphinx_mean mean = e->call;
    sphinx_mean_add(&mean, &e->utterance);
    if (!sphinx_mean_set(e->second, &mean))
        sphinx_mean_reset(e->second);
    ps_start_stream(e->second);
    e->second_open = ps_start_utt(e->second) == 0;
}

void sphinx_second_feed(struct sphinx_engine *e, const int16_t *pcm, size_t samples)
{
    if (e->second_open)
        ps_process_raw(e->second, pcm, samples, FALSE, FALSE);
}

struct sphinx_hypothesis sphinx_second_end(struct sphinx_engine *e)
{
    sphinx_second_drop(e);
    return hypothesis(e->second, true);
}

void sphinx_second_drop(struct sphinx_engine *e)
{
    if (e->second_open)
        ps_end_utt(e->second);
    e->second_open = false;
}

void sphinx_keep_mean(struct sphinx_engine *e)
{
    sphinx_mean_add(&e->call, &e->utterance);
    e->utterance = (struct sphinx_mean){0};
}
