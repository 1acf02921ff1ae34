/* Normalised autocorrelation at pitch lags; see voicing.h.
 *
 * The cost of a frame's VAD is decided here: 95 lags of 200 products. A sum waits for the addition before it,
 * so many lags are summed side by side, in registers: 16 as plain vectors, 48 with AVX2 where the processor
 * has it. No float sum is reordered: both give the same bits. */
#include "audio/voicing.h"

#include <math.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    FRAME = VG_FRAME_SAMPLES / 2, /* samples of a frame at 8 kHz */
    HISTORY = 2 * FRAME,
    WINDOW = 200, /* 25 ms at 8 kHz */
    LAG_MIN = 20,
    LAG_MAX = 114,
    LAGS = 96, /* a whole number of vectors; the last is not looked at */
    LAG_LAST = LAG_MIN + LAGS - 1,
    LANES = 4,
    /* One sample before the end: where the window lay in the measured recipe. */
    WINDOW_START = HISTORY - WINDOW - 1,
};

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

void voicing_push(struct voicing *v, const int16_t *pcm)
{
    v->at ^= 1;
    memcpy(v->recent[v->at], pcm, sizeof v->recent[0]);
}

static void halve_rate(float out[FRAME], const int16_t *pcm)
{
    for (int i = 0; i < FRAME; i++)
        out[i] = (float)(pcm[2 * i] + pcm[2 * i + 1]) * 0.5f;
}

static lanes load(const float *p)
{
    lanes out;
    memcpy(&out, p, sizeof out);
    return out;
}

/* Correlation of the window with what was LAG_LAST ... LAG_MIN samples earlier, in this order. */
static void correlate(const float *window, float out[LAGS])
{
    for (int j = 0; j < LAGS; j += 4 * LANES) {
        const float *earlier = window - LAG_LAST + j;
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
        memcpy(out + j, &a, sizeof a);
        memcpy(out + j + LANES, &b, sizeof b);
        memcpy(out + j + 2 * LANES, &c, sizeof c);
        memcpy(out + j + 3 * LANES, &d, sizeof d);
    }
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void correlate_avx2(const float *window, float out[LAGS])
{
    for (int j = 0; j < LAGS; j += 48) {
        const float *earlier = window - LAG_LAST + j;
        __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a, e = a, f = a;
        for (int i = 0; i < WINDOW; i++) {
            __m256 x = _mm256_set1_ps(window[i]);
            a = _mm256_add_ps(a, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i)));
            b = _mm256_add_ps(b, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i + 8)));
            c = _mm256_add_ps(c, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i + 16)));
            d = _mm256_add_ps(d, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i + 24)));
            e = _mm256_add_ps(e, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i + 32)));
            f = _mm256_add_ps(f, _mm256_mul_ps(x, _mm256_loadu_ps(earlier + i + 40)));
        }
        _mm256_storeu_ps(out + j, a);
        _mm256_storeu_ps(out + j + 8, b);
        _mm256_storeu_ps(out + j + 16, c);
        _mm256_storeu_ps(out + j + 24, d);
        _mm256_storeu_ps(out + j + 32, e);
        _mm256_storeu_ps(out + j + 40, f);
    }
}
#endif

static void correlate_best(const float *window, float out[LAGS])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        correlate_avx2(window, out);
        return;
    }
#endif
    correlate(window, out);
}

float voicing_peak(const struct voicing *v)
{
    float recent[HISTORY];
    halve_rate(recent, v->recent[!v->at]);
    halve_rate(recent + FRAME, v->recent[v->at]);
    const float *window = recent + WINDOW_START;
    /* In double, so that sums of squares of halves of 17 bits, in any order, and energies of later lags, made
     * by adding one end and taking the other, are exact. */
    double part[LANES] = {0};
    for (int i = 0; i < WINDOW; i += LANES) {
        for (int k = 0; k < LANES; k++)
            part[k] += (double)window[i + k] * (double)window[i + k];
    }
    double energy = part[0] + part[1] + part[2] + part[3];
    double energy_lagged = energy;
    for (int lag = 1; lag < LAG_MIN; lag++)
        energy_lagged += (double)window[-lag] * (double)window[-lag] -
                         (double)window[WINDOW - lag] * (double)window[WINDOW - lag];
    float best = 0.0f;
    float product[LAGS];
    correlate_best(window, product);
    for (int lag = LAG_MIN; lag <= LAG_MAX; lag++) {
        energy_lagged += (double)window[-lag] * (double)window[-lag] -
                         (double)window[WINDOW - lag] * (double)window[WINDOW - lag];
        float p = product[LAG_LAST - lag];
        if (p <= 0.0f)
            continue;
        /* Squared: one root a frame instead of 95. */
        float peak = p * p / ((float)(energy * energy_lagged) + 1.0f);
        best = peak > best ? peak : best;
    }
    return sqrtf(best);
}
