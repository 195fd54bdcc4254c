/* Measuring which way of convolving is the fastest for each shape of a network, on this processor. */
#ifndef FACET_COMPUTE_NETWORK_NETWORK_TUNE_H
#define FACET_COMPUTE_NETWORK_NETWORK_TUNE_H

#include "compute/kernels/convolution_way.h"
#include "compute/network/network.h"

/* Called before each shape is measured; may be NULL. */
typedef void (*network_tune_progress)(void *context, size_t done, size_t count);

/* An entry for each different shape of convolution in the network but depthwise ones, which have one way, in
 * order of first use; measured with n ≥ 1 images on the calling thread alone (convolution_tune). The caller
 * releases *entries with memory_free. */
enum status network_tune(const struct network *network, int32_t n, network_tune_progress progress,
                         void *context, struct convolution_plan_entry **entries, size_t *count);

#endif
