/* Fully connected layer: y (N, K) = x (N, C) · w (C, K) + bias (K). Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_DENSE_H
#define FACET_COMPUTE_KERNELS_DENSE_H

#include <stdbool.h>
#include <stdint.h>

/* bias may be NULL. */
void dense_forward(int32_t n, int32_t c, int32_t k, const float *x, const float *w, const float *bias,
                   float *y);

/* The same for few outputs of few inputs, where a product by BLIS, which packs its matrices, takes many times
 * as long as the sums. Equal up to rounding; each image by itself, in one order. */
enum { DENSE_NARROW_OUTPUTS = 16, DENSE_NARROW_INPUTS = 512 };
static inline bool dense_is_narrow(int32_t c, int32_t k)
{
    return c <= DENSE_NARROW_INPUTS && k <= DENSE_NARROW_OUTPUTS;
}
void dense_forward_narrow(int32_t n, int32_t c, int32_t k, const float *x, const float *w, const float *bias,
                          float *y);

/* dw (C, K) = xᵀ·dy and dbias (K, may be NULL) = Σ_n dy; overwritten. */
void dense_backward_weights(int32_t n, int32_t c, int32_t k, const float *x, const float *dy, float *dw,
                            float *dbias);

/* dx (N, C) = dy·wᵀ; added when `accumulate`. */
void dense_backward_data(int32_t n, int32_t c, int32_t k, const float *w, const float *dy, float *dx,
                         bool accumulate);

#endif
