/* 3×3 convolutions of stride 1 by Winograd's minimal filtering (winograd_transform.h): image and kernel tiles
 * are transformed, multiplied channel matrix by channel matrix, one product for each of the α² positions of a
 * tile, and transformed back. It takes 4/9 (F(2×2)) or 1/4 (F(4×4)) of the multiplications, at a larger
 * error: below 1e-4 of the largest result. Called by the functions of convolution.h, whose contracts hold
 * here too.
 *
 * `m` is the size of a tile of the result, 2 or 4. */
#ifndef FACET_COMPUTE_KERNELS_WINOGRAD_H
#define FACET_COMPUTE_KERNELS_WINOGRAD_H

#include "compute/kernels/convolution.h"

/* 3×3, stride 1, no dilation, one group. */
bool winograd_applies(const struct convolution *conv);

size_t winograd_scratch_floats(const struct convolution *conv, int m);

void winograd_forward(const struct convolution *conv, int m, int32_t n, const float *x, const float *w,
                      const struct convolution_epilogue *epilogue, float *y, float *scratch);
/* dw alone. */
void winograd_backward_weights(const struct convolution *conv, int m, int32_t n, const float *x,
                               const float *dy, float *dw, float *scratch);
void winograd_backward_data(const struct convolution *conv, int m, int32_t n, const float *w, const float *dy,
                            float *dx, bool accumulate, float *scratch);

#endif
