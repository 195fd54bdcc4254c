/* Convolution as products of im2col tiles with the weights, by one serial BLIS call a tile (im2col.h has the
 * tiles' size and why), or by our own kernel where there are so few columns that BLIS's packing costs more
 * than it earns. Called by the functions of convolution.h, whose contracts hold here too; every shape
 * will do. */
#ifndef FACET_COMPUTE_KERNELS_CONVOLUTION_IM2COL_H
#define FACET_COMPUTE_KERNELS_CONVOLUTION_IM2COL_H

#include "compute/kernels/convolution.h"

size_t im2col_way_scratch_floats(const struct convolution *conv);

void im2col_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                    const struct convolution_epilogue *epilogue, float *y, float *scratch);
/* dw alone. */
void im2col_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                             float *dw, float *scratch);
void im2col_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                          float *dx, bool accumulate, float *scratch);

#endif
