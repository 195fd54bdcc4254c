/* Bringing images of one shape to another: bilinear resize, grey to RGB, RGB to grey. For importing
 * images of unequal shapes, and for compositions of parents that take different images. */
#ifndef FACET_COMPUTE_DATA_IMAGE_ADAPT_H
#define FACET_COMPUTE_DATA_IMAGE_ADAPT_H

#include <stdbool.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

/* Where an output row or column reads: pixels `low` and `high` with weights 1−fraction and fraction. */
struct image_tap {
    int32_t low, high;
    float fraction;
};

struct image_adapt {
    struct shape from, to;
    struct image_tap *rows, *columns; /* (to.h), (to.w); owned */
};

/* A plan that brings images of shape `from` to `to`. The resize is bilinear with half-pixel centres (output
 * pixel i lies at (i + 0.5)·from/to − 0.5, clamped to the image), without smoothing before shrinking; one
 * channel becomes three by repeating, three become one by luma (299·R + 587·G + 114·B)/1000 (ITU-R BT.601).
 * Values are rounded to whole bytes, half up, after each step. STATUS_SHAPE for other channel counts or an
 * empty shape. */
enum status image_adapt_create(struct shape from, struct shape to, struct image_adapt **adapt);
void image_adapt_destroy(struct image_adapt **adapt);

/* Whether the two shapes are the same and no plan is needed. */
bool image_adapt_is_identity(struct shape from, struct shape to);

/* n images (n, from) to (n, to); in and out do not overlap. Serial. */
void image_adapt_run(const struct image_adapt *adapt, int64_t n, const uint8_t *in, uint8_t *out);

#endif
