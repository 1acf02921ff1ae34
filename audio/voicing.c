/* Normalised autocorrelation at pitch lags; see voicing.h.
 *
 * The cost of a frame's VAD is decided here: 95 lags of 200 products. Four lags are one vector and sixteen
 * are summed at once, so that the loop runs over samples with its sums in registers; no float sum is
 * reordered. */
#include "audio/voicing.h"

#include <math.h>
#include <string.h>

enum {
    WINDOW = 200, /* 25 ms at 8 kHz */
    LAG_MIN = 20,
    LAG_MAX = 114,
    LAGS_AT_ONCE = 16,
    LANES = 4,
    /* One sample before the end: where the window lay in the measured recipe. */
    WINDOW_START = VOICING_HISTORY - WINDOW - 1,
};

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

void voicing_push(struct voicing *v, const int16_t *pcm)
{
    memcpy(v->recent, v->recent + VOICING_FRAME, VOICING_FRAME * sizeof v->recent[0]);
    float *now = v->recent + VOICING_FRAME;
    for (int i = 0; i < VOICING_FRAME; i++)
        now[i] = (float)(pcm[2 * i] + pcm[2 * i + 1]) * 0.5f;
}

static lanes load(const float *p)
{
    lanes out;
    memcpy(&out, p, sizeof out);
    return out;
}

/* Correlation with the window `lag` + 15 ... `lag` samples earlier, in this order. */
static void correlate(const float *window, int lag, float out[LAGS_AT_ONCE])
{
    const float *earlier = window - lag - (LAGS_AT_ONCE - 1);
    lanes a = {0};
    lanes b = {0};
    lanes c = {0};
    lanes d = {0};
    for (int i = 0; i < WINDOW; i++) {
        float x = window[i];
        a += x * load(earlier + i);
        b += x * load(earlier + i + LANES);
        c += x * load(earlier + i + 2 * LANES);
        d += x * load(earlier + i + 3 * LANES);
    }
    memcpy(out, &a, sizeof a);
    memcpy(out + LANES, &b, sizeof b);
    memcpy(out + 2 * LANES, &c, sizeof c);
    memcpy(out + 3 * LANES, &d, sizeof d);
}

float voicing_peak(const struct voicing *v)
{
    const float *window = v->recent + WINDOW_START;
    /* In double, so that energies of later lags, made by adding one end and taking the other, are exact. */
    double energy = 0;
    for (int i = 0; i < WINDOW; i++)
        energy += (double)window[i] * (double)window[i];
    double energy_lagged = energy;
    for (int lag = 1; lag < LAG_MIN; lag++)
        energy_lagged += (double)window[-lag] * (double)window[-lag] -
                         (double)window[WINDOW - lag] * (double)window[WINDOW - lag];
    float best = 0.0f;
    for (int base = LAG_MIN; base <= LAG_MAX; base += LAGS_AT_ONCE) {
        float product[LAGS_AT_ONCE];
        correlate(window, base, product);
        for (int k = 0; k < LAGS_AT_ONCE && base + k <= LAG_MAX; k++) {
            int lag = base + k;
            energy_lagged += (double)window[-lag] * (double)window[-lag] -
                             (double)window[WINDOW - lag] * (double)window[WINDOW - lag];
            float p = product[LAGS_AT_ONCE - 1 - k];
            if (p <= 0.0f)
                continue;
            /* Squared: one root a frame instead of 95. */
            float peak = p * p / ((float)(energy * energy_lagged) + 1.0f);
            best = peak > best ? peak : best;
        }
    }
    return sqrtf(best);
}
