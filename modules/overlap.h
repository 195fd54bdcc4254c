/* How much modules of one origin have in common: the Jaccard index |A ∩ B| / |A ∪ B| of what they keep of it
 * (docs/method.md). */
#ifndef FACET_MODULES_OVERLAP_H
#define FACET_MODULES_OVERLAP_H

#include "modules/margin.h"

enum overlap_measure {
    OVERLAP_OF_WEIGHTS, /* of the origin's weights before its output layer, which every module replaces */
    OVERLAP_OF_CHANNELS /* of its channels: where the origin's layers are not at hand (module.channels) */
};

enum { OVERLAP_PAIRS_MAX = 4096 }; /* modules of which all pairs are compared */

struct overlap {
    enum overlap_measure measure;
    int32_t count;       /* modules */
    double *with_origin; /* (count): with the whole network; owned, as is the following */
    double *between;     /* (count, count); NULL above OVERLAP_PAIRS_MAX modules */
    double mean_with_origin;
    double mean_between; /* over all pairs of two modules; NaN when there is none, or between is NULL */
};

void overlap_destroy(struct overlap **overlap);

/* Of modules measured by margin_measure: bits (count, margin->bits.words). */
enum status overlap_of_weights(const struct margin *margin, const uint64_t *bits, int32_t count,
                               struct overlap **overlap);

/* Of a set's modules: of weights when all are maps of one parent, of channels when all come from one origin
 * and say which channels they keep; else *overlap is NULL. Parents are there (not moved into a composition).
 */
enum status overlap_of_set(const struct module_set *set, struct overlap **overlap);

#endif
