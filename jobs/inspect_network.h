/* What facet inspect says of a network, alone or among modules. */
#ifndef FACET_JOBS_INSPECT_NETWORK_H
#define FACET_JOBS_INSPECT_NETWORK_H

#include <jansson.h>

#include "compute/network/network.h"

/* [H, W, C] */
json_t *inspect_shape_json(struct shape shape);

/* All but the parameters themselves. */
json_t *inspect_network_json(const struct network *network);

/* A line or two about the whole, and a table of its layers. */
void inspect_network_print(const struct network *network);
void inspect_layers_print(const struct network *network);

#endif
