/* Channels that can only be removed together. A sum has the same channels on all its sides, and layers that
 * work channel by channel hand them on; so the channels of a residual stream hang together over all its
 * blocks, while those inside a block are each their own (Fang et al., DepGraph, CVPR 2023). */
#ifndef FACET_MODULES_DISTILL_CHANNEL_GROUPS_H
#define FACET_MODULES_DISTILL_CHANNEL_GROUPS_H

#include "compute/network/network.h"

enum { NO_GROUP = -1 };

struct channel_groups {
    int32_t count;
    size_t *first; /* (layer_count + 1): channel c of layer i is entry first[i] + c of `group` */
    int32_t *group; /* 0 … count−1; NO_GROUP: cannot be removed, being tied to the network's input or output
                       or to no layer with units */
};

/* The caller clears *groups. */
enum status channel_groups_find(const struct network *network, struct channel_groups *groups);
/* Also of a zeroed one. */
void channel_groups_clear(struct channel_groups *groups);

#endif
