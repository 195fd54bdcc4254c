#include "compute/data/scaling.h"

#include <string.h>

struct scaling scaling_default(void)
{
    struct scaling scaling = {.scale = 1.0F / 255.0F};
    for (int c = 0; c < SCALING_CHANNELS_MAX; c++)
        scaling.std[c] = 1.0F;
    return scaling;
}

/* Means and deviations are repeated over a block of pixels, so that the inner loop is one long run over all
 * channels, whatever their number. */
enum { BLOCK_PIXELS = 16 };

static void apply_run(size_t count, float scale, const float *mean, const float *std, const uint8_t *in,
                      float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = ((float)in[i] * scale - mean[i]) / std[i];
}

bool scaling_equals(const struct scaling *a, const struct scaling *b, int32_t c)
{
    size_t bytes = (size_t)c * sizeof(float);
    return a->scale == b->scale && memcmp(a->mean, b->mean, bytes) == 0 && memcmp(a->std, b->std, bytes) == 0;
}

void scaling_apply(const struct scaling *scaling, size_t pixels, int32_t c, const uint8_t *in, float *out)
{
    float mean[BLOCK_PIXELS * SCALING_CHANNELS_MAX];
    float std[BLOCK_PIXELS * SCALING_CHANNELS_MAX];
    size_t channels = (size_t)c;
    size_t block = BLOCK_PIXELS * channels;
    size_t count = pixels * channels;
    for (size_t i = 0; i < block; i++) {
        mean[i] = scaling->mean[i % channels];
        std[i] = scaling->std[i % channels];
    }
    for (size_t at = 0; at < count; at += block)
        apply_run(count - at < block ? count - at : block, scaling->scale, mean, std, in + at, out + at);
}
