/* Convolution without im2col: a row of output pixels is a product whose left operand are the pixels of the
 * padded image themselves, each kernel row a segment of S·C neighbours that overlaps with the next pixel's
 * (block_product.h). Called by the functions of convolution.h, whose contracts hold here too.
 *
 * Only the images' rows are copied, to give them a margin of zeros, a tile at a time; with no padding x is
 * read where it is. */
#ifndef FACET_COMPUTE_KERNELS_CONVOLUTION_DIRECT_H
#define FACET_COMPUTE_KERNELS_CONVOLUTION_DIRECT_H

#include "compute/kernels/convolution.h"

/* Whether the functions below can be called: one group, and neighbouring kernel columns. */
bool direct_applies(const struct convolution *conv);

size_t direct_scratch_floats(const struct convolution *conv);

void direct_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                    const struct convolution_epilogue *epilogue, float *y, float *scratch);
/* dw alone. */
void direct_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                             float *dw, float *scratch);
void direct_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                          float *dx, bool accumulate, float *scratch);

#endif
