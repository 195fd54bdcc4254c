/* Convolutions in which every channel is a group of its own (Howard et al., MobileNets, 2017): a matrix
 * product for each group would have one column, so they are computed directly, all channels of a tap at once.
 * Called by the functions of convolution.h, whose contracts hold here too. */
#ifndef FACET_COMPUTE_KERNELS_DEPTHWISE_H
#define FACET_COMPUTE_KERNELS_DEPTHWISE_H

#include <stdbool.h>

#include "compute/kernels/convolution.h"

/* As many groups as input channels and as output channels. */
bool is_depthwise(const struct convolution *conv);

size_t depthwise_scratch_floats(const struct convolution *conv);

void depthwise_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                       const struct convolution_epilogue *epilogue, float *y, float *scratch);
/* dw alone. */
void depthwise_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                float *dw, float *scratch);
void depthwise_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                             float *dx, bool accumulate);

#endif
