/* Level of a piece of audio; see level.h and, for vg_level_db, vad.h. */
#include "audio/level.h"

#include <math.h>

#include "audio/vad.h"

enum { LANES = 8 };

float vg_level_mean_square(const int16_t *pcm, size_t n)
{
    if (n == 0)
        return 0.0f;
    /* Independent lanes: the compiler may not reorder a float sum, but it may keep eight of them side by
     * side. */
    float lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            float x = (float)pcm[i + k];
            lane[k] += x * x;
        }
    }
    for (; i < n; i++)
        lane[0] += (float)pcm[i] * (float)pcm[i];
    float sum = 0.0f;
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum / (float)n;
}

float vg_level_from_mean_square(float mean_square, float least)
{
    return 10.0f * log10f(mean_square + least);
}

float vg_level_db(const int16_t *pcm, size_t n)
{
    /* + 1: digital silence is 0 dB, and one bit of noise 3 dB. */
    return vg_level_from_mean_square(vg_level_mean_square(pcm, n), 1.0f);
}
