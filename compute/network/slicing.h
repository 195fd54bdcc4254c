/* A smaller network without the channels that do not matter when some are held at zero. */
#ifndef FACET_COMPUTE_NETWORK_SLICING_H
#define FACET_COMPUTE_NETWORK_SLICING_H

#include "compute/network/network.h"

/* A sliced network, and where its layers and channels come from. */
struct slicing {
    struct network *network; /* owned, as are the arrays */
    int32_t *origin;         /* (network->layer_count): the layer of the original */
    size_t *first_channel;   /* (network->layer_count + 1): into channels */
    int32_t *channels;       /* channel c of layer i was channels[first_channel[i] + c] of layer origin[i] */
};

/* Removes the channels that do not matter when those given are held at zero. alive[i] (channels of layer i,
 * or NULL: all) tells which channels of a layer with units are not; alive itself may be NULL. What goes:
 * filters, biases, entries of batch norms, slices of the kernels that read them, operands of a concatenation
 * of which nothing is left, layers that nobody needs then. A channel goes, too, when nothing alive reads it,
 * or when it is known to be zero for another reason; it stays where the graph cannot do without it
 * (channel_liveness.h). The input, the outputs and their names stay.
 *
 * Exact: with the dead channels that are still there held at zero, its outputs are those of the original with
 * all dead channels held at zero, up to rounding. Masks and maps over single units carry over: height and
 * width stay, so unit (pixel p, channel c) of layer i was unit (p, channels[…]) of origin[i]. The caller
 * clears *slicing. */
enum status network_slice(const struct network *network, const bool *const *alive, struct slicing *slicing);

/* Also of a zeroed one. */
void slicing_clear(struct slicing *slicing);

/* Whether some channel that is not alive (as network_slice was told) is still there, so that the sliced
 * network must hold it at zero. */
bool slicing_keeps_dead(const struct slicing *slicing, const bool *const *alive);

#endif
