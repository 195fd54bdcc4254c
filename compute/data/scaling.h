/* From pixels to what a network is fed: (pixel·scale − mean[c]) / std[c]. */
#ifndef FACET_COMPUTE_DATA_SCALING_H
#define FACET_COMPUTE_DATA_SCALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCALING_CHANNELS_MAX = 16 };

struct scaling {
    float scale; /* 1/255 unless a network was trained otherwise */
    float mean[SCALING_CHANNELS_MAX];
    float std[SCALING_CHANNELS_MAX]; /* > 0 */
};

/* scale 1/255, mean 0, std 1. */
struct scaling scaling_default(void);

/* Whether both do the same to images of c channels (c ≤ SCALING_CHANNELS_MAX). */
bool scaling_equals(const struct scaling *a, const struct scaling *b, int32_t c);

/* out[i] for `pixels` pixels of c channels (c ≤ SCALING_CHANNELS_MAX), NHWC bytes to NHWC floats. */
void scaling_apply(const struct scaling *scaling, size_t pixels, int32_t c, const uint8_t *in, float *out);

#endif
