/* Which channels of a network still matter when some of its units are held at zero.
 *
 * A channel of a layer is *constant* when it has the same known value at every pixel of every image: held at
 * zero, made of nothing but zeros, or a batch norm or activation of a constant. It is *live* when it is not
 * zero and something live reads it with a weight that is not zero; the output's channels all are. A channel
 * that is not live may still have to be *kept*, because the graph has no way of leaving it out: layers that
 * work channel by channel have the same channels on both sides, a sum has them on all three, a group of a
 * convolution stays whole, and every layer reads at least one channel. */
#ifndef FACET_COMPUTE_NETWORK_CHANNEL_LIVENESS_H
#define FACET_COMPUTE_NETWORK_CHANNEL_LIVENESS_H

#include "compute/network/network.h"

struct channel_liveness {
    size_t *first;  /* (layer_count + 1): channel c of layer i is entry first[i] + c of what follows */
    bool *constant; /* known to be `value` everywhere */
    float *value;
    bool *live;
    bool *kept;
};

/* alive[i] (channels of layer i, or NULL: all) tells which channels of a layer with units are not held at
 * zero; alive itself may be NULL. The network is finished. Fills *liveness, which the caller clears. */
enum status channel_liveness_find(const struct network *network, const bool *const *alive,
                                  struct channel_liveness *liveness);
/* Also of a zeroed one. */
void channel_liveness_clear(struct channel_liveness *liveness);

#endif
