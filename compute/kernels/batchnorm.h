/* Batch normalisation over the channels of an NHWC tensor (Ioffe & Szegedy, ICML 2015). `pixels` is N·H·W.
 * Statistics are summed in a fixed order, in float64 over blocks of 32 rows. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_BATCHNORM_H
#define FACET_COMPUTE_KERNELS_BATCHNORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Floats of scratch that the functions below need for c channels. */
size_t batchnorm_scratch_floats(int32_t c);

/* What follows a batch norm in the same pass over memory: y = max(0, normalised + residual), max only with
 * `relu`; NaN stays NaN. */
struct batchnorm_epilogue {
    const float *residual; /* laid out like y, or NULL: 0. It may be y itself */
    bool relu;
};

/* Training: mean[c] and variance[c] (biased: divided by `pixels`) of x are written, and
 * y = gamma·(x − mean)/√(variance + epsilon) + beta, then the epilogue (NULL: none). y may be x. */
void batchnorm_forward_training(size_t pixels, int32_t c, const float *x, const float *gamma,
                                const float *beta, float epsilon, const struct batchnorm_epilogue *epilogue,
                                float *mean, float *variance, float *y, float *scratch);

/* Inference with the given running statistics. y may be x. */
void batchnorm_forward_inference(size_t pixels, int32_t c, const float *x, const float *gamma,
                                 const float *beta, float epsilon, const struct batchnorm_epilogue *epilogue,
                                 const float *mean, const float *variance, float *y, float *scratch);

/* The epilogue's backward step. dz is the gradient with respect to what the batch norm alone gave: dy, where
 * there is a ReLU only at y > 0. It is the residual's gradient too. */
struct batchnorm_epilogue_gradient {
    const float *y;           /* what the forward step wrote, if it had `relu`; NULL: dz = dy */
    float *dresidual;         /* receives dz; may be dy itself; NULL: not wanted */
    bool accumulate_residual; /* dresidual += dz instead; it must not be dy then */
};

/* Given the x, mean and variance of batchnorm_forward_training: dgamma[c] and dbeta[c] overwritten; dx is
 * added to when `accumulate`, else overwritten (dx may be dy then, if dresidual is not). `epilogue` NULL:
 * there was none. */
void batchnorm_backward(size_t pixels, int32_t c, const float *x, const float *gamma, float epsilon,
                        const struct batchnorm_epilogue_gradient *epilogue, const float *mean,
                        const float *variance, const float *dy, float *dgamma, float *dbeta, float *dx,
                        bool accumulate, float *scratch);

#endif
