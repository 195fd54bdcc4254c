/* Layers as their kernels want them. */
#ifndef FACET_COMPUTE_NETWORK_LAYER_KERNELS_H
#define FACET_COMPUTE_NETWORK_LAYER_KERNELS_H

#include "compute/kernels/activation.h"
#include "compute/kernels/channels.h"
#include "compute/kernels/convolution.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/pooling.h"
#include "compute/network/network.h"

/* Each for a layer of the kind that it is called after: a convolution, either pooling, a window, an
 * activation other than ReLU, response normalisation. */
struct convolution layer_convolution(const struct network *network, int32_t index);
struct pooling layer_pooling(const struct network *network, int32_t index);
struct window layer_window(const struct network *network, int32_t index);
struct activation layer_activation(const struct layer *layer);
struct response_normalisation layer_lrn(const struct layer *layer);

#endif
