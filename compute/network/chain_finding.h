/* Which layers of a network form chains: see network/pass_chain.h. */
#ifndef FACET_COMPUTE_NETWORK_CHAIN_FINDING_H
#define FACET_COMPUTE_NETWORK_CHAIN_FINDING_H

#include "compute/network/pass_plan.h"

/* Fills chain_head and chain_next of all layers of the plan. `only_reader` (layer_count) is
 * scratch. */
void chains_find(const struct network *network, enum pass_mode mode, int32_t *only_reader,
                 struct plan_layer *layers);

#endif
