/* Convolution of NHWC images, forward and backward. There are several ways, and convolution_way.h says which
 * is taken where: products of im2col tiles by BLIS (convolution_im2col.h), products straight from the image's
 * rows (convolution_direct.h), Winograd's minimal filtering (winograd.h), and channel by channel where each
 * is a group of its own (depthwise.h). Letters, here and everywhere: N images, H×W pixels, C input channels,
 * K output channels, R×S kernel, G groups. (This is cross-correlation, as in every deep-learning framework.)
 *
 * All functions are serial and allocate nothing: the caller gives scratch memory, and runs several of them at
 * once on different images (threads own slices of a batch, see network/pass.h).
 *
 * Layouts: x (N, in_h, in_w, C), y (N, out_h, out_w, K), w (R, S, C/G, K): the GEMM is
 * [pixels × R·S·C/G] · [R·S·C/G × K/G] for each group; group g has columns g·K/G … of w, so rows of w are K
 * apart. */
#ifndef FACET_COMPUTE_KERNELS_CONVOLUTION_H
#define FACET_COMPUTE_KERNELS_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct convolution {
    int32_t in_h, in_w, in_c; /* one image */
    int32_t out_h, out_w,
        out_c; /* out_h = (in_h + pad_top + pad_bottom − dilation_h·(R−1) − 1) / stride_h + 1 */
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left, pad_bottom, pad_right;
    int32_t dilation_h, dilation_w;
    int32_t groups; /* divides in_c and out_c */
};

/* What is done to the sums of a convolution while their tile is still in cache:
 *
 *   y = max(0, scale·(x ∗ w) + shift + residual)   — max only with `relu`; NaN stays NaN.
 *
 * A bias is a shift alone, a folded batch norm scale and shift. */
struct convolution_epilogue {
    const float *scale;    /* (K), or NULL: 1 */
    const float *shift;    /* (K), or NULL: 0 */
    const float *residual; /* laid out like y, or NULL: 0. It may be y itself, which then is overwritten; no
                              other overlap with y */
    bool relu;
};

/* Floats of scratch that any of the functions below needs for this convolution, in the ways chosen for it now
 * (convolution_way.h); N does not matter. */
size_t convolution_scratch_floats(const struct convolution *conv);

/* y = x ∗ w, then the epilogue (NULL: none). */
void convolution_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const struct convolution_epilogue *epilogue, float *y, float *scratch);

/* dw = Σ over images of the gradient with respect to w, dbias (may be NULL) = Σ over images and pixels of dy.
 * Both are overwritten. */
void convolution_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                  float *dw, float *dbias, float *scratch);

/* dx = gradient with respect to x; added to what dx holds when `accumulate`, else overwritten. */
void convolution_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                               float *dx, bool accumulate, float *scratch);

#endif
