/* Images that are held back from making modules, to choose and calibrate with: the first, eleventh,
 * twenty-first … of each class, in dataset order. */
#ifndef FACET_COMPUTE_DATA_HELD_BACK_H
#define FACET_COMPUTE_DATA_HELD_BACK_H

#include <stdbool.h>
#include <stdint.h>

enum { HELD_BACK_STRIDE = 10 };

/* Whether the image at that place of its class (0 for the first) is held back. */
static inline bool image_is_held_back(int64_t place)
{
    return place % HELD_BACK_STRIDE == 0;
}

/* How many of a class's images are held back. */
static inline int64_t held_back_count(int64_t images)
{
    return (images + HELD_BACK_STRIDE - 1) / HELD_BACK_STRIDE;
}

#endif
