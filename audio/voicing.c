/* Normalised autocorrelation at pitch lags; see voicing.h.
 *
 * The cost of a frame's VAD is decided here: 95 lags of 200 products. A sum waits for the addition before it,
 * so 48 lags are summed side by side, which hides that wait; no float sum is reordered, and wider vectors
 * (AVX2, where the processor has it) give the same bits. */
#include "audio/voicing.h"

#include <math.h>
#include <string.h>

enum {
    WINDOW = 200, /* 25 ms at 8 kHz */
    LAG_MIN = 20,
    LAG_MAX = 114,
    LANES = 8,
    VECTORS = 6,
    LAGS_AT_ONCE = VECTORS * LANES,
    /* One sample before the end: where the window lay in the measured recipe. */
    WINDOW_START = VOICING_HISTORY - WINDOW - 1,
};

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
/* The same, at any address. */
typedef float loose __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

void voicing_push(struct voicing *v, const int16_t *pcm)
{
    memcpy(v->recent, v->recent + VOICING_FRAME, VOICING_FRAME * sizeof v->recent[0]);
    float *now = v->recent + VOICING_FRAME;
    for (int i = 0; i < VOICING_FRAME; i++)
        now[i] = (float)(pcm[2 * i] + pcm[2 * i + 1]) * 0.5f;
}

/* Correlation with the window `lag` + LAGS_AT_ONCE - 1 ... `lag` samples earlier, in this order. */
__attribute__((always_inline)) static inline void correlate(const float *window, int lag,
                                                            float out[LAGS_AT_ONCE])
{
    const float *earlier = window - lag - (LAGS_AT_ONCE - 1);
    lanes a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0};
    for (int i = 0; i < WINDOW; i++) {
        const loose *then = (const loose *)(earlier + i);
        a += window[i] * then[0];
        b += window[i] * then[1];
        c += window[i] * then[2];
        d += window[i] * then[3];
        e += window[i] * then[4];
        f += window[i] * then[5];
    }
    lanes sums[VECTORS] = {a, b, c, d, e, f};
    memcpy(out, sums, sizeof sums);
}

static void correlate_plain(const float *window, int lag, float out[LAGS_AT_ONCE])
{
    correlate(window, lag, out);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void correlate_avx2(const float *window, int lag,
                                                           float out[LAGS_AT_ONCE])
{
    correlate(window, lag, out);
}
#endif

typedef void (*correlate_fn)(const float *window, int lag, float out[LAGS_AT_ONCE]);

static correlate_fn choose_correlate(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return correlate_avx2;
#endif
    return correlate_plain;
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
    correlate_fn correlate_lags = choose_correlate();
    for (int base = LAG_MIN; base <= LAG_MAX; base += LAGS_AT_ONCE) {
        float product[LAGS_AT_ONCE];
        correlate_lags(window, base, product);
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
