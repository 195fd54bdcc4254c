/* A network with channels of zeros beside its own. Kernels are fast when channels come in whole vectors; what
 * was cut out of a network has any number of them, and a few multiplications by zero are cheaper than a slow
 * kernel. For running alone: not for training, nor for files. */
#ifndef FACET_COMPUTE_NETWORK_CHANNEL_PADDING_H
#define FACET_COMPUTE_NETWORK_CHANNEL_PADDING_H

#include "compute/network/network.h"

/* The network with the outputs of its convolutions rounded up to whole multiples of `multiple` channels, each
 * where that is at most `most` times the channels it has; the input and the output stay. Its outputs are the
 * network's, up to rounding. *padded is NULL where nothing would change, and where a layer is not of a kind
 * that keeps zeros zero and channels apart (or a convolution has groups). The caller owns *padded. */
enum status network_pad_channels(const struct network *network, int32_t multiple, double most,
                                 struct network **padded);

#endif
