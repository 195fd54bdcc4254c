/* Which images a class's module learns from: of every three one of the class, one of those of other classes
 * that the parent finds most like it, and one of any. */
#ifndef FACET_MODULES_DISTILL_SAMPLING_H
#define FACET_MODULES_DISTILL_SAMPLING_H

#include <stdint.h>

#include "compute/base/error.h"

struct sampling {
    int64_t count; /* images to draw from */
    int64_t own_count;
    int64_t like_count;   /* half as many as there are others, at most own_count·2, at least 1 */
    uint32_t *own, *like; /* their numbers */
    uint64_t seed;
};

/* From labels and the parent's logits (count × classes) of `count` images; likeness is the logit of class c
 * less the largest of the others. A pure function of its arguments: `seed` is that of later draws. With no
 * image of the class, or none of another, all draws are of any. The caller clears *sampling. */
enum status sampling_create(int64_t count, int32_t class_count, const int32_t *labels, const float *logits,
                            int32_t class_index, uint64_t seed, struct sampling *sampling);
/* Also of a zeroed one. */
void sampling_clear(struct sampling *sampling);

/* The number of image `place` of the batch of `step`. */
uint32_t sampling_draw(const struct sampling *sampling, int64_t step, int64_t place);
/* The same without preference. */
uint32_t sampling_draw_any(const struct sampling *sampling, int64_t step, int64_t place);

#endif
