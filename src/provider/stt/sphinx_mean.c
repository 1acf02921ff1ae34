/* Cepstral means; see sphinx_mean.h. */
#include "provider/stt/sphinx_mean.h"

#include <stdlib.h>
#include <string.h>

#include <sphinxbase/cmn.h>
#include <sphinxbase/feat.h>

enum {
    PIECE_SAMPLES = 3200, /* 200 ms */
    PIECE_FRAMES = 64,    /* room for its 20 frames and for those that the silence detector held back */
};

static void add_frames(struct sphinx_mean *m, mfcc_t rows[][SPHINX_CEPS], int32 count)
{
    for (int32 k = 0; k < count; k++) {
        for (int j = 0; j < SPHINX_CEPS; j++)
            m->sum[j] += (double)MFCC2FLOAT(rows[k][j]);
        m->frames++;
    }
}

struct sphinx_mean sphinx_mean_of(fe_t *fe, const int16_t *pcm, size_t samples)
{
    struct sphinx_mean m = {0};
    mfcc_t rows[PIECE_FRAMES][SPHINX_CEPS];
    mfcc_t *row_list[PIECE_FRAMES];
    for (int k = 0; k < PIECE_FRAMES; k++)
        row_list[k] = rows[k];
    fe_start_stream(fe);
    fe_start_utt(fe);
    while (samples) {
        size_t piece = samples < PIECE_SAMPLES ? samples : PIECE_SAMPLES;
        size_t left = piece;
        int32 count = PIECE_FRAMES;
        int32 index;
        fe_process_frames(fe, &pcm, &left, row_list, &count, &index);
        samples -= piece - left;
        add_frames(&m, rows, count);
        if (left == piece && count == 0)
            break;
    }
    int32 rest = 0;
    fe_end_utt(fe, rows[0], &rest);
    return m;
}

void sphinx_mean_add(struct sphinx_mean *a, const struct sphinx_mean *b)
{
    a->frames += b->frames;
    double weight = a->frames > SPHINX_MEAN_FRAMES_CAP ? SPHINX_MEAN_FRAMES_CAP / a->frames : 1.0;
    for (int j = 0; j < SPHINX_CEPS; j++)
        a->sum[j] = (a->sum[j] + b->sum[j]) * weight;
    a->frames *= weight;
}

bool sphinx_mean_set(ps_decoder_t *decoder, const struct sphinx_mean *mean)
{
    if (mean->frames < SPHINX_MEAN_FRAMES_MIN)
        return false;
    mfcc_t values[SPHINX_CEPS];
    for (int j = 0; j < SPHINX_CEPS; j++)
        values[j] = FLOAT2MFCC((float)(mean->sum[j] / mean->frames));
    cmn_live_set(ps_get_feat(decoder)->cmn_struct, values);
    return true;
}

void sphinx_mean_reset(ps_decoder_t *decoder)
{
    cmn_t *cmn = ps_get_feat(decoder)->cmn_struct;
    const char *text = cmd_ln_str_r(ps_get_config(decoder), "-cmninit");
    for (int j = 0; j < SPHINX_CEPS && j < cmn->veclen; j++) {
        char *end = NULL;
        cmn->cmn_mean[j] = text ? FLOAT2MFCC(strtof(text, &end)) : 0;
        cmn->sum[j] = 0;
        text = end && *end == ',' ? end + 1 : NULL;
    }
    cmn->nframe = 0;
}
