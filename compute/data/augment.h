/* Random pad-and-crop and horizontal flip, as functions of (seed, epoch, image). */
#ifndef FACET_COMPUTE_DATA_AUGMENT_H
#define FACET_COMPUTE_DATA_AUGMENT_H

#include <stdbool.h>

#include "compute/base/shape.h"

struct augmentation {
    int32_t crop_padding; /* zeros on each side before a random crop of the original size; 0: none */
    bool flip;            /* horizontally, one image in two */
};

/* out (H, W, C) = the image augmented. Padding is pixel 0. in and out do not overlap. */
void augment(const struct augmentation *augmentation, struct shape shape, uint64_t seed, uint64_t epoch,
             uint64_t image, const uint8_t *in, uint8_t *out);

#endif
