/* The plan "union": modules that are maps over one parent become one network, which passes an image once. */
#ifndef FACET_MODULES_COMPOSITION_COMPOSITION_UNION_H
#define FACET_MODULES_COMPOSITION_COMPOSITION_UNION_H

#include "modules/module_set.h"

/* Whether composition_union can make one network of the modules: all are maps, over one parent.
 * STATUS_MISMATCH says which are not, and what to do. */
enum status composition_union_check(const struct module_set *set);

/* The parent's layers with the channels of which some module keeps a unit (the others are cut away), and one
 * output a module: scale·(c − not c) + offset, named by its label. A channel that is kept is kept whole:
 * units of it that no module keeps are computed as in the parent.
 *
 * *exact tells whether its outputs are the modules' own scores, up to rounding: when all have the same map,
 * every channel of it is kept whole or not at all, and all others could be cut away. The caller owns
 * *united, NULL after a failure. */
enum status composition_union(const struct module_set *set, struct network **united, bool *exact);

#endif
