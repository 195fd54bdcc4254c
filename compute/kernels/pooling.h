/* Pooling of NHWC images. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_POOLING_H
#define FACET_COMPUTE_KERNELS_POOLING_H

#include <stdbool.h>
#include <stdint.h>

struct pooling {
    int32_t in_h, in_w, c;
    int32_t out_h, out_w; /* chosen by the caller (floor or ceil mode); a window may reach past the padding */
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    /* Average pooling: false divides by the pixels of the image in the window, true by the whole window
     * (padding counted as zeros), clipped to the padded image of pad_bottom and pad_right. */
    bool count_padding;
    int32_t pad_bottom, pad_right;
};

/* A winner of a window without any pixel inside the image. */
enum { MAXPOOL_NO_WINNER = UINT16_MAX };

/* y (N, out_h, out_w, C) = maximum over the window's pixels inside the image, NaN if one of them is NaN, 0 if
 * there is none. `winner`, when not NULL, receives for every output the index within the window
 * (r·kernel_w + s; first one in reading order among equals), for the backward step; kernel_h·kernel_w ≤
 * 65,535.
 */
void maxpool_forward(const struct pooling *pool, int32_t n, const float *x, float *y, uint16_t *winner);

/* dx gets each dy at the winning pixel; added when `accumulate`, else dx starts from zero. */
void maxpool_backward(const struct pooling *pool, int32_t n, const uint16_t *winner, const float *dy,
                      float *dx, bool accumulate);

/* Mean as count_padding says; 0 for a window without any pixel inside the image. */
void avgpool_forward(const struct pooling *pool, int32_t n, const float *x, float *y);
void avgpool_backward(const struct pooling *pool, int32_t n, const float *dy, float *dx, bool accumulate);

/* Mean over all H·W pixels: y (N, C). */
void global_avgpool_forward(int32_t n, int32_t h, int32_t w, int32_t c, const float *x, float *y);
void global_avgpool_backward(int32_t n, int32_t h, int32_t w, int32_t c, const float *dy, float *dx,
                             bool accumulate);

#endif
