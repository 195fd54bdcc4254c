/* What happens along the channels of a pixel: an affine map a channel, local response normalisation, and
 * reordering. Serial; allocates nothing. `pixels` is N·H·W; x and y (pixels, C). */
#ifndef FACET_COMPUTE_KERNELS_CHANNELS_H
#define FACET_COMPUTE_KERNELS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y = scale[c]·x + shift[c]; y may be x. */
void scale_forward(size_t pixels, size_t c, const float *x, const float *scale, const float *shift, float *y);

/* dscale[c] = Σ x·dy and dshift[c] = Σ dy, summed in float64 in the pixels' order; overwritten. */
void scale_backward_parameters(size_t pixels, size_t c, const float *x, const float *dy, float *dscale,
                               float *dshift);

/* dx = scale[c]·dy; added when `accumulate`, else dx may be dy. */
void scale_backward_data(size_t pixels, size_t c, const float *scale, const float *dy, float *dx,
                         bool accumulate);

/* Local response normalisation (Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.3, with alpha divided by
 * the size as frameworks do): y = x / s^beta, s = constant + alpha/size · Σ x² over `size` channels round
 * this one: ⌊(size−1)/2⌋ before it to ⌈(size−1)/2⌉ after it, as far as there are. */
struct response_normalisation {
    int32_t size; /* ≥ 1 */
    float alpha, beta, constant;
};

/* y must not be x. */
void lrn_forward(const struct response_normalisation *lrn, size_t pixels, int32_t c, const float *x,
                 float *y);

/* dx from the x of the forward step; added when `accumulate`. dx must not be dy. */
void lrn_backward(const struct response_normalisation *lrn, size_t pixels, int32_t c, const float *x,
                  const float *dy, float *dx, bool accumulate);

/* Channels as a matrix (groups, C/groups), transposed: y[i·groups + g] = x[g·(C/groups) + i] (Zhang et al.,
 * ShuffleNet, CVPR 2018). Its backward step is the same with C/groups groups. Added when `accumulate`; y must
 * not be x. */
void shuffle_channels(size_t pixels, size_t c, size_t groups, const float *x, float *y, bool accumulate);

#endif
