/* The shape of one image or feature map. */
#ifndef FACET_COMPUTE_BASE_SHAPE_H
#define FACET_COMPUTE_BASE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* H × W pixels of C channels, channels contiguous (NHWC); a vector is 1 × 1 × C. */
struct shape {
    int32_t h, w, c;
};

static inline bool shape_equals(struct shape a, struct shape b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

/* Elements of one image of that shape (h, w, c ≥ 0). */
static inline size_t shape_count(struct shape shape)
{
    return (size_t)shape.h * (size_t)shape.w * (size_t)shape.c;
}

#endif
