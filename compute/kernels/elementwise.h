/* ReLU, unit masks, addition, multiplication, and copying blocks of channels or pixels. Serial; allocates
 * nothing. */
#ifndef FACET_COMPUTE_KERNELS_ELEMENTWISE_H
#define FACET_COMPUTE_KERNELS_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y = max(x, 0); y may be x. NaN stays NaN. */
void relu_forward(size_t count, const float *x, float *y);

/* dx = dy where y > 0, else 0 (y is relu_forward's result); added when `accumulate`; dx may be dy otherwise.
 */
void relu_backward(size_t count, const float *y, const float *dy, float *dx, bool accumulate);

/* x (n images of `units` floats) is multiplied by keep (units floats, 0 or 1), image by image. */
void mask_apply(int32_t n, size_t units, const float *keep, float *x);

/* y = a + b; y may be a or b. */
void add_forward(size_t count, const float *a, const float *b, float *y);

/* y = a·b for n images of (pixels, C) and factors b (n, factor_pixels, C): as many pixels, or one, whose
 * factors go for all of the image. y may be a, or b when it has as many pixels. */
void multiply_forward(int32_t n, size_t pixels, size_t factor_pixels, size_t c, const float *a,
                      const float *b, float *y);

/* da = dy·b and db = a·dy, summed over the image's pixels (in float64, in their order) when b has one a
 * channel; each added when its `accumulate`. NULL for one that is not wanted. Neither may be dy. */
void multiply_backward(int32_t n, size_t pixels, size_t factor_pixels, size_t c, const float *a,
                       const float *b, const float *dy, float *da, bool accumulate_a, float *db,
                       bool accumulate_b);

/* dst = src, or dst += src when `accumulate`. */
void copy_or_add(size_t count, const float *src, float *dst, bool accumulate);

/* Copies `rows` rows of `width` floats between tensors of different row length: dst row i starts at
 * i·dst_stride, src row i at i·src_stride; added when `accumulate`. Concatenation over channels is one such
 * call an input, its backward step another. */
void copy_rows(size_t rows, size_t width, const float *src, size_t src_stride, float *dst, size_t dst_stride,
               bool accumulate);

/* dst, whose rows are dst_stride apart, = the transpose of src, `rows` rows of `columns` floats src_stride
 * apart. */
void transpose_rows(ptrdiff_t rows, ptrdiff_t columns, const float *src, ptrdiff_t src_stride, float *dst,
                    ptrdiff_t dst_stride);

/* A box cut out of an image with steps, and put back: out(h, w, c) = in(h·step_h + from_h, …) where that lies
 * inside the input, 0 where it does not. With negative `from` it pads, with positive it crops; the option-A
 * shortcut of ResNet (He et al., CVPR 2016) is step 2 in space and from_c = −(K−C)/2. */
struct window {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t from_h, from_w, from_c;
    int32_t step_h, step_w; /* ≥ 1; channels always step by one */
};
void window_forward(const struct window *window, int32_t n, const float *x, float *y);
void window_backward(const struct window *window, int32_t n, const float *dy, float *dx, bool accumulate);

#endif
