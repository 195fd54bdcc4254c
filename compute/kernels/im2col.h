/* The matrix a convolution multiplies with its weights: one row for each output pixel, in it the R·S·C/G
 * inputs of one group that the kernel sees there. It is never built whole, only a tile of rows at a time. */
#ifndef FACET_COMPUTE_KERNELS_IM2COL_H
#define FACET_COMPUTE_KERNELS_IM2COL_H

#include <stddef.h>

#include "compute/kernels/convolution.h"
#include "compute/kernels/gemm.h"

/* Columns: R·S·C/G. */
size_t im2col_depth(const struct convolution *conv);

/* Output pixels of a tile. */
size_t im2col_tile_pixels(const struct convolution *conv);

/* Floats of `columns` below; 0 when x itself is the matrix. */
size_t im2col_scratch_floats(const struct convolution *conv);

/* Rows [first, first + count) of group `group`, count ≤ im2col_tile_pixels; the output pixels of all images
 * are numbered through. x (N, in_h, in_w, C). The operand points into `columns`, which is overwritten, or
 * into x. Only sizes, paddings (here they may be negative), strides and dilations of `conv` are looked at,
 * and positions outside the image read as 0. */
struct matrix im2col_tile(const struct convolution *conv, const float *x, size_t first, size_t count,
                          int32_t group, float *columns);

#endif
