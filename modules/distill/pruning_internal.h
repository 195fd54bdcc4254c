/* What a pruning is, for the files that make one. */
#ifndef FACET_MODULES_DISTILL_PRUNING_INTERNAL_H
#define FACET_MODULES_DISTILL_PRUNING_INTERNAL_H

#include <stdbool.h>

#include "modules/distill/channel_groups.h"
#include "modules/distill/pruning.h"

struct pruning {
    const struct network *whole;
    struct network *network; /* owned */
    /* Channel c of layer i of `network` was channel channel_of[first[i] + c] of layer layer_of[i] of whole.
     */
    int32_t *layer_of;
    size_t *first; /* (layer_count + 1) */
    int32_t *channel_of;
    struct channel_groups groups;
    double *importance; /* (groups.count) */
    bool *counted;      /* (layer_count): the layer's parameters make channels; see find_counted */
};

/* Fills what follows from pruning->network: groups, importance (none yet) and counted. What a failure leaves
 * is released by pruning_destroy. */
enum status pruning_study(struct pruning *pruning);

#endif
