/* Networks that take the same input, merged into one: thin convolutions of one input are slow one by one,
 * each with vectors it cannot fill, and a fast one together. */
#ifndef FACET_COMPUTE_NETWORK_NETWORK_MERGE_H
#define FACET_COMPUTE_NETWORK_NETWORK_MERGE_H

#include "compute/network/network.h"

/* How many layers behind the input both begin with that are alike but for their channels and their numbers: a
 * convolution of the input (one group), and batch norm and activations behind it that nobody passes by. 0:
 * they do not begin alike, or take inputs of different shapes. */
int32_t network_common_layers(const struct network *a, const struct network *b);

/* One network whose outputs are those of all, side by side, and are theirs up to rounding. The layers that
 * all begin with are one layer each, with the channels of all, of which each network has a window; what is
 * behind stays separate. For running: layers have names of their own, scaling is the first network's. count ≥
 * 2; STATUS_USAGE when they do not begin alike, STATUS_SHAPE when outputs differ in height or width. The
 * caller owns *merged, NULL after a failure. */
enum status network_merge(const struct network *const *networks, int32_t count, struct network **merged);

#endif
