/* Chains: a layer and those after it that its kernel does in the same pass over memory.
 *
 *   classifying   convolution [batchnorm] [add] [relu]     batch norm folded into scale and shift
 *                 batchnorm [add] [relu]
 *   training      batchnorm [add] [relu]                   backward too
 *   observing     convolution [batchnorm]                  every value must be readable, with the same bits
 * as when classifying: the folding alone is shared
 *
 * Each layer but the last is read by the next one alone. A chain runs when its last layer's turn comes: by
 * then what `add` adds is there. */
#ifndef FACET_COMPUTE_NETWORK_PASS_CHAIN_H
#define FACET_COMPUTE_NETWORK_PASS_CHAIN_H

#include "compute/network/pass_internal.h"

/* Runs the chain up to its layer `last` (which need not be its end) for n images; writes that layer's value.
 */
void pass_chain_forward(struct pass *pass, int32_t last, int32_t n);

/* PASS_TRAIN: from the gradient of the chain's end to those of its head's parameters, the head's input and
 * what is added. `gradient` is the whole network's. */
void pass_chain_backward(struct pass *pass, int32_t end, int32_t n, float *gradient);

/* scale[c] and shift[c] with scale·(x + bias) + shift equal to the batch norm with running statistics; bias
 * may be NULL. */
void pass_fold_batchnorm(const struct network *network, const struct layer *batchnorm, const float *bias,
                         float *scale, float *shift);

#endif
