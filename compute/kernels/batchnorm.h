/* Batch normalisation over the channels of an NHWC tensor (Ioffe & Szegedy, ICML 2015). `pixels` is N·H·W.
 * Statistics are summed in float64 in a fixed order. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_BATCHNORM_H
#define FACET_COMPUTE_KERNELS_BATCHNORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Floats of scratch that the functions below need for c channels. */
size_t batchnorm_scratch_floats(int32_t c);

/* Training: mean[c] and variance[c] (biased: divided by `pixels`) of x are written, and
 * y = gamma·(x − mean)/√(variance + epsilon) + beta. y may be x. */
void batchnorm_forward_training(size_t pixels, int32_t c, const float *x, const float *gamma,
                                const float *beta, float epsilon, float *mean, float *variance, float *y,
                                float *scratch);

/* Inference with the given running statistics. y may be x. */
void batchnorm_forward_inference(size_t pixels, int32_t c, const float *x, const float *gamma,
                                 const float *beta, float epsilon, const float *mean, const float *variance,
                                 float *y, float *scratch);

/* Given the x, mean and variance of batchnorm_forward_training: dgamma[c] and dbeta[c] overwritten; dx is
 * added to when `accumulate`, else overwritten (dx may be dy then). */
void batchnorm_backward(size_t pixels, int32_t c, const float *x, const float *gamma, float epsilon,
                        const float *mean, const float *variance, const float *dy, float *dgamma,
                        float *dbeta, float *dx, bool accumulate, float *scratch);

#endif
