/* Ranges of positions along one axis: where a kernel, a pooling window or a cut-out meets its image. */
#ifndef FACET_COMPUTE_KERNELS_AXIS_H
#define FACET_COMPUTE_KERNELS_AXIS_H

#include <stddef.h>

/* [first, last); empty when first == last, never last < first. */
struct span {
    ptrdiff_t first, last;
};

static inline ptrdiff_t axis_clamp(ptrdiff_t value, ptrdiff_t low, ptrdiff_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The part of `all` that is also in [first, last); when there is none, an empty span within `all`. */
static inline struct span span_clip(struct span all, ptrdiff_t first, ptrdiff_t last)
{
    struct span clipped = {.first = axis_clamp(first, all.first, all.last)};
    clipped.last = axis_clamp(last, clipped.first, all.last);
    return clipped;
}

/* Smallest i ≥ 0 with i·step ≥ distance (step ≥ 1). */
static inline ptrdiff_t axis_steps(ptrdiff_t distance, ptrdiff_t step)
{
    return distance > 0 ? (distance - 1) / step + 1 : 0;
}

/* The i in `all` for which from + i·step lies in [0, size). */
static inline struct span axis_inside(struct span all, ptrdiff_t size, ptrdiff_t from, ptrdiff_t step)
{
    return span_clip(all, axis_steps(-from, step), axis_steps(size - from, step));
}

#endif
